// SPDX-License-Identifier: Apache-2.0
//! Where indicators are looked for: one query text for each table and platform, with places for
//! the values and the folders. Values get into SQL through [`quote`] and nowhere else.
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
    /// Whether its values are patterns: places that differ from user to user.
    patterned: bool,
    /// The query; `{values}` stands for rows of `wanted`.
    template: &'static str,
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

    /// The query with these values.
    pub(super) fn sql(&self, values: &str) -> String {
        let platform = self.platforms[0];
        let places: Vec<_> =
            places(platform).iter().map(|place| format!("path LIKE {}", quote(place))).collect();
        // The values come last: nothing in them is a place for something else.
        (self.template)
            .replace("{places}", &places.join(" OR "))
            .replace("{programs}", programs(platform))
            .replace("{found}", &found(self.table))
            .replacen("{values}", values, 1)
    }
}

/// The columns every row of a match begins with.
fn found(table: &str) -> String {
    format!("w.n AS mimir_indicator, '{table}' AS mimir_table, '' AS mimir_not_assessed")
}

/// Files in folders of downloads and of temporary files, one level deep.
const fn places(platform: Platform) -> &'static [&'static str] {
    match platform {
        Platform::Linux => &[
            "/home/%/Downloads/%",
            "/home/%/Desktop/%",
            "/root/%",
            "/tmp/%",
            "/var/tmp/%",
            "/dev/shm/%",
        ],
        Platform::Darwin => &[
            "/Users/%/Downloads/%",
            "/Users/%/Desktop/%",
            "/Users/Shared/%",
            "/private/tmp/%",
            "/private/var/tmp/%",
            "/Library/LaunchAgents/%",
            "/Library/LaunchDaemons/%",
        ],
        Platform::Windows => &[
            r"C:\Users\%\Downloads\%",
            r"C:\Users\%\Desktop\%",
            r"C:\Users\%\AppData\Local\Temp\%",
            r"C:\Users\%\AppData\Roaming\%",
            r"C:\Users\Public\%",
            r"C:\Windows\Temp\%",
            r"C:\ProgramData\%",
        ],
    }
}

/// Programs that start by themselves, besides `startup_items`. A service's path is a command
/// line: the program is quoted or ends with `.exe`.
const fn programs(platform: Platform) -> &'static str {
    match platform {
        Platform::Linux => "",
        Platform::Darwin => " UNION SELECT program FROM launchd",
        Platform::Windows => {
            " UNION SELECT module_path FROM services UNION SELECT CASE WHEN substr(path, 1, 1) = \
             '\"' THEN substr(path, 2, instr(substr(path, 2), '\"') - 1) WHEN instr(lower(path), \
             '.exe') > 0 THEN substr(path, 1, instr(lower(path), '.exe') + 3) ELSE path END FROM \
             services"
        }
    }
}

const LINUX: &[Platform] = &[Platform::Linux];
const DARWIN: &[Platform] = &[Platform::Darwin];
const WINDOWS: &[Platform] = &[Platform::Windows];
const UNIX: &[Platform] = &[Platform::Linux, Platform::Darwin];
const EVERY: &[Platform] = &[Platform::Linux, Platform::Darwin, Platform::Windows];

const SOCKETS: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, s.pid, s.protocol, \
    s.local_address, s.local_port, s.remote_address, s.remote_port, s.state FROM \
    process_open_sockets s CROSS JOIN wanted w ON s.remote_address IN (w.v, '::ffff:' || w.v)";

// A condition on `time` keeps the place of scheduled queries on the same table (osquery-protocol
// 4.1); the table forgets by itself.
const SOCKET_EVENTS: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, e.time, \
    e.action, e.pid, e.path, e.local_address, e.local_port, e.remote_address, e.remote_port FROM \
    socket_events e CROSS JOIN wanted w ON e.remote_address IN (w.v, '::ffff:' || w.v) WHERE \
    e.time > 0";

const HOSTS_FILE: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, h.address, \
    h.hostnames FROM etc_hosts h CROSS JOIN wanted w ON instr(' ' || lower(h.hostnames) || ' ', \
    ' ' || w.v || ' ') > 0 OR instr(lower(h.hostnames) || ' ', '.' || w.v || ' ') > 0";

const DNS_CACHE: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, d.name, d.type \
    FROM dns_cache d CROSS JOIN wanted w ON lower(d.name) = w.v OR substr(lower(d.name), \
    -length(w.v) - 1) = '.' || w.v";

const DNS_EVENTS: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, d.datetime, \
    d.pid, d.path, d.username, d.name, d.type, d.response FROM dns_lookup_events d CROSS JOIN \
    wanted w ON lower(d.name) = w.v OR substr(lower(d.name), -length(w.v) - 1) = '.' || w.v WHERE \
    d.time > 0";

// The name stands alone: `evil.example` is neither in `notevil.example` nor in `evil.example.net`.
const COMMAND_LINES: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, p.pid, p.name, \
    p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON \
    instr(lower(p.cmdline), w.v) > 0 AND (' ' || lower(p.cmdline) || ' ' GLOB '*[^a-z0-9_-]' || \
    w.v || '[^a-z0-9_.-]*' OR ' ' || lower(p.cmdline) || ' ' GLOB '*[^a-z0-9_-]' || w.v || \
    '.[^a-z0-9_-]*')";

