// SPDX-License-Identifier: Apache-2.0
//! Queries as packs and investigators write them (`tests/corpus/queries.toml`), each run unchanged
//! as the agent runs it for a server, and many compared with what the machine's own tools say at
//! that moment. A tool that is not installed compares nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use mimir_agent::sql::{Engine, QueryError, QueryLimits, Runner};
use serde::Deserialize;

use crate::fixture::{host, tool};

#[derive(Debug, Deserialize)]
struct Corpus {
    query: Vec<Query>,
}

#[derive(Debug, Deserialize)]
struct Query {
    name: String,
    sql: String,
    rows: Rows,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Rows {
    None,
    One,
    Some,
    Any,
}

static CORPUS: LazyLock<Corpus> = LazyLock::new(|| {
    toml::from_str(include_str!("../corpus/queries.toml")).expect("the corpus is valid")
});

/// Answers as in service: a process for each query, with all its bounds but that of processor
/// time, which a machine busy with tests may use up.
fn runner() -> Runner {
    let limits = QueryLimits { cpu_time_max: Duration::from_secs(3_600), ..QueryLimits::default() };
    let program = PathBuf::from(env!("CARGO_BIN_EXE_mimir-agent"));
    Runner::new(host(), limits, Arc::default()).with_engine(Engine::Worker { program })
}

type Found = Vec<BTreeMap<String, String>>;

fn run(query: &Query) -> Result<Found, QueryError> {
    let (answer, _cost) = runner().run(&query.sql)?;
    let named = |row: Vec<&str>| {
        answer.columns.iter().cloned().zip(row.into_iter().map(str::to_owned)).collect()
    };
    Ok(answer.rows().map(named).collect())
}

/// The rows of a query of the corpus.
fn rows(name: &str) -> Found {
    let query = CORPUS.query.iter().find(|query| query.name == name);
    let query = query.unwrap_or_else(|| panic!("no query {name}"));
    run(query).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Some columns of the rows of a query, each row as one line.
fn lines(name: &str, columns: &[&str]) -> BTreeSet<String> {
    let line = |row: &BTreeMap<String, String>| {
        columns.iter().map(|column| row[*column].as_str()).collect::<Vec<_>>().join("|")
    };
    rows(name).iter().map(line).collect()
}

/// What a tool prints, each line taken apart; nothing when it is not installed.
fn told(
    program: &str,
    arguments: &[&str],
    line: impl Fn(&str) -> Option<String>,
) -> Option<BTreeSet<String>> {
    let text = tool(program, arguments)?;
    Some(text.lines().filter_map(line).collect())
}

/// Words of a line by their places, as one line.
fn words(line: &str, places: &[usize]) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let chosen: Option<Vec<&str>> = places.iter().map(|place| words.get(*place).copied()).collect();
    Some(chosen?.join("|"))
}

/// Asserts that a query finds what a tool tells. Both look at a machine that moves: what the tool
/// told before and after the query must be there, and what the query found must have been told
/// before or after. The latter may need another try.
fn agree(
    name: &str,
    tells: impl Fn() -> Option<BTreeSet<String>>,
    finds: impl Fn() -> BTreeSet<String>,
) {
    let mut strangers = BTreeSet::new();
    for _ in 0..50 {
        let Some(before) = tells() else { return };
        let found = finds();
        let Some(after) = tells() else { return };
        let missing: Vec<_> =
            before.intersection(&after).filter(|one| !found.contains(*one)).collect();
        assert!(missing.is_empty(), "{name} does not find {missing:?}");
        let known: BTreeSet<_> = before.union(&after).cloned().collect();
        strangers = found.difference(&known).cloned().collect();
        if strangers.is_empty() {
            return;
        }
    }
    panic!("{name} finds what the tool does not tell: {strangers:?}");
}

/// The only row of a query.
fn only(name: &str) -> BTreeMap<String, String> {
    let mut rows = rows(name);
    assert_eq!(rows.len(), 1, "{name}: {rows:?}");
    rows.remove(0)
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[test]
fn every_query_runs_unchanged() {
    let names: BTreeSet<&str> = CORPUS.query.iter().map(|query| query.name.as_str()).collect();
    assert_eq!(names.len(), CORPUS.query.len(), "every query has a name of its own");
    assert!(names.len() >= 150, "{}", names.len());
    for query in &CORPUS.query {
        let found = run(query).unwrap_or_else(|error| panic!("{}: {error}", query.name));
        let is_expected = match query.rows {
            Rows::None => found.is_empty(),
            Rows::One => found.len() == 1,
            Rows::Some => !found.is_empty(),
            Rows::Any => true,
        };
        assert!(is_expected, "{} has {} rows: {:?}", query.name, found.len(), found.first());
    }
}

/// Lines without those of processes that these tests start; the second part is the parent.
fn of_others(lines: BTreeSet<String>) -> BTreeSet<String> {
    let own = std::process::id().to_string();
    lines.into_iter().filter(|line| line.split('|').nth(1) != Some(&own)).collect()
}

#[test]
fn processes_are_those_of_ps() {
    agree(
        "processes_all",
        || {
            let asked = ["-eo", "pid=,ppid=,ruid=,euid="];
            told("ps", &asked, |line| words(line, &[0, 1, 2, 3])).map(of_others)
        },
        || of_others(lines("processes_all", &["pid", "parent", "uid", "euid"])),
    );
    agree(
        "processes_all by name",
        || {
            let named = |line: &str| {
                let name = line.splitn(3, char::is_whitespace).nth(2)?.trim();
                Some(format!("{}|{}", words(line, &[0, 1])?, name.trim_end_matches(" <defunct>")))
            };
            let squeezed = |line: &str| {
                let line = line.trim_start();
                let (pid, rest) = line.split_once(' ')?;
                named(&format!("{pid} {}", rest.trim_start()))
            };
            told("ps", &["-eo", "pid=,ppid=,comm="], squeezed).map(of_others)
        },
        || of_others(lines("processes_all", &["pid", "parent", "name"])),
    );
    agree(
        "zombies",
        || {
            told("ps", &["-eo", "stat=,pid=,ppid="], |line| {
                line.starts_with('Z').then(|| words(line, &[1, 2]))?
            })
        },
        || lines("zombies", &["pid", "parent"]),
    );
}

#[test]
fn nice_processes_are_those_of_ps() {
    // The queries themselves are nice, so only what was there before and after counts.
    let nice = || {
        told("ps", &["-eo", "pid=,ni="], |line| {
            (words(line, &[1])? != "0").then(|| words(line, &[0, 1]))?
        })
    };
    let Some(before) = nice() else { return };
    let found = lines("niced_processes", &["pid", "nice"]);
    let Some(after) = nice() else { return };
    for process in before.intersection(&after).filter(|process| !process.ends_with("|-")) {
        assert!(found.contains(process), "{process}");
    }
}

#[test]
fn listening_ports_are_those_of_ss() {
    let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let tells = |options: &'static str| {
        move || {
            told("ss", &[options], |line| {
                let (address, port) = line.split_whitespace().nth(3)?.rsplit_once(':')?;
                Some(format!("{}|{port}", address.split('%').next()?))
            })
        }
    };
    let finds = |protocol: &'static str| {
        move || {
            let rows = rows("listening_all");
            let ours =
                rows.iter().filter(|row| row["family"] == "2" && row["protocol"] == protocol);
            ours.map(|row| format!("{}|{}", row["address"], row["port"])).collect()
        }
    };
    agree("listening_all over TCP", tells("-Hltn4"), finds("6"));
    let here = |line: &str| line.starts_with("127.0.0.1|").then(|| line.to_owned());
    let beyond = lines("listening_beyond_loopback", &["address", "port"]);
    assert!(beyond.iter().all(|line| here(line).is_none()), "{beyond:?}");
}

