// SPDX-License-Identifier: Apache-2.0
//! `etc_hosts`: the names in `/etc/hosts`, a row a line.

use std::path::Path;

use super::{Column, NAMESPACE_COLUMN, Scan, Table, TableError, integer, read, text};
use crate::limits::ETC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct EtcHosts;

const COLUMNS: &[Column] =
    &[text("address"), text("hostnames"), integer(NAMESPACE_COLUMN).additional().hidden()];

impl Table for EtcHosts {
    fn name(&self) -> &'static str {
        "etc_hosts"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["hosts"]
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let hosts = read::text_if_exists(Path::new("/etc/hosts"), ETC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        for (address, hostnames) in hosts.lines().filter_map(entry) {
            let row = scan.row().set("address", address).set("hostnames", hostnames);
            scan.push(row.set(NAMESPACE_COLUMN, 0))?;
        }
        Ok(())
    }
}

/// Address and names of a line, without its comment.
fn entry(line: &str) -> Option<(&str, String)> {
    let mut words = line.split('#').next()?.split_whitespace();
    let address = words.next()?;
    Some((address, words.collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn comments_and_blank_lines_are_no_entries() {
        assert_eq!(
            entry("10.0.0.1\tweb  web.local # main"),
            Some(("10.0.0.1", "web web.local".into()))
        );
        assert_eq!(entry("# 10.0.0.1 web"), None);
        assert_eq!(entry("   "), None);
    }
}
