// SPDX-License-Identifier: Apache-2.0
//! Queries that would eat memory, run for ever, hang or crash: each ends with an error that says
//! why, in a process of its own, and the next query runs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mimir_agent::host::Host;
use mimir_agent::limits::MIB;
use mimir_agent::sql::{Engine, Osqueryi, QueryError, QueryLimits, Runner};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::fixture::host;
use crate::program::{ENDLESS, until};

const COUNTING: &str = "WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)";

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_mimir-agent"))
}

/// Bounds under which nothing but the one that a test sets is met.
fn wide() -> QueryLimits {
    QueryLimits { cpu_time_max: Duration::from_secs(3_600), ..QueryLimits::default() }
}

fn seconds(time: u64) -> QueryLimits {
    QueryLimits { time_max: Duration::from_secs(time), ..wide() }
}

fn isolated(limits: QueryLimits) -> Runner {
    Runner::new(host(), limits, Arc::default()).with_engine(Engine::Worker { program: program() })
}

fn value(runner: &Runner, sql: &str) -> String {
    let (answer, _) = runner.run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!((answer.len(), answer.columns.len()), (1, 1), "{sql}");
    answer.rows().next().unwrap()[0].to_owned()
}

/// The error of a query, after which the next one runs.
fn error(runner: &Runner, sql: &str) -> QueryError {
    let error = runner.run(sql).map(|(answer, _)| answer.len()).unwrap_err();
    assert_eq!(value(runner, "SELECT 'alive'"), "alive", "after {sql}");
    error
}

/// Processes below this one whose command line holds `word`.
fn children(word: &str) -> Vec<i32> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let fields: Vec<_> =
            stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let is_alive = fields.first().is_some_and(|state| *state != "Z");
        if fields.get(1) == Some(&own.as_str())
            && is_alive
            && String::from_utf8_lossy(&command).contains(word)
        {
            found.push(pid);
        }
    }
    found
}

#[test]
fn a_process_of_its_own_answers_as_this_one_does() {
    let mut described = host();
    let changed: &mut Host = Arc::get_mut(&mut described).unwrap();
    changed.pid = 4_711;
    described.facts.set_flag("distributed_interval", "7");
    let inline = Runner::new(Arc::clone(&described), wide(), Arc::default());
    let isolated = inline.clone().with_engine(Engine::Worker { program: program() });
    for sql in [
        "SELECT 1 AS n, 'é' AS t, NULL AS empty UNION ALL SELECT 2, '', x'ff'",
        "SELECT 1 WHERE 0",
        "SELECT * FROM osquery_info",
        "SELECT hostname, uuid, hardware_serial FROM system_info",
        "SELECT * FROM users ORDER BY uid",
        "PRAGMA table_info(users)",
    ] {
        let expected = inline.run(sql).unwrap().0;
        assert_eq!(isolated.run(sql).unwrap().0, expected, "{sql}");
    }
    assert_eq!(value(&isolated, "SELECT pid FROM osquery_info"), "4711");
    let flag = "SELECT value FROM osquery_flags WHERE name = 'distributed_interval'";
    assert_eq!(value(&isolated, flag), "7");
    let sql = format!("{COUNTING} SELECT n, 'some text ' || n AS t FROM r LIMIT 200000");
    let (answer, cost) = isolated.run(&sql).unwrap();
    assert_eq!(answer.len(), 200_000);
    assert_eq!(answer.rows().last().unwrap(), ["200000", "some text 200000"]);
    assert!(cost.wall > Duration::ZERO, "{cost:?}");
    assert_eq!(
        error(&isolated, "SELECT * FROM nowhere"),
        QueryError::Sql("no such table: nowhere".into())
    );
    assert_eq!(
        error(&isolated, "SELECT 1; SELECT 2"),
        inline.run("SELECT 1; SELECT 2").unwrap_err()
    );
}

#[test]
fn the_process_of_a_query_leaves_the_host_alone() {
    let runner = isolated(wide());
    let sql =
        "SELECT nice FROM processes WHERE cmdline LIKE '%worker --memory-bytes%' AND nice >= 10";
    assert!(!runner.run(sql).unwrap().0.is_empty(), "it is nice");
    let sql = "SELECT count(*) FROM process_envs e JOIN processes p USING (pid)
               WHERE p.cmdline LIKE '%worker --memory-bytes%' AND key NOT IN ('PATH', 'TZ', 'RUST_BACKTRACE')";
    assert_eq!(value(&runner, sql), "0", "nothing of the agent's environment");
}