#[test]
fn interfaces_and_neighbours_are_those_of_ip() {
    agree(
        "interfaces_with_addresses",
        || {
            told("ip", &["-o", "-4", "addr"], |line| {
                let address = words(line, &[3])?;
                Some(format!("{}|{}", words(line, &[1])?, address.split('/').next()?))
            })
        },
        || {
            let found = lines("interfaces_with_addresses", &["interface", "address"]);
            found.into_iter().filter(|line| !line.contains(':')).collect()
        },
    );
    agree(
        "neighbours",
        || {
            told("ip", &["-4", "neigh"], |line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let mac = words.iter().position(|word| *word == "lladdr")? + 1;
                Some([*words.first()?, *words.get(2)?, *words.get(mac)?].join("|"))
            })
        },
        || {
            let found = lines("neighbours", &["address", "interface", "mac"]);
            found.into_iter().filter(|line| !line.ends_with("|00:00:00:00:00:00")).collect()
        },
    );
    agree(
        "default_route",
        || {
            told("ip", &["-4", "route", "show", "default"], |line| {
                (words(line, &[1])? == "via").then(|| words(line, &[2, 4]))?
            })
        },
        || lines("default_route", &["gateway", "interface"]),
    );
}

#[test]
fn users_and_groups_are_those_of_getent() {
    agree(
        "users_all",
        || {
            told("getent", &["-s", "files", "passwd"], |line| {
                let fields: Vec<&str> = line.split(':').collect();
                Some([0, 2, 3, 4, 5, 6].map(|place| fields[place]).join("|"))
            })
        },
        || lines("users_all", &["username", "uid", "gid", "description", "directory", "shell"]),
    );
    agree(
        "users_with_root_rights",
        || {
            told("getent", &["-s", "files", "passwd"], |line| {
                let fields: Vec<&str> = line.split(':').collect();
                (fields[2] == "0" || fields[3] == "0").then(|| fields[0].to_owned())
            })
        },
        || lines("users_with_root_rights", &["username"]),
    );
    agree(
        "groups_all",
        || {
            told("getent", &["-s", "files", "group"], |line| {
                let fields: Vec<&str> = line.split(':').collect();
                Some(format!("{}|{}", fields[0], fields[2]))
            })
        },
        || lines("groups_all", &["groupname", "gid"]),
    );
    agree(
        "groups_of_root",
        || {
            let text = tool("id", &["-Gn", "root"])?;
            Some(text.split_whitespace().map(str::to_owned).collect())
        },
        || lines("groups_of_root", &["groupname"]),
    );
}

