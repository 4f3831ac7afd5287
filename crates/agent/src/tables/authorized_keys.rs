// SPDX-License-Identifier: Apache-2.0
//! `authorized_keys`: the keys that may log in as a user, from `~/.ssh/authorized_keys` and
//! `authorized_keys2`. Files that sshd is told to look for elsewhere are not read.

use super::{Column, NAMESPACE_COLUMN, Scan, Table, TableError, bigint, homes, integer, text};
use crate::limits::USER_FILE_BYTES_MAX;

/// See the head of this file.
pub struct AuthorizedKeys;

const COLUMNS: &[Column] = &[
    bigint("uid").additional(),
    text("algorithm"),
    text("key"),
    text("options"),
    text("comment"),
    text("key_file"),
    integer(NAMESPACE_COLUMN).additional().hidden(),
];

const FILES: [&str; 2] = [".ssh/authorized_keys", ".ssh/authorized_keys2"];

impl Table for AuthorizedKeys {
    fn name(&self) -> &'static str {
        "authorized_keys"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn is_user_data(&self) -> bool {
        true
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for home in homes::of_scan(scan)? {
            for path in FILES.map(|file| home.directory.join(file)) {
                let Some(content) = home.text(scan, &path, USER_FILE_BYTES_MAX) else { continue };
                for entry in content.lines().filter_map(Entry::parse) {
                    let row = scan
                        .row()
                        .set("uid", home.uid)
                        .set("algorithm", entry.algorithm)
                        .set("key", entry.key)
                        .set("options", entry.options)
                        .set("comment", entry.comment)
                        .set("key_file", path.as_path())
                        .set(NAMESPACE_COLUMN, 0);
                    scan.push(row)?;
                }
            }
        }
        Ok(())
    }
}

/// One line of the file (`sshd(8)`, AUTHORIZED_KEYS FILE FORMAT).
#[derive(Debug, PartialEq, Eq)]
struct Entry<'l> {
    options: &'l str,
    algorithm: &'l str,
    key: &'l str,
    comment: &'l str,
}

impl<'l> Entry<'l> {
    /// `None` for comments and for lines without a key that sshd could accept.
    fn parse(line: &'l str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (mut options, (mut algorithm, mut rest)) = ("", split_unquoted(line));
        if !is_algorithm(algorithm) {
            options = algorithm;
            (algorithm, rest) = split_unquoted(rest);
        }
        let (key, comment) = split_unquoted(rest);
        (is_algorithm(algorithm) && !key.is_empty()).then_some(Self {
            options,
            algorithm,
            key,
            comment,
        })
    }
}

/// The first word and the rest, where spaces in double quotes belong to the word.
fn split_unquoted(text: &str) -> (&str, &str) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            '"' if !is_escaped => is_quoted = !is_quoted,
            ' ' | '\t' if !is_quoted => return (&text[..at], text[at..].trim_start()),
            _ => {}
        }
        is_escaped = character == '\\' && !is_escaped;
    }
    (text, "")
}

fn is_algorithm(word: &str) -> bool {
    let is_family = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-sha2-"]
        .iter()
        .any(|family| word.len() > family.len() && word.starts_with(family));
    is_family && word.chars().all(|c| c.is_ascii_alphanumeric() || "-.@".contains(c))
}

#[cfg(test)]
mod tests {
    use super::Entry;

    #[test]
    fn lines_are_taken_apart() {
        let entry =
            |options, algorithm, key, comment| Some(Entry { options, algorithm, key, comment });
        for (line, expected) in [
            ("ssh-rsa AAAA me@host", entry("", "ssh-rsa", "AAAA", "me@host")),
            ("  ssh-ed25519\tBBBB", entry("", "ssh-ed25519", "BBBB", "")),
            (
                r#"command="echo \"ssh-rsa AAAA\" x",no-pty sk-ssh-ed25519@openssh.com CC a b"#,
                entry(
                    r#"command="echo \"ssh-rsa AAAA\" x",no-pty"#,
                    "sk-ssh-ed25519@openssh.com",
                    "CC",
                    "a b",
                ),
            ),
            ("cert-authority ssh-dss D", entry("cert-authority", "ssh-dss", "D", "")),
            ("# ssh-rsa AAAA", None),
            ("ssh-rsa", None),
            ("ssh-rsa ", None),
            ("ssh- AAAA", None),
            ("a b ssh-rsa AAAA", None),
            (r#"command="never closed ssh-rsa AAAA"#, None),
            ("\u{fffd}\0", None),
            ("", None),
        ] {
            assert_eq!(Entry::parse(line), expected, "{line}");
        }
    }
}
