// SPDX-License-Identifier: Apache-2.0
//! The sign-in file that `mimir login` writes: server, key and CA certificate, readable by its
//! owner alone.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// What `mimir login` remembers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// The server's origin.
    pub(crate) server: String,
    /// The API key; it is never sent to another server.
    pub(crate) api_key: String,
    /// The CA certificate, PEM; the system's authorities are trusted when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<String>,
}

/// Reads the file; `None` when there is none.
pub(crate) fn read(path: &Path) -> anyhow::Result<Option<SignIn>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context(format!("cannot read {}", path.display())),
    };
    // The parser's message would quote the line, and with it perhaps the key.
    toml::from_str(&text).map(Some).map_err(|_| {
        anyhow::anyhow!("{} is damaged; sign in again with `mimir login`", path.display())
    })
}

/// Writes the file, whole or not at all, readable by its owner alone from its first byte on.
pub(crate) fn write(path: &Path, sign_in: &SignIn) -> anyhow::Result<()> {
    let text = toml::to_string(sign_in).context("the sign-in cannot be written as TOML")?;
    let directory = path.parent().context("the sign-in file has no directory")?;
    let cannot = || format!("cannot write {}", path.display());
    create_private_directory(directory).with_context(cannot)?;
    write_private(path, text.as_bytes()).with_context(cannot)
}

fn create_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that only its owner may read, by way of a new file beside it.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // One that an interrupted run left has unknown permissions; it is not written into.
    drop(fs::remove_file(&beside));
    let mut file = options.open(&beside)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let done = written.and_then(|()| fs::rename(&beside, path));
    if done.is_err() {
        drop(fs::remove_file(&beside));
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in() -> SignIn {
        SignIn {
            server: "https://m:8443".into(),
            api_key: "mk_1".into(),
            ca: Some("-----BEGIN CERTIFICATE-----\nx\n".into()),
        }
    }

    #[test]
    fn what_is_written_is_read_and_private() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/mimir/client.toml");
        assert!(read(&path).unwrap().is_none());
        write(&path, &sign_in()).unwrap();
        write(&path, &SignIn { ca: None, ..sign_in() }).unwrap();
        assert!(read(&path).unwrap() == Some(SignIn { ca: None, ..sign_in() }));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o600);
            assert_eq!(mode(path.parent().unwrap()), 0o700);
        }
        let files = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(files, 1);
    }

    #[test]
    fn a_damaged_file_is_told_without_its_content() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("client.toml");
        fs::write(&path, "api_key = \"mk_secret").unwrap();
        let error = format!("{:#}", read(&path).err().unwrap());
        assert!(error.contains("mimir login") && !error.contains("mk_secret"), "{error}");
    }
}