#[test]
fn passwords_are_those_of_getent() {
    if is_root() {
        agree(
            "passwords",
            || {
                told("getent", &["-s", "files", "shadow"], |line| {
                    let fields: Vec<&str> = line.split(':').collect();
                    Some(format!("{}|{}", fields[0], fields[2]))
                })
            },
            || lines("passwords", &["username", "last_change"]),
        );
    }
}

#[test]
fn names_of_services_and_protocols_are_those_of_getent() {
    let Some(services) =
        told("getent", &["-s", "files", "services", "ssh"], |line| words(line, &[1]))
    else {
        return;
    };
    let found = lines("services_of_ssh", &["port", "protocol"]);
    for service in services {
        assert!(found.contains(&service.replace('/', "|")), "{service} in {found:?}");
    }
    for number in ["1", "6", "17"] {
        let Some(name) = tool("getent", &["-s", "files", "protocols", number]) else { continue };
        let line = words(&name, &[0, 1]).unwrap();
        assert!(lines("protocol_numbers", &["name", "number"]).contains(&line), "{line}");
    }
}

#[test]
fn packages_are_those_of_dpkg() {
    let format = "-f=${Package}|${Version}|${Architecture}|${Status}\n";
    agree(
        "debian_packages",
        || told("dpkg-query", &["-W", format], |line| Some(line.to_owned())),
        || lines("debian_packages", &["name", "version", "arch", "status"]),
    );
    agree(
        "debian_packages_by_collation",
        || {
            told("dpkg-query", &["-W", "-f=${Package}|${Version}\n", "libssl*"], |line| {
                let (_, version) = line.split_once('|')?;
                (!version.is_empty() && !version.starts_with("1.0")).then(|| line.to_owned())
            })
        },
        || lines("debian_packages_by_collation", &["name", "version"]),
    );
}

