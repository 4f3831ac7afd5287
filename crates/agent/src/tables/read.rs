// SPDX-License-Identifier: Apache-2.0
//! Reading files with a bound, without ever waiting for one and without waking what is no file: a
//! FIFO or a device in the place of a file must not hang a query, and merely opening a device can
//! act on the machine. So a path is first opened as a place in the file system only, looked at,
//! and opened for reading when it is a regular file that tables may show.
//!
//! The agent's own secrets (its state directory, its enrolment secret) are named with
//! [`protect`]; no table can read them afterwards, whatever path, link or mount leads there.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use nix::fcntl::OFlag;

/// What [`protect`] was given, in the form the kernel shows paths.
static PROTECTED: RwLock<Vec<PathBuf>> = RwLock::new(Vec::new());

/// Without waiting for a writer and without becoming a controlling terminal.
const READ_FLAGS: OFlag = OFlag::O_NONBLOCK.union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

/// Keeps a file, or a directory with everything in it, from all tables of this process. The file
/// may come to be later.
///
/// # Errors
/// When there is not even a directory for it.
pub fn protect(path: &Path) -> io::Result<()> {
    let path = fs::canonicalize(path).or_else(|error| match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => Ok(fs::canonicalize(parent)?.join(name)),
        _ => Err(error),
    })?;
    let mut known = PROTECTED.write().unwrap_or_else(PoisonError::into_inner);
    if !known.contains(&path) {
        known.push(path);
    }
    Ok(())
}

/// Everything that [`protect`] was given in this process.
pub fn protected() -> Vec<PathBuf> {
    PROTECTED.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Protects what another process of the agent protects, as [`protected`] listed it there.
pub fn protect_known(paths: impl IntoIterator<Item = PathBuf>) {
    PROTECTED.write().unwrap_or_else(PoisonError::into_inner).extend(paths);
}

/// Whether tables must not read this file. One that does not exist is not protected.
pub fn is_protected(path: &Path) -> bool {
    place(path).is_ok_and(|(_, found, real)| is_secret(&found, &real))
}

/// Opens a regular file for reading, unless it is protected. Never waits for a writer.
///
/// # Errors
/// When there is no such file, it is no regular file, or it must not be read.
pub fn open(path: &Path) -> io::Result<File> {
    let (place, found, real) = place(path)?;
    if is_secret(&found, &real) {
        return Err(refused(path, "belongs to the agent itself"));
    }
    reopen(&place, &found, path)
}

/// Opens a file of the agent itself, such as its secret, which may be protected or a pipe.
///
/// # Errors
/// When there is no such file.
pub fn open_own(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(READ_FLAGS.bits()).open(path)
}

/// Opens `path` inside somebody's home directory. Where links lead out of `home`, the file must
/// be theirs or readable by everyone: the agent has rights that they do not have, and must not
/// show them, or others, what they merely point at.
///
/// # Errors
/// As [`open`].
pub fn open_in_home(home: &Path, path: &Path, uid: u32) -> io::Result<File> {
    let (place, found, real) = place(path)?;
    if is_secret(&found, &real) {
        return Err(refused(path, "belongs to the agent itself"));
    }
    let is_inside = fs::canonicalize(home).is_ok_and(|home| real.starts_with(home));
    let is_theirs = found.uid() == uid || found.mode() & 0o004 != 0;
    if !is_inside && !is_theirs {
        return Err(refused(path, "leads out of the home directory to a file of another user"));
    }
    reopen(&place, &found, path)
}

/// The place that a path leads to, what it is, and its path as the kernel shows it.
fn place(path: &Path) -> io::Result<(File, Metadata, PathBuf)> {
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let place = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?;
    let found = place.metadata()?;
    let real = fs::read_link(own_descriptor(&place))?;
    Ok((place, found, real))
}

fn own_descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Opens the very file that was looked at, not whatever has the name now.
fn reopen(place: &File, found: &Metadata, path: &Path) -> io::Result<File> {
    if !found.is_file() {
        return Err(refused(path, "is no regular file"));
    }
    OpenOptions::new().read(true).custom_flags(READ_FLAGS.bits()).open(own_descriptor(place))
}

fn refused(path: &Path, why: &str) -> io::Error {
    let message = format!("{} {why}", path.display());
    io::Error::new(io::ErrorKind::PermissionDenied, message)
}

/// Whether the file is one of the protected ones, by its path or, for other names of the same
/// file, by its inode.
fn is_secret(found: &Metadata, real: &Path) -> bool {
    let known = PROTECTED.read().unwrap_or_else(PoisonError::into_inner);
    known.iter().any(|secret| real.starts_with(secret) || is_same(found, secret))
}

fn is_same(found: &Metadata, secret: &Path) -> bool {
    let is = |other: io::Result<Metadata>| {
        other.is_ok_and(|other| (other.dev(), other.ino()) == (found.dev(), found.ino()))
    };
    let Ok(itself) = fs::metadata(secret) else { return false };
    if !itself.is_dir() {
        return is(Ok(itself));
    }
    // What the agent keeps in its state directory is for its own user alone.
    let may_be_inside = found.mode() & 0o077 == 0 && found.uid() == itself.uid();
    may_be_inside
        && fs::read_dir(secret).is_ok_and(|entries| {
            entries.flatten().any(|entry| is(fs::symlink_metadata(entry.path())))
        })
}

/// The whole file, or an error when it is longer than `bytes_max`.
///
/// # Errors
/// As [`open`], and when it is too long.
pub fn bytes(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    content(open(path)?, path, bytes_max)
}

/// The whole file as text; bytes that are not UTF-8 become U+FFFD.
///
/// # Errors
/// As [`bytes`].
pub fn text(path: &Path, bytes_max: u64) -> io::Result<String> {
    Ok(lossy(bytes(path, bytes_max)?))
}

/// The file as text, or empty when it does not exist; other failures are errors.
///
/// # Errors
/// As [`bytes`].
pub fn text_if_exists(path: &Path, bytes_max: u64) -> io::Result<String> {
    match text(path, bytes_max) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other,
    }
}

