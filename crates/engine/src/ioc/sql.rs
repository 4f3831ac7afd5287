// SPDX-License-Identifier: Apache-2.0
//! Where indicators are looked for: one query text for each table and platform, with a place for
//! the values. Values get into SQL through [`quote`] and nowhere else.
//!
//! Directories are walked one level deep. Shares of other machines are never read: a path of an
//! attacker's server would make every host sign in there.

use mimir_wire::api::indicator::IndicatorType as Type;
use mimir_wire::api::target::Platform;

use super::compile::{Family, Wanted, style};
use super::path::Style;
use crate::host_class::{ClassSet, HostClass};

/// One way of looking.
pub(super) struct Source {
    pub family: Family,
    pub table: &'static str,
    platforms: &'static [Platform],
    /// Whether `mimir-agent` has the tables.
    own_agent: bool,
    /// The query; `{values}` stands for rows of `wanted`.
    pub sql: &'static str,
}

impl Source {
    /// The classes of hosts that have the tables.
    pub(super) fn classes(&self) -> ClassSet {
        let has = |class: &HostClass| {
            class.platform().is_some_and(|platform| {
                self.platforms.contains(&platform)
                    && (!class.own_agent() || (self.own_agent && platform == Platform::Linux))
            })
        };
        HostClass::all().filter(has).collect()
    }
}

const LINUX: &[Platform] = &[Platform::Linux];
const DARWIN: &[Platform] = &[Platform::Darwin];
const WINDOWS: &[Platform] = &[Platform::Windows];
const UNIX: &[Platform] = &[Platform::Linux, Platform::Darwin];
const EVERY: &[Platform] = &[Platform::Linux, Platform::Darwin, Platform::Windows];

/// The beginning of every row.
macro_rules! found {
    ($table:literal) => {
        concat!(
            "SELECT w.n AS mimir_indicator, '",
            $table,
            "' AS mimir_table, '' AS mimir_not_assessed, "
        )
    };
}

/// Digests of the files that run, start by themselves, or lie where downloads and temporary files
/// do. Each file is read once. An empty digest is a file that is too large or not readable.
macro_rules! digests {
    ($paths:literal, $places:literal) => {
        concat!(
            "WITH wanted(n, v) AS (VALUES {values}), places(path) AS (SELECT path FROM file WHERE (",
            $places,
            ") AND type = 'regular'), seen(path) AS (SELECT path FROM (SELECT path FROM processes \
             UNION SELECT path FROM startup_items",
            $paths,
            ") WHERE path <> '' AND path NOT LIKE '\\\\%' UNION SELECT path FROM (SELECT path FROM \
             places LIMIT 2000)) SELECT ifnull(w.n, '') AS mimir_indicator, 'hash' AS mimir_table, \
             CASE WHEN w.n IS NULL THEN 'too_large' ELSE '' END AS mimir_not_assessed, h.path, \
             h.md5, h.sha1, h.sha256 FROM seen s CROSS JOIN hash h ON h.path = s.path LEFT JOIN \
             wanted w ON w.v IN (h.md5, h.sha1, h.sha256) WHERE w.n IS NOT NULL OR h.sha256 = '' \
             UNION ALL SELECT '', 'file', 'too_many', 'more than 2000 files', '', '', '' WHERE \
             (SELECT count(*) FROM places) > 2000"
        )
    };
}

/// Names of files in the same places.
macro_rules! names {
    ($places:literal, $collation:literal) => {
        concat!(
            "WITH wanted(n, v) AS (VALUES {values}) ",
            found!("file"),
            "f.path, f.size, f.mtime, f.type, f.uid FROM file f CROSS JOIN wanted w ON f.filename = \
             w.v",
            $collation,
            " WHERE (",
            $places,
            ")"
        )
    };
}

/// Names of running programs.
macro_rules! programs {
    ($separator:literal, $collation:literal) => {
        concat!(
            "WITH wanted(n, v) AS (VALUES {values}) ",
            found!("processes"),
            "p.pid, p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS \
             JOIN wanted w ON p.name = w.v",
            $collation,
            " OR substr(p.path, -length(w.v) - 1) = '",
            $separator,
            "' || w.v",
            $collation
        )
    };
}