#[test]
fn secrets_of_the_agent_stay_secret_in_the_other_process() {
    let directory = tempfile::tempdir().unwrap();
    let secret = directory.path().join("secret");
    std::fs::write(&secret, "s3cr3t").unwrap();
    let sql = format!("SELECT sha256 FROM hash WHERE path = '{}'", secret.display());
    let runner = isolated(wide());
    assert_eq!(value(&runner, &sql).len(), 64);
    mimir_agent::tables::read::protect(&secret).unwrap();
    assert_eq!(value(&runner, &sql), "");
}

#[test]
fn eaters_of_memory() {
    let runner = isolated(QueryLimits { memory_max: 128 * MIB, ..wide() });
    for sql in [
        format!("{COUNTING} SELECT n, randomblob(1000000) AS b FROM r ORDER BY b LIMIT 1000000"),
        format!("{COUNTING} SELECT group_concat(n) FROM (SELECT n FROM r LIMIT 20000000)"),
        format!("{COUNTING} SELECT count(DISTINCT printf('%0500d', n)) FROM r"),
    ] {
        let error = error(&runner, &sql);
        let is_expected = match &error {
            QueryError::OutOfMemory(_) => error.is_runaway(),
            QueryError::Sql(text) => text == "string or blob too big",
            _ => false,
        };
        assert!(is_expected, "{sql}: {error}");
    }
    // Beyond what tables and SQLite count, the kernel draws the line.
    let runner = isolated(QueryLimits { memory_max: 32 * MIB, ..wide() });
    let sql = "SELECT count(path) FROM file WHERE path LIKE '/usr/%%'";
    let before = error(&runner, sql);
    assert!(matches!(before, QueryError::OutOfMemory(32) | QueryError::Sql(_)), "{before}");
}

#[test]
fn queries_that_run_for_ever() {
    let runner = isolated(seconds(1));
    for sql in [
        ENDLESS,
        "SELECT count(*) FROM processes a, processes b, processes c, processes d, processes e, \
         processes f, processes g, processes h",
        "SELECT sleep(1000)",
        "SELECT regex_match(printf('%.40000000c', 'a'), '(.*)(.*)(.*)(.*)(.*)(.*)b', 0), sleep(9)",
    ] {
        let error = error(&runner, sql);
        assert_eq!(error, QueryError::TimedOut(1), "{sql}");
        assert!(error.is_runaway());
    }
}

#[test]
fn a_query_that_does_not_look_at_the_clock_is_ended_by_force() {
    // One call of a function that takes far longer than the deadline and its grace.
    let runner = isolated(seconds(1));
    let sql = "SELECT instr(printf('%.20000000c', 'a'), printf('%.10000000c', 'a') || 'b')";
    let error = error(&runner, sql);
    assert_eq!(error, QueryError::TimedOut(1), "{error}");
}

#[test]
fn a_lasting_share_of_the_processors() {
    let limits = QueryLimits { cpu_percent_max: 1, cpu_time_max: Duration::from_secs(1), ..wide() };
    let error = error(&isolated(limits), ENDLESS);
    assert_eq!(error, QueryError::TooBusy { percent: 1, seconds: 1 });
    assert!(error.is_runaway());
}

#[test]
fn too_much_of_an_answer_is_no_runaway() {
    let runner = isolated(QueryLimits { rows_max: 10, ..wide() });
    let rows = error(&runner, &format!("{COUNTING} SELECT n FROM r"));
    assert_eq!(rows, QueryError::TooManyRows(10));
    let runner = isolated(QueryLimits { bytes_max: 10_000, ..wide() });
    let bytes = error(&runner, &format!("{COUNTING} SELECT n FROM r"));
    assert_eq!(bytes, QueryError::TooManyBytes(10_000));
    assert!(!rows.is_runaway() && !bytes.is_runaway());
}