/// A whole file of the agent itself; see [`open_own`].
///
/// # Errors
/// As [`open_own`], and when it is too long.
pub fn own_bytes(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    content(open_own(path)?, path, bytes_max)
}

/// A file of the agent itself as text; see [`open_own`].
///
/// # Errors
/// As [`own_bytes`].
pub fn own_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    Ok(lossy(own_bytes(path, bytes_max)?))
}

/// All that an open file holds, or an error when it is longer than `bytes_max`.
///
/// # Errors
/// When it is too long or cannot be read.
pub fn content(file: File, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > bytes_max {
        let message = format!("{} is larger than {bytes_max} bytes", path.display());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(content)
}

/// Bytes as text; what is not UTF-8 becomes U+FFFD.
pub fn lossy(content: Vec<u8>) -> String {
    match String::from_utf8(content) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    #[test]
    fn only_regular_files_are_opened() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("file"), "12345").unwrap();
        mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        symlink("loop", at("loop")).unwrap();
        assert_eq!(text(&at("file"), 5).unwrap(), "12345");
        assert_eq!(text(&at("file"), 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        for name in ["fifo", "zero", "loop", "missing", "."] {
            assert!(bytes(&at(name), 10).is_err(), "{name}");
        }
        assert_eq!(text_if_exists(&at("missing"), 10).unwrap(), "");
        assert!(text(Path::new("/proc/self/status"), 100_000).unwrap().contains("Name:"));
    }

    #[test]
    fn the_agents_secrets_cannot_be_read_by_any_name() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("state")).unwrap();
        for name in ["state/state.db", "secret", "other"] {
            fs::write(at(name), "x").unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        symlink(at("state/state.db"), at("link")).unwrap();
        fs::hard_link(at("state/state.db"), at("hard")).unwrap();
        fs::hard_link(at("secret"), at("secret too")).unwrap();
        assert_eq!(text(&at("link"), 9).unwrap(), "x");
        protect(&at("state")).unwrap();
        protect(&at("secret")).unwrap();
        protect(&at("later")).unwrap();
        fs::write(at("later"), "x").unwrap();
        assert!(protect(&at("no/such/directory")).is_err() && is_protected(&at("later")));
        for name in ["state/state.db", "state/../state/state.db", "link", "hard", "secret"] {
            assert!(text(&at(name), 9).is_err() && is_protected(&at(name)), "{name}");
            assert!(open_in_home(directory.path(), &at(name), 0).is_err(), "{name}");
        }
        assert!(is_protected(&at("secret too")) && !is_protected(&at("missing")));
        assert_eq!(text(&at("other"), 9).unwrap(), "x");
        assert_eq!(own_text(&at("secret"), 9).unwrap(), "x");
    }

    #[test]
    fn links_out_of_a_home_lead_only_to_what_its_owner_may_read() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::create_dir(at("home")).unwrap();
        for (name, mode) in [("private", 0o600), ("public", 0o644), ("home/own", 0o600)] {
            fs::write(at(name), "x").unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        for name in ["private", "public"] {
            symlink(at(name), at("home").join(name)).unwrap();
        }
        let owner = fs::metadata(at("private")).unwrap().uid();
        let opens = |name: &str, uid| open_in_home(&at("home"), &at("home").join(name), uid);
        assert!(opens("own", owner + 1).is_ok() && opens("public", owner + 1).is_ok());
        assert!(opens("private", owner + 1).is_err());
        assert!(opens("private", owner).is_ok());
    }
}
