// SPDX-License-Identifier: Apache-2.0
//! `system_controls`: the kernel's parameters below `/proc/sys`, and what the configuration
//! files set them to at boot.
//!
//! A name is the path with dots, so a component that holds a dot (`eth0.100`) needs a look at
//! the directory to be found again. A parameter that cannot be read (some only take a value)
//! has a row without `current_value`. Linux has no numbers for parameters any more: `oid` is
//! empty and nothing equals it. Other file systems mounted below `/proc/sys` hold no
//! parameters and are not entered.
//!
//! `config_value` is what boot leaves in effect (`sysctl.d(5)`): a file hides those of its name
//! in later directories, files apply in the order of their names, `/etc/sysctl.conf` comes
//! last. Names with wildcards are not expanded.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Column, Scan, Table, TableError, read, text};
use crate::limits::{ETC_FILE_BYTES_MAX, PROC_FILE_BYTES_MAX};

/// See the head of this file.
pub struct SystemControls;

const COLUMNS: &[Column] = &[
    text("name").index(),
    text("oid").additional(),
    text("subsystem").additional(),
    text("current_value"),
    text("config_value"),
    text("type"),
    text("field_name").hidden(),
];

const ROOT: &str = "/proc/sys";
/// Levels of directories; the kernel has fewer than ten.
const DEPTH_MAX: usize = 32;
/// Directories of configuration files, the strongest first.
const CONFIG_DIRECTORIES: [&str; 5] = [
    "/etc/sysctl.d",
    "/run/sysctl.d",
    "/usr/local/lib/sysctl.d",
    "/usr/lib/sysctl.d",
    "/lib/sysctl.d",
];
const CONFIG_FILE: &str = "/etc/sysctl.conf";

impl Table for SystemControls {
    fn name(&self) -> &'static str {
        "system_controls"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let root = Path::new(ROOT);
        let (names, subsystems) = (scan.equals("name"), scan.equals("subsystem"));
        if !scan.equals("oid").is_empty() || !root.exists() {
            return Ok(());
        }
        let config = match scan.wants(&["config_value"]) {
            true => configuration(&CONFIG_DIRECTORIES.map(Path::new), Path::new(CONFIG_FILE)),
            false => HashMap::new(),
        };
        let device = fs::metadata(root).map_err(|error| scan.unreadable(error))?.dev();
        let mut walk = Walk { scan, device, config };
        if names.is_empty() {
            for subsystem in list(root) {
                let name = subsystem.to_string_lossy();
                if subsystems.is_empty() || subsystems.contains(&&*name) {
                    walk.below(&root.join(&subsystem), &name, DEPTH_MAX)?;
                }
            }
        }
        for name in names {
            if let Some(path) = find(root, name, DEPTH_MAX)
                && path.is_file()
            {
                walk.push(&path, name)?;
            }
        }
        Ok(())
    }
}

struct Walk<'w, 's> {
    scan: &'w mut Scan<'s>,
    /// The file system that the parameters are on.
    device: u64,
    config: HashMap<String, String>,
}

impl Walk<'_, '_> {
    /// All parameters at or below `path`, whose name is `name`.
    fn below(&mut self, path: &Path, name: &str, depth: usize) -> Result<(), TableError> {
        self.scan.check()?;
        // Links are not followed, and looking at a mount point this way does not mount anything.
        let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
        if found.is_file() {
            return self.push(path, name);
        }
        if !found.is_dir() || found.dev() != self.device || depth == 0 {
            return Ok(());
        }
        for entry in list(path) {
            let below = format!("{name}.{}", entry.to_string_lossy());
            self.below(&path.join(&entry), &below, depth - 1)?;
        }
        Ok(())
    }

    fn push(&mut self, path: &Path, name: &str) -> Result<(), TableError> {
        let wants_value = self.scan.wants(&["current_value"]);
        let value = wants_value.then(|| read::text(path, PROC_FILE_BYTES_MAX).ok()).flatten();
        let row = self
            .scan
            .row()
            .set("name", name)
            .set("subsystem", name.split('.').next())
            .set("current_value", value.as_deref().map(str::trim))
            .set("config_value", self.config.get(name).map(String::as_str))
            .set("type", "string");
        self.scan.push(row)
    }
}

/// The names in a directory, sorted. One that cannot be read has none.
fn list(directory: &Path) -> Vec<OsString> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort_unstable();
    names
}

