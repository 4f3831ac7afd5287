// SPDX-License-Identifier: Apache-2.0
//! `ssh_configs`: the options in `~/.ssh/config`, and in `/etc/ssh/ssh_config` as user 0, each
//! with the `Host` or `Match` line it stands under. In lower case, as osquery has them. Included
//! files are not followed.

use std::path::Path;

use super::{Column, Scan, Table, TableError, bigint, homes, read, text};
use crate::limits::{ETC_FILE_BYTES_MAX, USER_FILE_BYTES_MAX};

/// See the head of this file.
pub struct SshConfigs;

const COLUMNS: &[Column] =
    &[bigint("uid").additional(), text("block"), text("option"), text("ssh_config_file")];

const SYSTEM_FILE: &str = "/etc/ssh/ssh_config";

impl Table for SshConfigs {
    fn name(&self) -> &'static str {
        "ssh_configs"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn is_user_data(&self) -> bool {
        true
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for home in homes::of_scan(scan)? {
            let path = home.directory.join(".ssh/config");
            if let Some(content) = home.text(scan, &path, USER_FILE_BYTES_MAX) {
                push_options(scan, home.uid, &path, &content)?;
            }
        }
        let wanted = scan.equals("uid");
        if wanted.is_empty() || wanted.contains(&"0") {
            let path = Path::new(SYSTEM_FILE);
            let content = read::text_if_exists(&scan.host().at(path), ETC_FILE_BYTES_MAX)
                .map_err(|error| scan.unreadable(error))?;
            push_options(scan, 0, path, &content)?;
        }
        Ok(())
    }
}

fn push_options(
    scan: &mut Scan<'_>,
    uid: u32,
    path: &Path,
    content: &str,
) -> Result<(), TableError> {
    for (block, option) in options(content) {
        let row = scan.row().set("uid", uid).set("block", block).set("option", option);
        scan.push(row.set("ssh_config_file", path))?;
    }
    Ok(())
}

/// Each option with the line of its block; empty before the first block.
fn options(content: &str) -> Vec<(String, String)> {
    let mut block = String::new();
    let mut found = Vec::new();
    for line in content.lines().map(|line| line.trim().to_lowercase()) {
        let keyword = line.split([' ', '\t', '=']).next().unwrap_or_default();
        match keyword {
            _ if line.is_empty() || line.starts_with('#') => {}
            "host" | "match" => block = line,
            _ => found.push((block.clone(), line)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::options;

    #[test]
    fn options_stand_under_their_block() {
        let content = "# c\nCompression yes\n\nHost *.example.org\n  User Ann\n\tPort=22\n\
                       Match\tall\n HostName x\n";
        let pair = |block: &str, option: &str| (block.to_owned(), option.to_owned());
        assert_eq!(
            options(content),
            [
                pair("", "compression yes"),
                pair("host *.example.org", "user ann"),
                pair("host *.example.org", "port=22"),
                pair("match\tall", "hostname x"),
            ]
        );
    }
}
