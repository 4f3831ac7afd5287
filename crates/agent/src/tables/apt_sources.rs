// SPDX-License-Identifier: Apache-2.0
//! `apt_sources`: where packages come from, by `/etc/apt/sources.list` and the files beside it in
//! both formats (`sources.list(5)`), with what apt has last learnt of each source. A source that
//! was never fetched is listed without release, version and so on.

use std::path::{Path, PathBuf};

use super::{Column, NAMESPACE_COLUMN, Scan, Table, TableError, glob, integer, read, text};
use crate::limits::ETC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct AptSources;

const COLUMNS: &[Column] = &[
    text("name"),
    text("source"),
    text("base_uri"),
    text("release"),
    text("version").collate("version_dpkg"),
    text("maintainer"),
    text("components"),
    text("architectures"),
    integer(NAMESPACE_COLUMN).additional().hidden(),
];

/// Fields of a `Release` file and the columns they fill.
const FIELDS: [(&str, &str); 5] = [
    ("Codename", "release"),
    ("Version", "version"),
    ("Origin", "maintainer"),
    ("Components", "components"),
    ("Architectures", "architectures"),
];

impl Table for AptSources {
    fn name(&self) -> &'static str {
        "apt_sources"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
        for pattern in ["/etc/apt/sources.list.d/%.list", "/etc/apt/sources.list.d/%.sources"] {
            files.extend(glob::expand_on_host(Path::new(pattern), scan)?);
        }
        for path in files {
            let place = scan.host().at(&path);
            if !place.is_file() {
                continue;
            }
            let content =
                read::text(&place, ETC_FILE_BYTES_MAX).map_err(|error| scan.unreadable(error))?;
            let is_stanzas = path.extension().is_some_and(|extension| extension == "sources");
            let sources = match is_stanzas {
                true => content.split("\n\n").flat_map(stanza).collect(),
                false => content.lines().filter_map(line).collect::<Vec<_>>(),
            };
            for source in sources {
                push_source(scan, &source, &path)?;
            }
        }
        Ok(())
    }
}

/// A source of binary packages.
#[derive(Debug, PartialEq, Eq)]
struct Source {
    /// Without a slash at the end.
    uri: String,
    suite: String,
}

impl Source {
    fn new(uri: &str, suite: &str) -> Option<Self> {
        let uri = uri.trim_end_matches('/');
        let has_host = uri.split_once("://").is_some_and(|(_, host)| !host.is_empty());
        has_host.then(|| Self { uri: uri.to_owned(), suite: suite.to_owned() })
    }

    fn host_and_path(&self) -> &str {
        self.uri.split_once("://").map_or("", |(_, rest)| rest)
    }

    /// How apt names what it keeps of this source, but for the end of the name.
    fn cache_name(&self) -> String {
        let place = self.host_and_path();
        let name = match self.suite.strip_suffix('/') {
            // A flat repository: no distributions, only a directory.
            Some(directory) => format!("{place}/{directory}"),
            None => format!("{place}/dists/{}", self.suite),
        };
        name.replace('/', "_")
    }
}

fn push_source(scan: &mut Scan<'_>, source: &Source, path: &Path) -> Result<(), TableError> {
    let name = format!("{} {}", source.host_and_path(), source.suite);
    let mut row = scan
        .row()
        .set("name", name)
        .set("source", path)
        .set("base_uri", source.uri.as_str())
        .set(NAMESPACE_COLUMN, 0);
    let lists = Path::new("/var/lib/apt/lists");
    let known = ["InRelease", "Release"].iter().find_map(|kind| {
        let file = lists.join(format!("{}_{kind}", source.cache_name()));
        read::text(&scan.host().at(&file), ETC_FILE_BYTES_MAX).ok()
    });
    for (field, value) in known.as_deref().into_iter().flat_map(release_fields) {
        if let Some((_, column)) = FIELDS.iter().find(|(name, _)| *name == field) {
            row = row.set(column, value);
        }
    }
    scan.push(row)
}