/// The path of a parameter. Each component is one that its directory lists, so a name leads
/// nowhere else.
fn find(directory: &Path, name: &str, depth: usize) -> Option<PathBuf> {
    if depth == 0 {
        return None;
    }
    list(directory).into_iter().find_map(|entry| {
        let rest = name.strip_prefix(entry.to_str()?)?;
        let path = directory.join(&entry);
        if rest.is_empty() {
            return Some(path);
        }
        find(&path, rest.strip_prefix('.')?, depth - 1)
    })
}

/// What the configuration sets, by the table's names.
fn configuration(directories: &[&Path], last: &Path) -> HashMap<String, String> {
    let mut files: BTreeMap<OsString, PathBuf> = BTreeMap::new();
    for directory in directories {
        for name in list(directory) {
            if name.to_string_lossy().ends_with(".conf") {
                let path = directory.join(&name);
                files.entry(name).or_insert(path);
            }
        }
    }
    let mut config = HashMap::new();
    for path in files.into_values().chain([last.to_owned()]) {
        // A file that cannot be read sets nothing at boot either.
        let content = read::text(&path, ETC_FILE_BYTES_MAX).unwrap_or_default();
        config.extend(content.lines().filter_map(setting));
    }
    config
}

/// `NAME = VALUE`. Slashes in a name stand for dots; a leading dash forgives a failure.
fn setting(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    let (name, value) = line.split_once('=')?;
    let name = name.trim().trim_start_matches('-').trim_start();
    (!name.is_empty()).then(|| (name.replace('/', "."), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::Cell;
    use super::super::scan::tests::given;
    use super::*;

    fn file(root: &Path, name: &str, content: &str) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    #[test]
    fn lines_of_configuration() {
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        assert_eq!(setting(" vm.swappiness = 10 "), pair("vm.swappiness", "10"));
        assert_eq!(
            setting("-net/ipv4/conf/all/rp_filter=2"),
            pair("net.ipv4.conf.all.rp_filter", "2")
        );
        assert_eq!(
            setting("kernel.core_pattern=|/bin/x a=b"),
            pair("kernel.core_pattern", "|/bin/x a=b")
        );
        for line in ["", "# vm.swappiness = 1", "; x = 1", "vm.swappiness", "= 1", "-= 1"] {
            assert_eq!(setting(line), None, "{line}");
        }
    }

    #[test]
    fn stronger_files_hide_and_later_ones_win() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        file(root, "etc/50-a.conf", "a.x = 1\n");
        file(root, "lib/50-a.conf", "a.x = 2\na.hidden = 2\n");
        file(root, "lib/10-b.conf", "a.x = 3\na.y = 3\n");
        file(root, "lib/99.txt", "a.x = 4\n");
        file(root, "sysctl.conf", "a.z = 5\n");
        let directories = [root.join("etc"), root.join("none"), root.join("lib")];
        let directories: Vec<&Path> = directories.iter().map(PathBuf::as_path).collect();
        let found = configuration(&directories, &root.join("sysctl.conf"));
        let found: BTreeMap<_, _> =
            found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, BTreeMap::from([("a.x", "1"), ("a.y", "3"), ("a.z", "5")]));
    }

    #[test]
    fn only_what_is_asked_for_is_read() {
        let given = |by, value, column| given(&SystemControls, by, value, column);
        let one = given("name", "kernel.ostype", "current_value");
        assert_eq!(one, [Cell::from("Linux")]);
        let subsystems = given("subsystem", "vm", "subsystem");
        assert!(!subsystems.is_empty() && subsystems.iter().all(|one| *one == Cell::from("vm")));
        assert!(given("oid", "1.1", "name").is_empty());
    }

    #[test]
    fn names_lead_nowhere_but_below_the_root() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("sys");
        file(&root, "net/conf/eth0.100/forwarding", "1");
        file(&root, "net/conf/eth0/mtu", "1");
        file(directory.path(), "secret", "x");
        let found = |name: &str| find(&root, name, DEPTH_MAX);
        let vlan = root.join("net/conf/eth0.100/forwarding");
        assert_eq!(found("net.conf.eth0.100.forwarding"), Some(vlan));
        assert_eq!(found("net.conf.eth0.mtu"), Some(root.join("net/conf/eth0/mtu")));
        for name in ["", ".", "...secret", "net", "net/conf/eth0/mtu", "net.conf.eth0.none", "/etc"]
        {
            assert!(found(name).is_none_or(|path| path.is_dir()), "{name}");
        }
    }
}
