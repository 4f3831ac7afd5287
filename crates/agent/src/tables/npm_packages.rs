// SPDX-License-Identifier: Apache-2.0
//! `npm_packages`: packages of Node.js in the usual global directories, or in the `node_modules`
//! of `directory`, and those inside them down to `max_depth`.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Column, NAMESPACE_COLUMN, Scan, Table, TableError, glob, integer, read, text};
use crate::limits::PACKAGE_FILE_BYTES_MAX;

/// See the head of this file.
pub struct NpmPackages;

const COLUMNS: &[Column] = &[
    text("name"),
    text("version").collate("version"),
    text("description"),
    text("author"),
    text("license"),
    text("homepage"),
    text("path"),
    text("directory").index(),
    integer("depth"),
    integer("max_depth").additional().hidden(),
    integer(NAMESPACE_COLUMN).additional().hidden(),
    text("mount_namespace_id").hidden(),
];

const DIRECTORIES: [&str; 4] =
    ["/usr/local/lib", "/usr/lib", "/home/%/.npm-global/lib", "/home/%/.nvm/versions/node/%/lib"];

/// Levels of packages inside packages, unless `max_depth` says otherwise; osquery's default.
const DEPTH_MAX: i32 = 100;

impl Table for NpmPackages {
    fn name(&self) -> &'static str {
        "npm_packages"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let asked = scan.equals("max_depth").first().and_then(|depth| depth.parse().ok());
        let depth_max = asked.unwrap_or(DEPTH_MAX);
        let named: Vec<PathBuf> = scan.equals("directory").into_iter().map(PathBuf::from).collect();
        let directories = match named.is_empty() {
            false => named.into_iter().filter(|path| path.is_absolute()).collect(),
            true => default_directories(scan)?,
        };
        for directory in directories {
            Walk { site: directory, depth_max, seen: BTreeSet::new() }.push(scan)?;
        }
        Ok(())
    }
}

fn default_directories(scan: &Scan<'_>) -> Result<BTreeSet<PathBuf>, TableError> {
    let mut found = BTreeSet::new();
    for pattern in DIRECTORIES {
        found.extend(glob::expand_on_host(Path::new(pattern), scan)?);
    }
    Ok(found)
}

/// The packages of one directory.
struct Walk {
    site: PathBuf,
    /// -1 stands for no bound.
    depth_max: i32,
    /// Device and inode of the packages that were entered: links may lead back up.
    seen: BTreeSet<(u64, u64)>,
}

impl Walk {
    fn push(&mut self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let mut waiting = vec![(self.site.clone(), 0)];
        while let Some((directory, depth)) = waiting.pop() {
            let Ok(found) = fs::metadata(scan.host().at(&directory)) else { continue };
            if !self.seen.insert((found.dev(), found.ino())) {
                continue;
            }
            let modules = directory.join("node_modules");
            for pattern in ["%/package.json", "@%/%/package.json"] {
                for file in glob::expand_on_host(&modules.join(pattern), scan)? {
                    self.push_package(scan, &file, depth)?;
                    let is_deeper = self.depth_max == -1 || depth < self.depth_max;
                    let package = file.parent().unwrap_or(Path::new("/"));
                    let has_modules = scan.host().at(&package.join("node_modules")).is_dir();
                    if is_deeper && has_modules {
                        waiting.push((package.to_owned(), depth + 1));
                    }
                }
            }
        }
        Ok(())
    }

    fn push_package(&self, scan: &mut Scan<'_>, file: &Path, depth: i32) -> Result<(), TableError> {
        let content = read::bytes(&scan.host().at(file), PACKAGE_FILE_BYTES_MAX);
        let parsed = content.ok().and_then(|content| serde_json::from_slice(&content).ok());
        let package = Package::of(&parsed.unwrap_or_default());
        let row = scan
            .row()
            .set("name", package.name)
            .set("version", package.version)
            .set("description", package.description)
            .set("author", package.author)
            .set("license", package.license)
            .set("homepage", package.homepage)
            .set("path", file)
            .set("directory", self.site.as_path())
            .set("depth", depth)
            .set("max_depth", self.depth_max)
            .set(NAMESPACE_COLUMN, 0);
        scan.push(row)
    }
}

/// What a package says of itself. Hardly anything about these files is certain.
#[derive(Debug, Default, PartialEq, Eq)]
struct Package {
    name: Option<String>,
    version: Option<String>,
    description: Option<String>,
    author: Option<String>,
    license: Option<String>,
    homepage: Option<String>,
}

impl Package {
    fn of(content: &Value) -> Self {
        let field = |name: &str| content.get(name).and_then(text_of);
        // Persons are texts or objects with a name; licences were objects with an address.
        let inner = |name: &str, part: &str| content.get(name)?.get(part).and_then(text_of);
        Self {
            name: field("name"),
            version: field("version"),
            description: field("description"),
            author: field("author").or_else(|| inner("author", "name")),
            license: field("license").or_else(|| inner("license", "url")),
            homepage: field("homepage"),
        }
    }
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Package;

    #[test]
    fn older_and_odd_forms_are_understood() {
        let package = Package::of(&json!({
            "name": "a", "version": 1, "author": {"name": "Ann"},
            "license": {"type": "MIT", "url": "https://mit.example"}, "homepage": ["x"],
        }));
        assert_eq!(package.name.as_deref(), Some("a"));
        assert_eq!(package.author.as_deref(), Some("Ann"));
        assert_eq!(package.license.as_deref(), Some("https://mit.example"));
        assert_eq!((package.version, package.homepage), (None, None));
        for odd in [json!([]), json!("x"), json!(null), json!({"author": 3, "license": []})] {
            assert_eq!(Package::of(&odd), Package::default());
        }
    }
}
