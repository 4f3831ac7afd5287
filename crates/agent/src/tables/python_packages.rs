// SPDX-License-Identifier: Apache-2.0
//! `python_packages`: Python packages in the system's directories, as user 0, and in those that
//! pip and pyenv fill in a home directory. `directory` names another one. Packages inside
//! packages are listed too, as in osquery. Virtual environments are not looked for.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::homes::Home;
use super::{
    Column, NAMESPACE_COLUMN, Scan, Table, TableError, bigint, glob, homes, integer, read, text,
};
use crate::limits::{GLOB_DEPTH_MAX, PACKAGE_FILE_BYTES_MAX};

/// See the head of this file.
pub struct PythonPackages;

const COLUMNS: &[Column] = &[
    text("name"),
    bigint("uid").index(),
    text("version").collate("version"),
    text("summary"),
    text("author"),
    text("license"),
    text("path"),
    text("directory").index(),
    integer(NAMESPACE_COLUMN).additional().hidden(),
];

const SYSTEM_SITES: [&str; 4] = [
    "/usr/local/lib/python%/dist-packages",
    "/usr/local/lib/python%/site-packages",
    "/usr/lib/python%/dist-packages",
    "/usr/lib/python%/site-packages",
];
const USER_SITES: [&str; 2] =
    [".local/lib/python%/site-packages", ".pyenv/versions/%/lib/python%/site-packages"];

impl Table for PythonPackages {
    fn name(&self) -> &'static str {
        "python_packages"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn is_user_data(&self) -> bool {
        true
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let named: Vec<PathBuf> = scan.equals("directory").into_iter().map(PathBuf::from).collect();
        if !named.is_empty() {
            for directory in named.into_iter().filter(|path| path.is_absolute()) {
                let owner = fs::metadata(scan.host().at(&directory)).map_or(0, |found| found.uid());
                Site { directory, uid: owner, home: None }.push(scan)?;
            }
            return Ok(());
        }
        let wanted = scan.equals("uid");
        if wanted.is_empty() || wanted.contains(&"0") {
            for pattern in SYSTEM_SITES {
                for directory in glob::expand_on_host(Path::new(pattern), scan)? {
                    Site { directory, uid: 0, home: None }.push(scan)?;
                }
            }
        }
        for home in homes::of_scan(scan)? {
            for pattern in USER_SITES.map(|site| home.directory.join(site)) {
                for directory in glob::expand_on_host(&pattern, scan)? {
                    Site { directory, uid: home.uid, home: Some(&home) }.push(scan)?;
                }
            }
        }
        Ok(())
    }
}

/// A directory of packages.
struct Site<'h> {
    directory: PathBuf,
    uid: u32,
    /// Whose home it is in, if it is in one.
    home: Option<&'h Home>,
}

impl Site<'_> {
    /// Lists the packages in the directory and below.
    fn push(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let mut waiting = vec![(self.directory.clone(), 0)];
        while let Some((directory, depth)) = waiting.pop() {
            let Ok(entries) = fs::read_dir(scan.host().at(&directory)) else { continue };
            for entry in entries.flatten() {
                scan.check()?;
                let path = directory.join(entry.file_name());
                let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if let Some(file) = metadata_file(&path, is_directory) {
                    self.push_package(scan, &path, &file)?;
                } else if is_directory && depth < GLOB_DEPTH_MAX {
                    waiting.push((path, depth + 1));
                }
            }
        }
        Ok(())
    }

    fn push_package(
        &self,
        scan: &mut Scan<'_>,
        path: &Path,
        file: &Path,
    ) -> Result<(), TableError> {
        let content = match self.home {
            Some(home) => home.text(scan, file, PACKAGE_FILE_BYTES_MAX),
            None => read::text(&scan.host().at(file), PACKAGE_FILE_BYTES_MAX).ok(),
        };
        let content = content.unwrap_or_default();
        let field = |name: &str| field(&content, name);
        let row = scan
            .row()
            .set("name", field("Name"))
            .set("uid", self.uid)
            .set("version", field("Version"))
            .set("summary", field("Summary"))
            .set("author", field("Author"))
            .set("license", field("License").or_else(|| field_of_expression(&content)))
            .set("path", path)
            .set("directory", self.directory.as_path())
            .set(NAMESPACE_COLUMN, 0);
        scan.push(row)
    }
}

/// Where a package says what it is: a `.dist-info` directory, or an `.egg-info` directory or file.
fn metadata_file(path: &Path, is_directory: bool) -> Option<PathBuf> {
    match (path.extension()?.to_str()?, is_directory) {
        ("dist-info", true) => Some(path.join("METADATA")),
        ("egg-info", true) => Some(path.join("PKG-INFO")),
        ("egg-info", false) => Some(path.to_owned()),
        _ => None,
    }
}

/// The first line of a field in the head of the file, which a blank line ends.
fn field<'c>(content: &'c str, wanted: &str) -> Option<&'c str> {
    let mut head = content.lines().take_while(|line| !line.trim().is_empty());
    head.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name == wanted).then(|| value.trim())
    })
}

/// The newer field for a licence.
fn field_of_expression(content: &str) -> Option<&str> {
    field(content, "License-Expression")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_those_of_the_head() {
        let content = "Metadata-Version: 2.1\nName: a\nSummary: b: c\nLicense: MIT\n\tmore\n\
                       \nVersion: 9\n";
        assert_eq!(field(content, "Name"), Some("a"));
        assert_eq!(field(content, "Summary"), Some("b: c"));
        assert_eq!(field(content, "License"), Some("MIT"));
        assert_eq!(field(content, "Version"), None);
        assert_eq!(field("", "Name"), None);
    }

    #[test]
    fn packages_are_known_by_their_names() {
        let of = |name: &str, is_directory| metadata_file(Path::new(name), is_directory);
        assert_eq!(of("a-1.dist-info", true), Some("a-1.dist-info/METADATA".into()));
        assert_eq!(of("a.egg-info", true), Some("a.egg-info/PKG-INFO".into()));
        assert_eq!(of("a.egg-info", false), Some("a.egg-info".into()));
        assert_eq!(of("a.dist-info", false), None);
        assert_eq!(of("a.py", false), None);
    }
}
