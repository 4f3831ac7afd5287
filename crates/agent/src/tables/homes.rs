// SPDX-License-Identifier: Apache-2.0
//! Home directories for the tables about one user's files. Without a constraint on `uid` these
//! tables show the user the agent runs as, as in osquery; a join with `users` shows everybody.
//!
//! What lies in a home directory is under somebody else's control: it is read with a bound, and a
//! file that cannot be read, or is too large, is passed over with a line in the agent's log, so
//! that one user cannot spoil the answer about the others.

use std::io;
use std::path::{Path, PathBuf};

use super::users::User;
use super::{Scan, TableError, read};
use crate::limits::ETC_FILE_BYTES_MAX;

/// A user and where their files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The user's number.
    pub uid: u32,
    /// The user's name.
    pub username: String,
    /// The home directory, as `/etc/passwd` has it.
    pub directory: PathBuf,
}

/// The homes that the query means by its constraint on `uid`. Users that share a number have
/// rows of their own; users without a home directory have none.
///
/// # Errors
/// When `/etc/passwd` cannot be read.
pub fn of_scan(scan: &Scan<'_>) -> Result<Vec<Home>, TableError> {
    let wanted: Vec<u32> = match scan.equals("uid") {
        wanted if wanted.is_empty() => vec![nix::unistd::geteuid().as_raw()],
        wanted => wanted.iter().filter_map(|uid| uid.parse().ok()).collect(),
    };
    let mut homes = all(scan)?;
    homes.retain(|home| wanted.contains(&home.uid));
    Ok(homes)
}

/// The homes of all local users.
///
/// # Errors
/// When `/etc/passwd` cannot be read.
pub fn all(scan: &Scan<'_>) -> Result<Vec<Home>, TableError> {
    let passwd = passwd(scan)?;
    let users = passwd.lines().filter_map(User::parse);
    let with_home = users.filter(|user| user.directory.starts_with('/'));
    Ok(with_home
        .map(|user| Home {
            uid: user.uid,
            username: user.name.to_owned(),
            directory: PathBuf::from(user.directory),
        })
        .collect())
}

/// The text of `/etc/passwd`.
///
/// # Errors
/// When it exists and cannot be read.
pub fn passwd(scan: &Scan<'_>) -> Result<String, TableError> {
    let path = scan.host().at(Path::new("/etc/passwd"));
    read::text_if_exists(&path, ETC_FILE_BYTES_MAX).map_err(|error| scan.unreadable(error))
}

impl Home {
    /// A file in the home directory, `path` being its absolute path on the host, as bytes.
    /// `None` when it is not there or cannot be read.
    pub fn read(&self, scan: &Scan<'_>, path: &Path, bytes_max: u64) -> Option<Vec<u8>> {
        let (home, place) = (scan.host().at(&self.directory), scan.host().at(path));
        let content = read::open_in_home(&home, &place, self.uid)
            .and_then(|file| read::content(file, &place, bytes_max));
        match content {
            Ok(content) => Some(content),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(uid = self.uid, "a file is left out: {error}");
                }
                None
            }
        }
    }

    /// The same as text; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self, scan: &Scan<'_>, path: &Path, bytes_max: u64) -> Option<String> {
        self.read(scan, path, bytes_max).map(read::lossy)
    }
}