#[test]
fn mounts_are_those_of_findmnt() {
    let unescaped = |text: &str| text.replace("\\x20", " ").replace("\\x5c", "\\");
    agree(
        "mounts",
        || {
            told("findmnt", &["-rn", "-o", "TARGET,FSTYPE"], |line| {
                Some(unescaped(&words(line, &[0, 1])?))
            })
        },
        || lines("mounts", &["path", "type"]),
    );
    let Some(told) = tool("stat", &["-f", "-c", "%S %b", "/"]) else { return };
    let root = only("root_file_system");
    assert_eq!(format!("{} {}", root["blocks_size"], root["blocks"]), told.trim());
}

#[test]
fn digests_and_metadata_are_those_of_the_tools() {
    let row = only("passwd_file");
    for (program, column) in [("md5sum", "md5"), ("sha1sum", "sha1"), ("sha256sum", "sha256")] {
        let Some(told) = tool(program, &["/etc/passwd"]) else { continue };
        assert_eq!(told.split_whitespace().next(), Some(row[column].as_str()), "{program}");
    }
    if let Some(told) = tool("stat", &["-c", "%s %a %u %g %h", "/etc/passwd"]) {
        let mode = row["mode"].trim_start_matches('0');
        let parts = [&row["size"], mode, &row["uid"], &row["gid"], &row["hard_links"]];
        assert_eq!(parts.join(" "), told.trim());
    }
    for row in rows("digests_of_running_programs").iter().take(5) {
        let Some(told) = tool("sha256sum", &[&row["path"]]) else { continue };
        let is_same = told.split_whitespace().next() == Some(row["sha256"].as_str());
        // A program larger than what is read has no digest; one being built has another.
        assert!(is_same || row["sha256"].is_empty() || row["path"].contains("/target/"), "{row:?}");
    }
}

#[test]
fn files_are_those_of_find() {
    agree(
        "files_of_a_directory",
        || {
            let format = ["-printf", "%f|%m|%s\n"];
            // The table looks at what links lead to.
            let place = ["-L", "/etc", "-maxdepth", "1", "-type", "f"];
            told("find", &[&place[..], &format].concat(), |line| Some(line.to_owned()))
        },
        || {
            let rows = rows("files_of_a_directory");
            let mode =
                |row: &BTreeMap<String, String>| row["mode"].trim_start_matches('0').to_owned();
            rows.iter()
                .map(|row| format!("{}|{}|{}", row["filename"], mode(row), row["size"]))
                .collect()
        },
    );
    agree(
        "configuration_tree",
        || {
            let found = told("find", &["/etc", "-xtype", "f"], |line| Some(line.to_owned()))?;
            Some(BTreeSet::from([found.len().to_string()]))
        },
        || lines("configuration_tree", &["n"]),
    );
    agree(
        "device_nodes",
        || {
            let place = ["/dev", "-mindepth", "1", "-maxdepth", "1"];
            told("find", &place, |line| Some(line.to_owned()))
        },
        || lines("device_nodes", &["path"]).iter().map(|path| path.replace("//", "/")).collect(),
    );
}

#[test]
fn privileged_programs_are_those_of_find() {
    agree(
        "suid_programs",
        || {
            let places = ["/usr/bin/", "/usr/sbin/"];
            let wanted = ["-xdev", "-type", "f", "-perm", "/6000"];
            told("find", &[&places[..], &wanted].concat(), |line| Some(line.to_owned()))
        },
        || {
            let found = lines("suid_programs", &["path"]);
            let is_link = |path: &String| {
                std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink())
            };
            let below =
                |path: &String| path.starts_with("/usr/bin/") || path.starts_with("/usr/sbin/");
            found.into_iter().filter(|path| below(path) && !is_link(path)).collect()
        },
    );
}

