// SPDX-License-Identifier: Apache-2.0
//! `shadow`: the state of local passwords, from `/etc/shadow` (`shadow(5)`). The hashes
//! themselves are never shown. Only root may read the file; for others it is an error.
//!
//! Numbers that the file leaves out are -1, as the C library gives them; a missing `flag` is
//! nothing.

use std::path::Path;

use super::{Column, Scan, Table, TableError, bigint, read, text};
use crate::limits::ETC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct Shadow;

const COLUMNS: &[Column] = &[
    text("password_status"),
    text("hash_alg"),
    bigint("last_change"),
    bigint("min"),
    bigint("max"),
    bigint("warning"),
    bigint("inactive"),
    bigint("expire"),
    bigint("flag"),
    text("username").index(),
];

/// The numbers of a line in its order, from the third field on.
const NUMBERS: [&str; 6] = ["last_change", "min", "max", "warning", "inactive", "expire"];

impl Table for Shadow {
    fn name(&self) -> &'static str {
        "shadow"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let shadow = read::text_if_exists(Path::new("/etc/shadow"), ETC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        let wanted = scan.equals("username");
        for entry in shadow.lines().filter_map(Entry::parse) {
            if !wanted.is_empty() && !wanted.contains(&entry.name) {
                continue;
            }
            let mut row = scan
                .row()
                .set("password_status", status(entry.password))
                .set("hash_alg", algorithm(entry.password));
            for (column, number) in NUMBERS.into_iter().zip(entry.numbers) {
                row = row.set(column, number);
            }
            scan.push(row.set("flag", entry.flag).set("username", entry.name))?;
        }
        Ok(())
    }
}

/// One line of the file.
struct Entry<'l> {
    name: &'l str,
    password: &'l str,
    numbers: [Option<i64>; NUMBERS.len()],
    flag: Option<i64>,
}

impl<'l> Entry<'l> {
    /// `None` for comments, NIS markers and lines without a password field. A field that should
    /// be a number and is none shows as nothing; the user is not hidden for it.
    fn parse(line: &'l str) -> Option<Self> {
        let mut fields = line.split(':');
        let (name, password) = (fields.next()?, fields.next()?);
        if name.is_empty() || name.starts_with(['#', '+', '-']) {
            return None;
        }
        let mut numbers = [Some(-1); NUMBERS.len()];
        for number in &mut numbers {
            match fields.next().map(str::trim) {
                None | Some("") => {}
                Some(field) => *number = field.parse().ok(),
            }
        }
        Some(Self {
            name,
            password,
            numbers,
            flag: fields.next().and_then(|text| text.parse().ok()),
        })
    }
}

/// osquery's words for a password field.
fn status(password: &str) -> &'static str {
    match password {
        "" => "empty",
        "!!" => "not_set",
        _ if password.starts_with(['!', '*', 'x']) => "locked",
        _ => "active",
    }
}

/// The algorithm's letters between the first two dollar signs (`crypt(5)`).
fn algorithm(password: &str) -> Option<&str> {
    let (name, _) = password.strip_prefix('$')?.split_once('$')?;
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (!name.is_empty() && name.bytes().all(is_word)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_passwords() {
        for (password, word, hash) in [
            ("", "empty", None),
            ("!!", "not_set", None),
            ("!", "locked", None),
            ("*", "locked", None),
            ("x", "locked", None),
            ("!$6$salt$hash", "locked", None),
            ("$6$salt$hash", "active", Some("6")),
            ("$y$j9T$salt$hash", "active", Some("y")),
            ("$2b$12$saltandhash", "active", Some("2b")),
            ("$$x", "active", None),
            ("$6", "active", None),
            ("$a b$x", "active", None),
            ("abcdefghijklm", "active", None),
        ] {
            assert_eq!((status(password), algorithm(password)), (word, hash), "{password}");
        }
    }

    #[test]
    fn missing_numbers_are_minus_one_and_broken_ones_nothing() {
        let entry = Entry::parse("root:$6$s$h:19000:0:99999:7:::").unwrap();
        let expected = [19_000, 0, 99_999, 7, -1, -1].map(Some);
        assert_eq!((entry.numbers, entry.flag), (expected, None));
        let entry = Entry::parse("cut:*:x").unwrap();
        assert_eq!(entry.numbers, [None, Some(-1), Some(-1), Some(-1), Some(-1), Some(-1)]);
        assert_eq!(Entry::parse("a:b:1:2:3:4:5:6:7").unwrap().flag, Some(7));
        for line in ["", "root", ":x:", "+::", "-bob::", "# root:x:"] {
            assert!(Entry::parse(line).is_none(), "{line}");
        }
    }
}