#[test]
fn a_fifo_does_not_hang_a_query() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let runner = isolated(seconds(20));
    let sql =
        format!("SELECT count(*) FROM hash WHERE directory = '{}'", directory.path().display());
    assert_eq!(value(&runner, &sql), "0");
}

#[test]
fn a_process_that_is_killed_is_reported() {
    for (signal, said) in [(Signal::SIGKILL, "SIGKILL"), (Signal::SIGABRT, "SIGABRT")] {
        let runner = isolated(wide());
        let word = format!("{}", 1_000_000_000 + signal as u64);
        let limits = QueryLimits { memory_max: word.parse().unwrap(), ..wide() };
        let doomed = Runner::new(host(), limits, Arc::default())
            .with_engine(Engine::Worker { program: program() });
        let waiting = std::thread::spawn(move || doomed.run(ENDLESS));
        until("the query runs", || !children(&word).is_empty());
        kill(Pid::from_raw(children(&word)[0]), signal).unwrap();
        let error = waiting.join().unwrap().unwrap_err();
        assert!(error.to_string().contains(said) && error.is_runaway(), "{error}");
        assert_eq!(value(&runner, "SELECT 1"), "1");
    }
}

#[test]
fn a_stop_ends_the_query_and_its_process() {
    let stop = Arc::new(AtomicBool::new(false));
    let limits = QueryLimits { memory_max: 2_000_000_011, ..wide() };
    let runner = Runner::new(host(), limits, Arc::clone(&stop))
        .with_engine(Engine::Worker { program: program() });
    let waiting = std::thread::spawn(move || runner.run(ENDLESS));
    until("the query runs", || !children("2000000011").is_empty());
    stop.store(true, Ordering::SeqCst);
    assert_eq!(waiting.join().unwrap().unwrap_err(), QueryError::Stopped);
    assert!(children("2000000011").is_empty());
}

#[test]
fn one_query_runs_at_a_time() {
    let runner = isolated(QueryLimits { memory_max: 2_000_000_022, ..seconds(1) });
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let runner = runner.clone();
            std::thread::spawn(move || runner.run("SELECT sleep(1000)").map(drop))
        })
        .collect();
    let mut most = 0;
    while threads.iter().any(|thread| !thread.is_finished()) {
        most = most.max(children("2000000022").len());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(most, 1);
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Err(QueryError::TimedOut(1)));
    }
}

#[test]
fn a_program_that_cannot_be_started_is_no_fault_of_the_query() {
    let runner = Runner::new(host(), wide(), Arc::default())
        .with_engine(Engine::Worker { program: PathBuf::from("/no/such/program") });
    let error = runner.run("SELECT 1").unwrap_err();
    assert!(matches!(error, QueryError::Unavailable(_)) && !error.is_runaway(), "{error}");
}

/// A script in the place of `osqueryi`. It finds the statement in `$sql`.
fn fake(directory: &Path, body: &str) -> PathBuf {
    let path = directory.join("osqueryi");
    let script = format!("#!/bin/sh\nfor sql; do :; done\n{body}\n");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn osqueryi(path: &Path, limits: QueryLimits) -> Runner {
    let engine = Engine::Osqueryi { program: program(), osqueryi: Osqueryi::at(path).unwrap() };
    Runner::new(host(), limits, Arc::default()).with_engine(engine)
}

#[test]
fn an_installed_osqueryi_answers() {
    let directory = tempfile::tempdir().unwrap();
    let body = r#"case "$sql" in
        *nowhere*) echo "Error: no such table: nowhere" >&2; exit 1;;
        *warning*) echo "W0101 careful" >&2; echo '[{"a":"1"}]';;
        *empty*) printf '[\n\n]\n';;
        *broken*) echo '[{"a":"1"},';;
        *text*) echo 'hello';;
        *silent*) ;;
        *crash*) kill -SEGV $$;;
        *status*) echo "something went wrong" >&2; exit 3;;
        *) printf '[\n  {"args":"%s","sql":"%s"}\n]\n' "$1 $2 $3 $4" "$sql";;
    esac"#;
    let runner = osqueryi(&fake(directory.path(), body), wide());
    let (answer, _) = runner.run("-- a comment\nSELECT 5 ;").unwrap();
    assert_eq!(answer.columns, ["args", "sql"]);
    let arguments = "--json --ephemeral --disable_events --disable_extensions";
    assert_eq!(answer.rows().collect::<Vec<_>>(), [[arguments, "SELECT 5"]]);
    assert_eq!(runner.run("SELECT 'empty'").unwrap().0.len(), 0);
    assert_eq!(value(&runner, "SELECT 'warning'"), "1");
    for (sql, said) in [
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("SELECT 'broken'", "no valid JSON"),
        ("SELECT 'text'", "no valid JSON"),
        ("SELECT 'silent'", "no valid JSON"),
        ("SELECT 'status'", "osqueryi ended with status 3: something went wrong"),
        ("SELECT 1; SELECT 2", "only one statement is allowed"),
        (".shell", "only statements that read"),
    ] {
        let error = runner.run(sql).unwrap_err();
        assert!(error.to_string().contains(said) && !error.is_runaway(), "{sql}: {error}");
    }
    let error = runner.run("SELECT 'crash'").unwrap_err();
    assert!(error.to_string().contains("SIGSEGV") && error.is_runaway(), "{error}");
    let about = value(&runner, "SELECT instance_id FROM osquery_info");
    assert_eq!(about, "instance-1", "the agent speaks for itself");
}

