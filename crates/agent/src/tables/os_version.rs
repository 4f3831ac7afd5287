// SPDX-License-Identifier: Apache-2.0
//! `os_version`: the distribution, from `/etc/os-release`.

use std::collections::HashMap;
use std::path::Path;

use super::{Column, NAMESPACE_COLUMN, Scan, Table, TableError, bigint, integer, read, text};
use crate::limits::ETC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct OsVersion;

const COLUMNS: &[Column] = &[
    text("name"),
    text("version").collate("version"),
    integer("major"),
    integer("minor"),
    integer("patch"),
    text("build"),
    text("platform"),
    text("platform_like"),
    text("codename"),
    text("arch"),
    text("extra").hidden(),
    bigint("install_date").hidden(),
    integer("revision").hidden(),
    integer(NAMESPACE_COLUMN).additional().hidden(),
    text("mount_namespace_id").hidden(),
];

impl Table for OsVersion {
    fn name(&self) -> &'static str {
        "os_version"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let file = |path| read::text(Path::new(path), ETC_FILE_BYTES_MAX).ok();
        let release = file("/etc/os-release").or_else(|| file("/usr/lib/os-release"));
        let release = Release::parse(&release.unwrap_or_default(), file("/etc/redhat-release"));
        let arch = nix::sys::utsname::uname().ok();
        let row = scan
            .row()
            .set("name", release.name)
            .set("version", release.version)
            .set("major", release.numbers[0])
            .set("minor", release.numbers[1])
            .set("patch", release.numbers[2])
            .set("build", release.build)
            .set("platform", release.platform)
            .set("platform_like", release.platform_like)
            .set("codename", release.codename)
            .set("arch", arch.as_ref().map(|uname| uname.machine()))
            .set(NAMESPACE_COLUMN, 0);
        scan.push(row)
    }
}

/// What the release files say.
#[derive(Debug, PartialEq)]
struct Release {
    name: Option<String>,
    version: Option<String>,
    numbers: [i64; 3],
    build: Option<String>,
    platform: Option<String>,
    platform_like: Option<String>,
    codename: Option<String>,
}

impl Release {
    /// `redhat` is the text of `/etc/redhat-release`, whose mere existence makes the platform
    /// `rhel` and whose version wins.
    fn parse(os_release: &str, redhat: Option<String>) -> Self {
        let fields: HashMap<&str, String> = os_release.lines().filter_map(assignment).collect();
        let field = |name| fields.get(name).filter(|value| !value.is_empty()).cloned();
        let mut release = Self {
            name: field("NAME"),
            version: field("VERSION").or_else(|| field("VERSION_ID")),
            numbers: numbers(&field("VERSION_ID").unwrap_or_default()),
            build: field("BUILD_ID"),
            platform: field("ID"),
            platform_like: field("ID_LIKE"),
            codename: field("VERSION_CODENAME"),
        };
        if let Some(redhat) = redhat {
            release.platform = Some("rhel".to_owned());
            release.platform_like = Some("rhel".to_owned());
            let version = redhat
                .split_whitespace()
                .find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
            if let Some(version) = version {
                release.numbers = numbers(version);
                release.version = Some(redhat.trim().to_owned());
            }
        }
        release
    }
}

/// `NAME=value` with optional quotes.
fn assignment(line: &str) -> Option<(&str, String)> {
    let (name, value) = line.trim().split_once('=')?;
    let value = value.trim();
    let quoted =
        ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    Some((name, quoted.unwrap_or(value).replace("\\\"", "\"")))
}

/// The first three numbers of a dotted version; missing ones are 0.
fn numbers(version: &str) -> [i64; 3] {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::Release;

    #[test]
    fn debian() {
        let text = "NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\n\
                    VERSION_CODENAME=bookworm\nID=debian\n";
        let release = Release::parse(text, None);
        assert_eq!(release.name.as_deref(), Some("Debian GNU/Linux"));
        assert_eq!(release.version.as_deref(), Some("12 (bookworm)"));
        assert_eq!(release.numbers, [12, 0, 0]);
        assert_eq!(release.platform.as_deref(), Some("debian"));
        assert_eq!(release.platform_like, None);
        assert_eq!(release.codename.as_deref(), Some("bookworm"));
    }

    #[test]
    fn red_hat_and_its_kin() {
        let redhat = "CentOS Linux release 7.9.2009 (Core)\n".to_owned();
        let release = Release::parse(
            "ID=\"centos\"\nID_LIKE=\"rhel fedora\"\nVERSION_ID=\"7\"",
            Some(redhat),
        );
        assert_eq!(release.platform.as_deref(), Some("rhel"));
        assert_eq!(release.platform_like.as_deref(), Some("rhel"));
        assert_eq!(release.numbers, [7, 9, 2009]);
        assert_eq!(release.version.as_deref(), Some("CentOS Linux release 7.9.2009 (Core)"));
    }
}