const NAMES_RUNNING: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, p.pid, p.name, \
    p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON \
    p.name = w.v OR substr(p.path, -length(w.v) - 1) = '/' || w.v";

const NAMES_RUNNING_MACOS: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, p.pid, \
    p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w \
    ON p.name = w.v COLLATE NOCASE OR substr(p.path, -length(w.v) - 1) = '/' || w.v COLLATE NOCASE";

const NAMES_RUNNING_WINDOWS: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, p.pid, \
    p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w \
    ON p.name = w.v COLLATE NOCASE OR substr(p.path, -length(w.v) - 1) = '\\' || w.v COLLATE NOCASE";

const NAMES_OF_FILES: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, f.path, \
    f.size, f.mtime, f.type, f.uid FROM file f CROSS JOIN wanted w ON f.filename = w.v WHERE \
    ({places})";

const NAMES_OF_FILES_NOCASE: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, \
    f.path, f.size, f.mtime, f.type, f.uid FROM file f CROSS JOIN wanted w ON f.filename = w.v \
    COLLATE NOCASE WHERE ({places})";

const PATHS_RUNNING: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, p.pid, p.name, \
    p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w ON p.path \
    = w.v";

const PATHS_RUNNING_NOCASE: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, p.pid, \
    p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w \
    ON p.path = w.v COLLATE NOCASE";

const PATTERNS_RUNNING: &str = "WITH wanted(n, p, v) AS (VALUES {values}) SELECT {found}, p.pid, \
    p.name, p.path, p.cmdline, p.uid, p.parent, p.start_time FROM processes p CROSS JOIN wanted w \
    ON p.path LIKE w.p AND substr(p.path, -length(w.v)) = w.v COLLATE NOCASE";

const PATHS_OF_FILES: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, f.path, \
    f.size, f.mtime, f.type, f.uid FROM wanted w CROSS JOIN file f ON f.path = w.v";

const PATTERNS_OF_FILES: &str = "WITH wanted(n, p, v) AS (VALUES {values}) SELECT {found}, \
    f.path, f.size, f.mtime, f.type, f.uid FROM wanted w CROSS JOIN file f ON f.path LIKE w.p AND \
    substr(f.path, -length(w.v)) = w.v COLLATE NOCASE";

// A value is a row of its key, and a key is a row of the key above it.
const KEYS: &str = "WITH wanted(n, k, v) AS (VALUES {values}) SELECT {found}, r.key, r.name, \
    r.type, r.data, r.mtime FROM wanted w CROSS JOIN registry r ON r.key = w.k AND r.name = w.v \
    COLLATE NOCASE";

const KEYS_OF_USERS: &str = "WITH wanted(n, k, e, v) AS (VALUES {values}) SELECT {found}, r.key, \
    r.name, r.type, r.data, r.mtime FROM wanted w CROSS JOIN registry r ON r.key LIKE w.k AND \
    substr(r.key, -length(w.e)) = w.e COLLATE NOCASE AND r.name = w.v COLLATE NOCASE";

const FILE_EVENTS: &str = "WITH wanted(n, v) AS (VALUES {values}) SELECT {found}, e.time, e.action, \
    e.target_path, e.size, e.md5, e.sha1, e.sha256 FROM file_events e CROSS JOIN wanted w ON w.v IN \
    (e.md5, e.sha1, e.sha256) WHERE e.time > 0";

// Each file is read once: the paths are made distinct first, and the order of the joins is fixed.
// An empty digest is that of a file that is too large or can't be read.
const DIGESTS: &str = "WITH wanted(n, v) AS (VALUES {values}), places(path, mtime) AS (SELECT path, \
    mtime FROM file WHERE ({places}) AND type = 'regular'), seen(path) AS (SELECT path FROM (SELECT \
    path FROM processes UNION SELECT path FROM startup_items{programs}) WHERE path <> '' AND path \
    NOT LIKE '\\\\%' UNION SELECT path FROM (SELECT path FROM places ORDER BY mtime DESC LIMIT \
    2000)) SELECT ifnull(w.n, '') AS mimir_indicator, 'hash' AS mimir_table, CASE WHEN w.n IS NULL \
    THEN 'too_large' ELSE '' END AS mimir_not_assessed, h.path, h.md5, h.sha1, h.sha256 FROM seen s \
    CROSS JOIN hash h ON h.path = s.path LEFT JOIN wanted w ON w.v IN (h.md5, h.sha1, h.sha256) \
    WHERE w.n IS NOT NULL OR h.sha256 = '' UNION ALL SELECT '', 'file', 'too_many', 'the 2000 newest \
    files of folders for downloads and temporary files were read', '', '', '' WHERE (SELECT \
    count(*) FROM places) > 2000";