macro_rules! linux_places {
    ($macro:ident, $argument:literal, first) => {
        $macro!($argument, "path LIKE '/home/%/Downloads/%' OR path LIKE '/home/%/Desktop/%' OR path LIKE '/root/%' OR path LIKE '/tmp/%' OR path LIKE '/var/tmp/%' OR path LIKE '/dev/shm/%'")
    };
    ($macro:ident, $argument:literal, last) => {
        $macro!("path LIKE '/home/%/Downloads/%' OR path LIKE '/home/%/Desktop/%' OR path LIKE '/root/%' OR path LIKE '/tmp/%' OR path LIKE '/var/tmp/%' OR path LIKE '/dev/shm/%'", $argument)
    };
}
macro_rules! darwin_places {
    ($macro:ident, $argument:literal, first) => {
        $macro!($argument, "path LIKE '/Users/%/Downloads/%' OR path LIKE '/Users/%/Desktop/%' OR path LIKE '/Users/Shared/%' OR path LIKE '/private/tmp/%' OR path LIKE '/private/var/tmp/%' OR path LIKE '/Library/LaunchDaemons/%' OR path LIKE '/Library/LaunchAgents/%'")
    };
    ($macro:ident, $argument:literal, last) => {
        $macro!("path LIKE '/Users/%/Downloads/%' OR path LIKE '/Users/%/Desktop/%' OR path LIKE '/Users/Shared/%' OR path LIKE '/private/tmp/%' OR path LIKE '/private/var/tmp/%' OR path LIKE '/Library/LaunchDaemons/%' OR path LIKE '/Library/LaunchAgents/%'", $argument)
    };
}
macro_rules! windows_places {
    ($macro:ident, $argument:literal, first) => {
        $macro!($argument, "path LIKE 'C:\\Users\\%\\Downloads\\%' OR path LIKE 'C:\\Users\\%\\Desktop\\%' OR path LIKE 'C:\\Users\\%\\AppData\\Local\\Temp\\%' OR path LIKE 'C:\\Users\\%\\AppData\\Roaming\\%' OR path LIKE 'C:\\Users\\Public\\%' OR path LIKE 'C:\\Windows\\Temp\\%' OR path LIKE 'C:\\ProgramData\\%'")
    };
    ($macro:ident, $argument:literal, last) => {
        $macro!("path LIKE 'C:\\Users\\%\\Downloads\\%' OR path LIKE 'C:\\Users\\%\\Desktop\\%' OR path LIKE 'C:\\Users\\%\\AppData\\Local\\Temp\\%' OR path LIKE 'C:\\Users\\%\\AppData\\Roaming\\%' OR path LIKE 'C:\\Users\\Public\\%' OR path LIKE 'C:\\Windows\\Temp\\%' OR path LIKE 'C:\\ProgramData\\%'", $argument)
    };
}

