// SPDX-License-Identifier: Apache-2.0
//! `user_groups`: which users are in which groups, by `/etc/passwd` and `/etc/group`. Directory
//! services are not asked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::users::User;
use super::{Column, Scan, Table, TableError, bigint, homes, read};
use crate::limits::ETC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct UserGroups;

const COLUMNS: &[Column] = &[bigint("uid").index(), bigint("gid").index()];

impl Table for UserGroups {
    fn name(&self) -> &'static str {
        "user_groups"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let passwd = homes::passwd(scan)?;
        let path = scan.host().at(Path::new("/etc/group"));
        let group = read::text_if_exists(&path, ETC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        for (uid, gids) in memberships(&passwd, &group) {
            for gid in gids {
                let row = scan.row().set("uid", uid).set("gid", gid);
                scan.push(row)?;
            }
        }
        Ok(())
    }
}

/// The groups of each user: their own first, then those that list them. Of several names of one
/// number the first counts, as for `getpwuid`.
fn memberships(passwd: &str, group: &str) -> BTreeMap<u32, Vec<u32>> {
    let mut listed: HashMap<&str, Vec<u32>> = HashMap::new();
    for line in group.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [_, _, gid, members] = fields[..] else { continue };
        let Ok(gid) = gid.parse() else { continue };
        for member in members.split(',').filter(|member| !member.is_empty()) {
            listed.entry(member.trim()).or_default().push(gid);
        }
    }
    let mut users = BTreeMap::new();
    for user in passwd.lines().filter_map(User::parse) {
        users.entry(user.uid).or_insert_with(|| {
            let others = listed.get(user.name).into_iter().flatten().copied();
            let mut seen = BTreeSet::new();
            [user.gid].into_iter().chain(others).filter(|gid| seen.insert(*gid)).collect()
        });
    }
    users
}

#[cfg(test)]
mod tests {
    use super::memberships;

    #[test]
    fn groups_are_those_of_the_first_name_without_repetition() {
        let passwd = "ann:x:1000:100::/home/ann:/bin/sh\nalias:x:1000:7::/:/bin/sh\nbroken\n";
        let group = "users:x:100:ann\nadm:x:4:bob,ann\nalias:x:9:alias\nbad:x:no:ann\nx:y\n";
        let found = memberships(passwd, group);
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [(1000, vec![100, 4])]);
    }
}