/// A source for all agents, or for stock agents only.
const fn source(
    family: Family,
    table: &'static str,
    platforms: &'static [Platform],
    own_agent: bool,
    template: &'static str,
) -> Source {
    Source { family, table, platforms, own_agent, patterned: false, template }
}

const fn patterns(
    family: Family,
    table: &'static str,
    platforms: &'static [Platform],
    own_agent: bool,
    template: &'static str,
) -> Source {
    Source { family, table, platforms, own_agent, patterned: true, template }
}

/// All ways, in the order in which they are best asked: cheap ones first.
pub(super) const SOURCES: &[Source] = &[
    source(Family::Address, "process_open_sockets", EVERY, true, SOCKETS),
    source(Family::Address, "socket_events", UNIX, false, SOCKET_EVENTS),
    source(Family::Domain, "etc_hosts", EVERY, true, HOSTS_FILE),
    source(Family::Domain, "dns_cache", WINDOWS, false, DNS_CACHE),
    source(Family::Domain, "dns_lookup_events", WINDOWS, false, DNS_EVENTS),
    source(Family::Domain, "processes", EVERY, true, COMMAND_LINES),
    source(Family::Name, "processes", LINUX, true, NAMES_RUNNING),
    source(Family::Name, "processes", DARWIN, false, NAMES_RUNNING_MACOS),
    source(Family::Name, "processes", WINDOWS, false, NAMES_RUNNING_WINDOWS),
    source(Family::Path, "processes", LINUX, true, PATHS_RUNNING),
    source(Family::Path, "processes", DARWIN, false, PATHS_RUNNING_NOCASE),
    source(Family::Path, "processes", WINDOWS, false, PATHS_RUNNING_NOCASE),
    patterns(Family::Path, "processes", UNIX, true, PATTERNS_RUNNING),
    patterns(Family::Path, "processes", WINDOWS, false, PATTERNS_RUNNING),
    source(Family::Path, "file", UNIX, true, PATHS_OF_FILES),
    source(Family::Path, "file", WINDOWS, false, PATHS_OF_FILES),
    patterns(Family::Path, "file", UNIX, true, PATTERNS_OF_FILES),
    patterns(Family::Path, "file", WINDOWS, false, PATTERNS_OF_FILES),
    source(Family::Registry, "registry", WINDOWS, false, KEYS),
    patterns(Family::Registry, "registry", WINDOWS, false, KEYS_OF_USERS),
    source(Family::Name, "file", LINUX, true, NAMES_OF_FILES),
    source(Family::Name, "file", DARWIN, false, NAMES_OF_FILES_NOCASE),
    source(Family::Name, "file", WINDOWS, false, NAMES_OF_FILES_NOCASE),
    source(Family::Digest, "file_events", UNIX, false, FILE_EVENTS),
    source(Family::Digest, "hash", LINUX, true, DIGESTS),
    source(Family::Digest, "hash", DARWIN, false, DIGESTS),
    source(Family::Digest, "hash", WINDOWS, false, DIGESTS),
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
        (Family::Registry, Type::RegistryKey) => {
            key_row(source, n, wanted.value).map(|row| vec![row])
        }
        _ => None,
    }
}

/// A path itself, or patterns for its places, each with the end that must be exactly so: in a
/// pattern `_` and `%` stand for others.
fn path_rows(source: &Source, n: u32, value: &str) -> Option<Vec<String>> {
    let is_share = value.starts_with(r"\\");
    let can_exist = source.platforms.iter().all(|platform| can_exist(value, *platform));
    if !can_exist || (is_share && source.table == "file") {
        return None;
    }
    let row = |pattern: &str, end: &str| {
        format!("({n}, {}, {})", quote(&format!("{pattern}{end}")), quote(end))
    };
    let rows = if let Some(rest) = value.strip_prefix("~/") {
        let end = format!("/{rest}");
        ["/home/%", "/root", "/Users/%"].iter().map(|home| row(home, &end)).collect()
    } else if let Some((name, rest)) =
        value.strip_prefix('%').and_then(|after| after.split_once('%'))
    {
        folders(name).iter().map(|folder| row(folder, rest)).collect()
    } else {
        return (!source.patterned).then(|| vec![format!("({n}, {})", quote(value))]);
    };
    source.patterned.then_some(rows)
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

/// The key that holds a key or value, and the last name. Which user is the current one differs
/// from host to host, so all users are looked at.
fn key_row(source: &Source, n: u32, value: &str) -> Option<String> {
    let (parent, last) = value.rsplit_once('\\')?;
    match (parent.strip_prefix("HKEY_CURRENT_USER"), source.patterned) {
        (Some(rest), true) => {
            let pattern = format!(r"HKEY_USERS\%{rest}");
            Some(format!("({n}, {}, {}, {})", quote(&pattern), quote(rest), quote(last)))
        }
        (None, false) => Some(format!("({n}, {}, {})", quote(parent), quote(last))),
        _ => None,
    }
}

/// A text as an SQL literal: the only way of a value into a query.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Whether a path can exist on a platform.
fn can_exist(value: &str, platform: Platform) -> bool {
    (style(value) == Some(Style::Windows)) == (platform == Platform::Windows)
}