/// The fields of one line each, up to the signature.
fn release_fields(content: &str) -> impl Iterator<Item = (&str, &str)> {
    content
        .lines()
        .take_while(|line| !line.starts_with("-----BEGIN PGP SIGNATURE"))
        .filter(|line| !line.starts_with([' ', '\t']))
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name, value.trim()))
}

/// A line such as `deb [arch=amd64] http://deb.example.org/debian stable main`.
fn line(line: &str) -> Option<Source> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?;
    if !rest.starts_with([' ', '\t']) {
        return None;
    }
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    let mut words = rest.split_whitespace();
    let (uri, suite) = (words.next()?, words.next()?);
    Source::new(uri, suite)
}

/// A stanza of the newer format: every address with every suite.
fn stanza(stanza: &str) -> Vec<Source> {
    let field = |name: &str| field(stanza, name);
    let types = field("Types");
    let is_enabled = !["no", "false", "without", "off", "disable", "0"]
        .contains(&field("Enabled").to_ascii_lowercase().as_str());
    if !is_enabled || !types.split_whitespace().any(|kind| kind == "deb") {
        return Vec::new();
    }
    let (uris, suites) = (field("URIs"), field("Suites"));
    let pair = |uri: &str| -> Vec<Source> {
        suites.split_whitespace().filter_map(|suite| Source::new(uri, suite)).collect()
    };
    uris.split_whitespace().flat_map(pair).collect()
}

/// The value of a field, its continuation lines joined; empty when there is none.
fn field(stanza: &str, wanted: &str) -> String {
    let mut value = String::new();
    let mut is_wanted = false;
    for line in stanza.lines().filter(|line| !line.starts_with('#')) {
        let text = match line.split_once(':') {
            _ if line.starts_with([' ', '\t']) => line,
            Some((name, text)) => {
                is_wanted = name.trim().eq_ignore_ascii_case(wanted);
                text
            }
            None => continue,
        };
        if is_wanted {
            value.push_str(text.trim());
            value.push(' ');
        }
    }
    value.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(uri: &str, suite: &str) -> Source {
        Source { uri: uri.to_owned(), suite: suite.to_owned() }
    }

    #[test]
    fn lines_name_an_address_and_a_suite() {
        for (text, expected) in [
            (
                "deb [arch=amd64 signed-by=/k.gpg] http://a.org/debian/ sid main # x",
                Some(source("http://a.org/debian", "sid")),
            ),
            ("deb\thttps://a.org ./", Some(source("https://a.org", "./"))),
            ("deb-src http://a.org sid main", None),
            ("# deb http://a.org sid main", None),
            ("deb http://a.org", None),
            ("deb [arch=amd64 http://a.org sid", None),
            ("deb http:// sid", None),
            ("deb cdrom sid", None),
            ("deb", None),
        ] {
            assert_eq!(line(text), expected, "{text}");
        }
    }

    #[test]
    fn stanzas_pair_addresses_with_suites() {
        let text = "# c\nTypes: deb deb-src\nuris: http://a.org/d\n http://b.org\n# c\n\
                    Suites: s s-updates\nSigned-By: /k\n";
        assert_eq!(
            stanza(text),
            [
                source("http://a.org/d", "s"),
                source("http://a.org/d", "s-updates"),
                source("http://b.org", "s"),
                source("http://b.org", "s-updates"),
            ]
        );
        assert!(stanza(&format!("{text}Enabled: no\n")).is_empty());
        assert_eq!(stanza(&format!("{text}Enabled: yes\n")).len(), 4);
        assert!(stanza("Types: deb-src\nURIs: http://a\nSuites: s").is_empty());
        assert!(stanza("\u{fffd}:\n:\n  x").is_empty());
    }

    #[test]
    fn caches_are_named_as_apt_does() {
        let name = |uri, suite| source(uri, suite).cache_name();
        assert_eq!(name("http://a.org/debian", "sid"), "a.org_debian_dists_sid");
        assert_eq!(name("http://a.org", "sid/updates"), "a.org_dists_sid_updates");
        assert_eq!(name("http://a.org/x", "./"), "a.org_x_.");
    }
}
