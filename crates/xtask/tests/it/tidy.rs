// SPDX-License-Identifier: Apache-2.0
//! Licence heads, file sizes, the direction of dependencies, migrations for both engines, and
//! words that do not belong into the tree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines of a source file; more than 600 want a reason, more than this are refused.
const LINES_MAX: usize = 1000;

/// Files that a program writes.
const GENERATED: [&str; 1] = ["web/src/api/schema.d.ts"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of the tree with one of these endings.
fn files(endings: &[&str]) -> Vec<(String, String)> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = git.current_dir(root()).output().expect("git lists the files");
    assert!(listed.status.success(), "git ls-files failed");
    let names = String::from_utf8(listed.stdout).expect("file names are UTF-8");
    let wanted = |name: &&str| endings.iter().any(|ending| name.ends_with(ending));
    let read = |name: &str| {
        let text = std::fs::read_to_string(root().join(name)).ok()?;
        Some((name.to_owned(), text))
    };
    names.split('\0').filter(wanted).filter_map(read).collect()
}

#[test]
fn every_source_file_begins_with_its_licence_and_its_purpose() {
    for (name, text) in files(&[".rs"]) {
        let mut lines = text.lines().filter(|line| !line.starts_with("#!["));
        let first = lines.next().unwrap_or_default();
        assert_eq!(first, "// SPDX-License-Identifier: Apache-2.0", "{name}");
        let second = lines.find(|line| !line.is_empty()).unwrap_or_default();
        assert!(second.starts_with("//! "), "{name} does not say what it is for");
    }
}

#[test]
fn every_file_of_the_console_begins_with_its_licence_and_its_purpose() {
    for (name, text) in files(&[".ts", ".tsx"]) {
        if GENERATED.contains(&name.as_str()) {
            continue;
        }
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("// SPDX-License-Identifier: Apache-2.0"), "{name}");
        let is_test = name.ends_with(".test.ts") || name.ends_with(".config.ts");
        let second = lines.next().unwrap_or_default();
        assert!(is_test || second.starts_with("// "), "{name} does not say what it is for");
    }
}

#[test]
fn no_source_file_is_too_long() {
    let sources = files(&[".rs", ".ts", ".tsx", ".css"]);
    for (name, text) in sources.into_iter().filter(|(name, _)| !GENERATED.contains(&&**name)) {
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{name} has {lines} lines; split it");
    }
}

#[test]
fn migrations_exist_for_both_engines() {
    let list = |engine: &str| -> Vec<String> {
        let folder = root().join("crates/store/migrations").join(engine);
        let entries = std::fs::read_dir(folder).expect("the folder of migrations");
        let name = |entry: std::io::Result<std::fs::DirEntry>| {
            entry.expect("a readable folder").file_name().to_string_lossy().into_owned()
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    };
    assert_eq!(list("sqlite"), list("postgres"));
}

/// What each crate may depend on inside the workspace (ARCHITECTURE.md).
const DIRECTION: &[(&str, &[&str])] = &[
    ("mimir-wire", &[]),
    ("mimir-engine", &["mimir-wire"]),
    ("mimir-sqlguard", &["mimir-wire"]),
    ("mimir-store", &["mimir-engine", "mimir-wire"]),
    ("mimir-client", &["mimir-wire"]),
    ("mimir-agent", &["mimir-wire"]),
    ("mimir-sim", &["mimir-wire"]),
    ("mimir-server", &["mimir-engine", "mimir-sqlguard", "mimir-store", "mimir-wire"]),
];

#[test]
fn dependencies_have_one_direction() {
    let allowed: BTreeMap<_, _> = DIRECTION.iter().copied().collect();
    let mut seen = 0;
    for (name, text) in files(&["Cargo.toml"]) {
        let manifest: toml::Table = text.parse().expect("a manifest is TOML");
        let package = manifest.get("package").and_then(|package| package.get("name"));
        let Some(package) = package.and_then(|name| name.as_str()) else { continue };
        let Some(allowed) = allowed.get(package) else { continue };
        seen += 1;
        let Some(dependencies) = manifest.get("dependencies").and_then(|d| d.as_table()) else {
            continue;
        };
        for dependency in dependencies.keys().filter(|d| d.starts_with("mimir-")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not need {dependency}");
        }
        let axum = dependencies.contains_key("axum");
        assert!(!axum || package == "mimir-server", "{name}: only the server knows axum");
    }
    assert_eq!(seen, DIRECTION.len(), "every crate of the table is looked at");
}

#[test]
fn nothing_speaks_of_the_place_where_it_was_made() {
    // Put together here, so that this file does not contain them itself.
    let banned = [["/work", "/main"].concat(), ["/tmp/", "t-"].concat()];
    for (name, text) in
        files(&[".rs", ".md", ".toml", ".sql", ".json", ".ts", ".tsx", ".css", "Makefile", "run"])
    {
        for word in &banned {
            assert!(!text.contains(word.as_str()), "{name} mentions {word}");
        }
    }
}