#[test]
fn an_osqueryi_out_of_bounds_is_ended_with_its_children() {
    let directory = tempfile::tempdir().unwrap();
    let note = directory.path().join("pid");
    let body = format!(
        r#"case "$sql" in
        *hang*) sleep 1000 & echo $! > {}; wait;;
        *flood*) yes '{{"a":"1"}},';;
        *rows*) printf '['; for i in 1 2 3 4; do printf '{{"a":"1"}},'; done; printf '{{"a":"1"}}]';;
        *) echo '[{{"a":"alive"}}]';;
    esac"#,
        note.display()
    );
    let path = fake(directory.path(), &body);
    let runner = osqueryi(&path, QueryLimits { rows_max: 4, bytes_max: 100_000, ..seconds(1) });
    assert_eq!(error(&runner, "SELECT 'hang'"), QueryError::TimedOut(1));
    let pid = std::fs::read_to_string(&note).unwrap();
    let state = || std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    until("its child is gone", || state().is_err() || state().unwrap().contains(" Z "));
    assert_eq!(error(&runner, "SELECT 'rows'"), QueryError::TooManyRows(4));
    let flood = error(&runner, "SELECT 'flood'");
    assert!(matches!(flood, QueryError::Sql(_)), "what yes prints is no JSON: {flood}");
    let body = r#"case "$sql" in
        *flood*) printf '['; yes '{"a":"1"},';;
        *) echo '[{"a":"alive"}]';;
    esac"#;
    let path = fake(directory.path(), body);
    let runner = osqueryi(&path, QueryLimits { bytes_max: 100_000, ..wide() });
    assert_eq!(error(&runner, "SELECT 'flood'"), QueryError::TooManyBytes(100_000));
}

#[test]
fn a_program_that_others_could_change_is_not_run() {
    let directory = tempfile::tempdir().unwrap();
    let path = fake(directory.path(), "exit 0");
    assert!(Osqueryi::at(&path).is_ok());
    for (mode, said) in [(0o777, "others could change it"), (0o644, "it is no program")] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = Osqueryi::at(&path).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    assert!(Osqueryi::at(Path::new("osqueryi")).unwrap_err().to_string().contains("absolute"));
    assert!(Osqueryi::at(Path::new("/no/osqueryi")).is_err());
}

#[test]
fn the_command_line_chooses_the_engine() {
    let directory = tempfile::tempdir().unwrap();
    let path = fake(directory.path(), "printf '[{\"sql\":\"%s\"}]' \"$sql\"");
    let query = |path: &Path| {
        let engine = ["query", "--json", "--engine", "osqueryi", "--osqueryi-path"];
        let mut command = std::process::Command::new(program());
        command.args(engine).arg(path).arg("SELECT 5").output().unwrap()
    };
    let output = query(&path);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[{\"sql\":\"SELECT 5\"}]\n", "{output:?}");
    let output = query(Path::new("/no/such/osqueryi"));
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("/no/such/osqueryi cannot be used as osqueryi"), "{said}");
}