#[test]
fn the_kernel_and_its_settings_are_those_of_the_tools() {
    if let Some(release) = tool("uname", &["-r"]) {
        assert_eq!(only("kernel")["version"], release.trim());
    }
    let settings = rows("kernel_settings").into_iter().chain(rows("ip_forwarding"));
    let mut compared = 0;
    for row in settings {
        let Some(value) = tool("sysctl", &["-n", &row["name"]]) else { continue };
        assert_eq!(row["current_value"], value.trim(), "{}", row["name"]);
        compared += 1;
    }
    assert!(compared > 0 || tool("sysctl", &["-n", "kernel.ostype"]).is_none());
    agree(
        "kernel_modules",
        || {
            told("cat", &["/proc/modules"], |line| {
                (words(line, &[4])? == "Live").then(|| words(line, &[0, 1]))?
            })
        },
        || lines("kernel_modules", &["name", "size"]),
    );
}

#[test]
fn the_machine_is_that_of_the_tools() {
    let hardware = only("hardware");
    if let Some(name) = tool("uname", &["-n"]) {
        assert_eq!(hardware["computer_name"], name.trim());
    }
    if let Some(count) = tool("nproc", &["--all"]) {
        assert_eq!(hardware["cpu_logical_cores"], count.trim());
        assert_eq!(rows("processor_use").len().to_string(), count.trim());
    }
    let total = |text: String| words(text.lines().find(|line| line.starts_with("Mem:"))?, &[1]);
    if let Some(bytes) = tool("free", &["-b"]).and_then(total) {
        assert_eq!(only("memory_pressure")["memory_total"], bytes);
    }
    agree(
        "block_devices",
        || told("lsblk", &["-rbno", "NAME,SIZE"], |line| words(line, &[0, 1])),
        || {
            let rows = rows("block_devices");
            let name =
                |row: &BTreeMap<String, String>| row["name"].trim_start_matches("/dev/").to_owned();
            let shown = rows.iter().map(|row| format!("{}|{}", name(row), row["bytes"]));
            shown.filter(|line| !line.starts_with("loop") && !line.starts_with("ram")).collect()
        },
    );
}

#[test]
fn clocks_are_those_of_the_machine() {
    let seconds =
        |text: Option<String>| -> Option<f64> { text?.split_whitespace().next()?.parse().ok() };
    let date = || seconds(tool("date", &["+%s"]));
    let (before, row, after) = (date(), only("clock"), date());
    if let (Some(before), Some(after)) = (before, after) {
        let shown: f64 = row["unix_time"].parse().unwrap();
        assert!(before <= shown && shown <= after, "{before} {shown} {after}");
    }
    let uptime = || seconds(tool("cat", &["/proc/uptime"])).map(f64::floor);
    let (before, row, after) = (uptime(), only("up_for"), uptime());
    if let (Some(before), Some(after)) = (before, after) {
        let shown: f64 = row["total_seconds"].parse().unwrap();
        assert!(before <= shown && shown <= after, "{before} {shown} {after}");
    }
}

#[test]
fn the_agent_finds_itself() {
    let own = std::process::id().to_string();
    let row = only("agent_path_and_user");
    assert_eq!(row["pid"], own, "the agent is whoever asked, not the process of the query");
    let line = lines("ancestors_of_the_agent", &["pid"]);
    assert!(line.contains(&own) && line.len() > 1, "{line:?}");
    let environment = std::fs::read(format!("/proc/{own}/environ")).unwrap();
    let count = environment.split(|byte| *byte == 0).filter(|entry| entry.contains(&b'=')).count();
    assert_eq!(rows("environment_of_the_agent").len(), count);
}