/// All ways, in the order in which they are best asked: cheap ones first.
pub(super) const SOURCES: &[Source] = &[
    Source {
        family: Family::Address,
        table: "process_open_sockets",
        platforms: EVERY,
        own_agent: true,
        sql: concat!(
            "WITH wanted(n, v) AS (VALUES {values}) ",
            found!("process_open_sockets"),
            "s.pid, s.protocol, s.local_address, s.local_port, s.remote_address, s.remote_port, s.state FROM process_open_sockets s CROSS JOIN wanted w ON s.remote_address IN (w.v, '::ffff:' || w.v)"
        ),
    },
    Source {
        family: Family::Address,
        table: "socket_events",
        platforms: UNIX,
        own_agent: false,
        sql: concat!(
            "WITH wanted(n, v) AS (VALUES {values}) ",
            found!("socket_events"),
            "e.time, e.action, e.pid, e.path, e.local_address, e.local_port, e.remote_address, e.remote_port FROM socket_events e CROSS JOIN wanted w ON e.remote_address IN (w.v, '::ffff:' || w.v) WHERE e.time > 0"
        ),
    },
    Source {
        family: Family::Domain,
        table: "etc_hosts",
        platforms: EVERY,
        own_agent: true,
        sql: concat!(
            "WITH wanted(n, v) AS (VALUES {values}) ",
            found!("etc_hosts"),
            "h.address, h.hostnames FROM etc_hosts h CROSS JOIN wanted w ON instr(' ' || lower(h.hostnames) || ' ', ' ' || w.v || ' ') > 0 OR instr(lower(h.hostnames) || ' ', '.' || w.v || ' ') > 0"
        ),
    },
    Source {
        family: Family::Domain,
        table: "dns_cache",
        platforms: WINDOWS,
        own_agent: false,
        sql: concat!(
            "WITH wanted(n, v) AS (VALUES {values}) ",
            found!("dns_cache"),
            "d.name, d.type FROM dns_cache d CROSS JOIN wanted w ON lower(d.name) = w.v OR substr(lower(d.name), -length(w.v) - 1) = '.' || w.v"
        ),
    },
    Source {
        family: Family::Domain,
        table: "dns_lookup_events",
        platforms: WINDOWS,
        own_agent: false,
        sql: concat!(
            "WITH wanted(n, v) AS (VALUES {values}) ",
            found!("dns_lookup_events"),
            "d.datetime, d.pid, d.path, d.username, d.name, d.type, d.response FROM dns_lookup_events d CROSS JOIN wanted w ON lower(d.name) = w.v OR substr(lower(d.name), -length(w.v) - 1) = '.' || w.v WHERE d.time > 0"
        ),
    },
    Source {
        family: Family::Domain,
        table: "processes",
        platforms: EVERY,
        own_agent: true,
        sql: concat!(
            "WITH wanted(n, v) AS (VALUES {values}) ",
            found!("processes"),
            "p.pid, p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON instr(lower(p.cmdline), w.v) > 0 AND (' ' || lower(p.cmdline) || ' ' GLOB '*[^a-z0-9_-]' || w.v || '[^a-z0-9_.-]*' OR ' ' || lower(p.cmdline) || ' ' GLOB '*[^a-z0-9_-]' || w.v || '.[^a-z0-9_-]*')"
        ),
    },
    Source {
        family: Family::Name,
        table: "processes",
        platforms: LINUX,
        own_agent: true,
        sql: programs!("/", ""),
    },
    Source {
        family: Family::Name,
        table: "processes",
        platforms: DARWIN,
        own_agent: false,
        sql: programs!("/", " COLLATE NOCASE"),
    },
    Source {
        family: Family::Name,
        table: "processes",
        platforms: WINDOWS,
        own_agent: false,
        sql: programs!("\\", " COLLATE NOCASE"),
    },
    Source {
        family: Family::Path,
        table: "processes",
        platforms: UNIX,
        own_agent: true,
        sql: concat!(
            "WITH wanted(n, p, v) AS (VALUES {values}) ",
            found!("processes"),
            "p.pid, p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON p.path LIKE w.p AND substr(p.path, -length(w.v)) = w.v COLLATE NOCASE"
        ),
    },
    Source {
        family: Family::Path,
        table: "processes",
        platforms: WINDOWS,
        own_agent: false,
        sql: concat!(
            "WITH wanted(n, p, v) AS (VALUES {values}) ",
            found!("processes"),
            "p.pid, p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON p.path LIKE w.p AND substr(p.path, -length(w.v)) = w.v COLLATE NOCASE"
        ),
    },
    Source {
        family: Family::Path,
        table: "file",
        platforms: UNIX,
        own_agent: true,
        sql: concat!(
            "WITH wanted(n, p, v) AS (VALUES {values}) ",
            found!("file"),
            "f.path, f.size, f.mtime, f.type, f.uid FROM wanted w CROSS JOIN file f ON f.path LIKE w.p AND substr(f.path, -length(w.v)) = w.v COLLATE NOCASE"
        ),
    },
    Source {
        family: Family::Path,
        table: "file",
        platforms: WINDOWS,
        own_agent: false,
        sql: concat!(
            "WITH wanted(n, p, v) AS (VALUES {values}) ",
            found!("file"),
            "f.path, f.size, f.mtime, f.type, f.uid FROM wanted w CROSS JOIN file f ON f.path LIKE w.p AND substr(f.path, -length(w.v)) = w.v COLLATE NOCASE"
        ),
    },
    Source {
        family: Family::Registry,
        table: "registry",
        platforms: WINDOWS,
        own_agent: false,
        sql: concat!(
            "WITH wanted(n, k, v, l) AS (VALUES {values}) ",
            found!("registry"),
            "r.key, r.name, r.type, r.data, r.mtime FROM wanted w CROSS JOIN registry r ON r.key LIKE w.k AND substr(r.key, -length(w.v)) = w.v COLLATE NOCASE AND r.name = w.l COLLATE NOCASE"
        ),
    },
    Source {
        family: Family::Name,
        table: "file",
        platforms: LINUX,
        own_agent: true,
        sql: linux_places!(names, "", last),
    },
    Source {
        family: Family::Name,
        table: "file",
        platforms: DARWIN,
        own_agent: false,
        sql: darwin_places!(names, " COLLATE NOCASE", last),
    },
    Source {
        family: Family::Name,
        table: "file",
        platforms: WINDOWS,
        own_agent: false,
        sql: windows_places!(names, " COLLATE NOCASE", last),
    },
    Source {
        family: Family::Digest,
        table: "file_events",
        platforms: UNIX,
        own_agent: false,
        sql: concat!(
            "WITH wanted(n, v) AS (VALUES {values}) ",
            found!("file_events"),
            "e.time, e.action, e.target_path, e.size, e.md5, e.sha1, e.sha256 FROM file_events e CROSS JOIN wanted w ON w.v IN (e.md5, e.sha1, e.sha256) WHERE e.time > 0"
        ),
    },
    Source {
        family: Family::Digest,
        table: "hash",
        platforms: LINUX,
        own_agent: true,
        sql: linux_places!(digests, "", first),
    },
    Source {
        family: Family::Digest,
        table: "hash",
        platforms: DARWIN,
        own_agent: false,
        sql: darwin_places!(digests, "", first),
    },
    Source {
        family: Family::Digest,
        table: "hash",
        platforms: WINDOWS,
        own_agent: false,
        sql: windows_places!(digests, " UNION SELECT path FROM services", first),
    },
];

