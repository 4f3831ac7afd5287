// SPDX-License-Identifier: Apache-2.0
//! The demonstration's directory. It is emptied at each start, so it must be one that an earlier
//! demonstration made: a marker says so, and a lock on the marker keeps two apart.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use mimir_server::serve::Running;
use serde::Deserialize;

/// The file that marks the directory as ours.
const MARKER: &str = "this-is-a-mimir-demo";
/// What the server's first start made.
const BOOTSTRAP: &str = "bootstrap.json";

/// The directory, locked for as long as this lives.
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

/// How agents and people reach the server.
pub(super) struct Access {
    pub(super) url: String,
    pub(super) ca: PathBuf,
    pub(super) ca_pem: String,
    pub(super) admin: String,
    pub(super) password: String,
    /// Whether the password was made at this start; later it may have been changed.
    pub(super) is_new: bool,
    pub(super) api_key: String,
    pub(super) enrollment_secret: String,
}

/// The part of the bootstrap file that is read again.
#[derive(Deserialize)]
struct Bootstrap {
    admin_username: String,
    admin_password: String,
    api_key: String,
    enrollment_secret: String,
}

impl Folder {
    /// Makes the directory, or takes over one of ours, empty unless `keep`.
    ///
    /// # Errors
    /// When it holds something else, is in use, or cannot be written.
    pub(super) fn open(path: &Path, keep: bool) -> anyhow::Result<Self> {
        let cannot = || format!("cannot use {}", path.display());
        let marker = path.join(MARKER);
        if !marker.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(cannot)?;
            if fs::read_dir(path).with_context(cannot)?.next().is_some() {
                bail!(
                    "{} is not empty and no earlier demonstration's; give another --data-dir",
                    path.display()
                );
            }
        }
        let lock = private(&marker).with_context(cannot)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "a demonstration is running in {}; end it or give another --data-dir",
                path.display()
            ),
            Err(TryLockError::Error(error)) => return Err(error).with_context(cannot),
        }
        if !keep {
            clear(path).with_context(cannot)?;
        }
        Ok(Self { path: fs::canonicalize(path).with_context(cannot)?, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn bootstrap_file(&self) -> PathBuf {
        self.path.join(BOOTSTRAP)
    }

    /// A file that only its owner may read, emptied.
    pub(super) fn create_file(&self, name: &str) -> anyhow::Result<File> {
        let path = self.path.join(name);
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        let file = private(&path).and_then(|file| file.set_len(0).map(|()| file));
        file.with_context(|| format!("cannot write {}", path.display()))
    }

    /// How to reach the server that runs here.
    pub(super) fn access(&self, server: &Running) -> anyhow::Result<Access> {
        let file = self.bootstrap_file();
        let text = fs::read_to_string(&file).with_context(|| {
            format!("cannot read {}; start without --keep to begin anew", file.display())
        })?;
        let made: Bootstrap = serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged; start without --keep", file.display()))?;
        let ca = server.ca.clone().context("the server has no CA certificate of its own")?;
        Ok(Access {
            url: server.url.clone(),
            ca_pem: fs::read_to_string(&ca)?,
            ca,
            admin: made.admin_username,
            password: made.admin_password,
            is_new: server.bootstrap.is_some(),
            api_key: made.api_key,
            enrollment_secret: made.enrollment_secret,
        })
    }
}

fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}

/// Removes everything but the marker.
fn clear(path: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name() == MARKER {
            continue;
        }
        let removed = match entry.file_type()?.is_dir() {
            true => fs::remove_dir_all(entry.path()),
            false => fs::remove_file(entry.path()),
        };
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_directory_is_emptied() {
        let home = tempfile::tempdir().unwrap();
        let theirs = home.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        fs::write(theirs.join("thesis.txt"), "years of work").unwrap();
        assert!(Folder::open(&theirs, false).is_err());
        assert!(theirs.join("thesis.txt").exists());

        let ours = home.path().join("ours");
        let folder = Folder::open(&ours, false).unwrap();
        drop(folder.create_file("agents/web-01/agent.log").unwrap());
        assert!(Folder::open(&ours, false).is_err(), "it is in use");
        drop(folder);
        drop(Folder::open(&ours, true).unwrap());
        assert!(ours.join("agents/web-01/agent.log").exists());
        drop(Folder::open(&ours, false).unwrap());
        assert_eq!(fs::read_dir(&ours).unwrap().count(), 1);
    }
}
