// SPDX-License-Identifier: Apache-2.0
//! Reading files with a bound, without ever waiting for one: a FIFO or a device in the place of a
//! file must not hang a query.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

/// Opens for reading without waiting for a writer and without becoming a controlling terminal.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)
}

/// The whole file, or an error when it is longer than `bytes_max`.
pub fn bytes(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut content)?;
    if content.len() as u64 > bytes_max {
        let message = format!("{} is larger than {bytes_max} bytes", path.display());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(content)
}

/// The whole file as text; bytes that are not UTF-8 become U+FFFD.
pub fn text(path: &Path, bytes_max: u64) -> io::Result<String> {
    let content = bytes(path, bytes_max)?;
    Ok(match String::from_utf8(content) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// The file as text, or empty when it does not exist; other failures are errors.
pub fn text_if_exists(path: &Path, bytes_max: u64) -> io::Result<String> {
    match text(path, bytes_max) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        other => other,
    }
}