/// The rows of `wanted` for an indicator; `None` when this source has nothing to say of it.
pub(super) fn rows(source: &Source, wanted: &Wanted<'_>) -> Option<Vec<String>> {
    let n = wanted.ordinal;
    let plain = || vec![format!("({n}, {})", quote(wanted.value))];
    match (source.family, wanted.kind) {
        (Family::Digest, Type::FileHashSha256 | Type::FileHashSha1 | Type::FileHashMd5)
        | (Family::Name, Type::Filename)
        | (Family::Address, Type::Ipv4)
        | (Family::Domain, Type::Domain) => Some(plain()),
        (Family::Path, Type::Filepath) => path_rows(source, n, wanted.value),
        (Family::Registry, Type::RegistryKey) => key_row(n, wanted.value).map(|row| vec![row]),
        _ => None,
    }
}

/// Patterns of a path, each with the end that must be exactly so: in a pattern `_` and `%` stand
/// for others.
fn path_rows(source: &Source, n: u32, value: &str) -> Option<Vec<String>> {
    let is_share = value.starts_with(r"\\");
    let can_exist = source.platforms.iter().all(|platform| can_exist(value, *platform));
    if !can_exist || (is_share && source.table == "file") {
        return None;
    }
    let row = |pattern: &str, end: &str| {
        format!("({n}, {}, {})", quote(&format!("{pattern}{end}")), quote(end))
    };
    if let Some(rest) = value.strip_prefix("~/") {
        let end = format!("/{rest}");
        return Some(["/home/%", "/root", "/Users/%"].map(|home| row(home, &end)).to_vec());
    }
    if let Some((name, rest)) = value.strip_prefix('%').and_then(|after| after.split_once('%')) {
        return Some(folders(name).iter().map(|folder| row(folder, rest)).collect());
    }
    Some(vec![row("", value)])
}

/// Where Windows keeps the folders that variables stand for.
fn folders(name: &str) -> &'static [&'static str] {
    match name {
        "APPDATA" => &[r"C:\Users\%\AppData\Roaming"],
        "LOCALAPPDATA" => &[r"C:\Users\%\AppData\Local"],
        "USERPROFILE" => &[r"C:\Users\%"],
        "TEMP" | "TMP" => &[r"C:\Users\%\AppData\Local\Temp", r"C:\Windows\Temp"],
        "PROGRAMDATA" | "ALLUSERSPROFILE" => &[r"C:\ProgramData"],
        "PUBLIC" => &[r"C:\Users\Public"],
        "PROGRAMFILES" => &[r"C:\Program Files"],
        "PROGRAMFILES(X86)" => &[r"C:\Program Files (x86)"],
        "SYSTEMROOT" | "WINDIR" => &[r"C:\Windows"],
        _ => &["C:"],
    }
}

/// The key that holds a key or value, as a pattern and as its exact end, and the last name.
fn key_row(n: u32, value: &str) -> Option<String> {
    let (parent, last) = value.rsplit_once('\\')?;
    let (pattern, end) = match parent.strip_prefix("HKEY_CURRENT_USER") {
        Some(rest) => (format!(r"HKEY_USERS\%{rest}"), rest),
        None => (parent.to_owned(), parent),
    };
    Some(format!("({n}, {}, {}, {})", quote(&pattern), quote(end), quote(last)))
}

/// A text as an SQL literal: the only way of a value into a query.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether a path can exist on a platform.
fn can_exist(value: &str, platform: Platform) -> bool {
    (style(value) == Some(Style::Windows)) == (platform == Platform::Windows)
}
