// SPDX-License-Identifier: Apache-2.0
//! Every bound of the agent, by name and unit. Going over one is a reported error, never a
//! silently shortened answer.

use std::time::Duration;

/// Bytes in a mebibyte.
pub const MIB: u64 = 1024 * 1024;

/// Rows in the answer of one query.
pub const QUERY_ROWS_MAX: u64 = 1_000_000;
/// Bytes in the answer of one query, counted as the JSON that carries it.
pub const QUERY_BYTES_MAX: u64 = 48 * MIB;
/// Seconds one query may run.
pub const QUERY_SECONDS_MAX: u64 = 60;
/// Bytes of SQL text in one query.
pub const SQL_BYTES_MAX: usize = MIB as usize;

/// Bytes of memory that the process of one query may take; it is ended beyond that. Little more
/// than the 200 MB at which osquery's watchdog acts.
pub const QUERY_MEMORY_BYTES_MAX: u64 = 256 * MIB;
/// Bytes SQLite may hold for sorting, grouping and single values, in the process of a query.
/// Together with [`SCAN_BYTES_MAX`] less than [`QUERY_MEMORY_BYTES_MAX`], so that a query meets an
/// error that says what to do before it is ended by force.
pub const SQLITE_HEAP_BYTES_MAX: u64 = 96 * MIB;
/// Share of all processors, in percent, that a query may use for [`WATCHDOG_CPU_SECONDS_MAX`]
/// without a pause; osquery's `watchdog_utilization_limit`.
pub const WATCHDOG_CPU_PERCENT_MAX: u32 = 10;
/// Seconds for which a query may use more than [`WATCHDOG_CPU_PERCENT_MAX`]. osquery allows 12,
/// but only from a minute after its start; honest digests of a directory take longer than 12 on
/// small machines, and a query runs at low priority anyway.
pub const WATCHDOG_CPU_SECONDS_MAX: u64 = 30;
/// Time between two looks at the process of a query; also how soon a stop is noticed.
pub const WATCHDOG_INTERVAL: Duration = Duration::from_millis(100);
/// Time over which a share of the processors is measured: long against the kernel's clock tick.
pub const WATCHDOG_CPU_INTERVAL: Duration = Duration::from_millis(500);
/// Bytes of a regular expression; osquery's `regex_max_size`.
pub const REGEX_BYTES_MAX: usize = 256;
/// Bytes of a compiled regular expression, and of what its engine remembers while it runs.
pub const REGEX_PROGRAM_BYTES_MAX: usize = MIB as usize;
/// Virtual machine steps between two looks at the clock while a statement runs.
pub const PROGRESS_STEPS: i32 = 2_000;
/// How long after its deadline a query may take to notice by itself before it is ended by force.
pub const QUERY_STUCK_GRACE: Duration = Duration::from_secs(5);
/// How long a killed process may take to be gone before it counts as stuck in the kernel (a dead
/// network mount, for example) and is left behind.
pub const KILL_WAIT_MAX: Duration = Duration::from_secs(2);
/// Processes left behind by stuck queries before further queries are refused.
pub const QUERIES_STUCK_MAX: usize = 4;
/// By how much the process of a query is nicer than the agent; osquery's worker is, too.
pub const QUERY_NICE: i32 = 10;
/// What the kernel is told about the process of a query when it must choose whom to kill for
/// memory: this one first.
pub const QUERY_OOM_SCORE: i32 = 1_000;
/// Bytes of what a query's process may be told: the statement, the host, its schedule.
pub const WORKER_REQUEST_BYTES_MAX: u64 = 64 * MIB;
/// Bytes of rows that a query's process hands over at a time.
pub const WORKER_FRAME_BYTES: usize = 64 * 1024;
/// Bytes of complaints of a query's process that are read.
pub const WORKER_STDERR_BYTES_MAX: u64 = 16 * 1024;
/// Bytes of a statement for `osqueryi`, which takes it as an argument; Linux's bound for one.
pub const OSQUERYI_SQL_BYTES_MAX: usize = 128 * 1024 - 1;

/// Rows one table may produce in one scan, before SQLite filters them.
pub const SCAN_ROWS_MAX: usize = 2_000_000;
/// Bytes that the rows of all tables in a query may take together, before SQLite filters them.
pub const SCAN_BYTES_MAX: usize = 96 * MIB as usize;

/// Files one wildcard pattern may match or pass through.
pub const GLOB_FILES_MAX: usize = 500_000;
/// Levels of directories that a trailing `%%` descends; osquery's bound.
pub const GLOB_DEPTH_MAX: usize = 64;
/// Largest file the `hash` table reads; larger ones have empty digests (osquery's `read_max`).
pub const HASH_BYTES_MAX: u64 = 50 * MIB;

/// Largest file below `/proc` or `/sys` that is read.
pub const PROC_FILE_BYTES_MAX: u64 = 4 * MIB;
/// Largest socket list of a network namespace that is read.
pub const SOCKET_LIST_BYTES_MAX: u64 = 64 * MIB;
/// Largest list of a process's mappings that is read; a mapping takes about 100 bytes.
pub const MAPS_BYTES_MAX: u64 = 64 * MIB;
/// Largest environment of a process that is read; the kernel hands 6 MiB to a new one at most.
pub const ENVIRON_BYTES_MAX: u64 = 16 * MIB;
/// Largest record of logins, such as `/var/log/wtmp`, that is read.
pub const UTMP_BYTES_MAX: u64 = 256 * MIB;
/// Bytes of one answer of the kernel over netlink; a route takes about 70.
pub const NETLINK_BYTES_MAX: usize = 64 * MIB as usize;
/// How long the kernel may take for a part of an answer over netlink.
pub const NETLINK_WAIT_MAX: Duration = Duration::from_secs(5);
/// Bytes of one table of packet filter rules.
pub const IPTABLES_BYTES_MAX: usize = 64 * MIB as usize;
/// Bytes of the header of an encrypted volume that are read; LUKS allows 4 MiB.
pub const LUKS_HEADER_BYTES_MAX: u64 = 4 * MIB;
/// Largest configuration file, such as `/etc/passwd`, that is read.
pub const ETC_FILE_BYTES_MAX: u64 = 16 * MIB;
/// Largest file of a user, such as `~/.ssh/authorized_keys`, that is read.
pub const USER_FILE_BYTES_MAX: u64 = 4 * MIB;
/// Largest history of a shell that is read; osquery's `read_max`.
pub const HISTORY_BYTES_MAX: u64 = 50 * MIB;
/// Largest description of a package, such as `package.json`, that is read.
pub const PACKAGE_FILE_BYTES_MAX: u64 = 4 * MIB;
/// Largest header of an RPM package that is read; RPM itself allows 256 MiB, the largest known
/// ones take a tenth of this.
pub const RPM_HEADER_BYTES_MAX: u32 = 64 * MIB as u32;
/// Largest bundle of certificates that is read.
pub const CERTIFICATES_BYTES_MAX: u64 = 16 * MIB;
/// Files that `sudoers` may include, one in another; sudo's own bound.
pub const SUDOERS_DEPTH_MAX: usize = 128;
/// Files that `sudoers` may include altogether.
pub const SUDOERS_FILES_MAX: usize = 2_000;
/// Bytes of one message on the system bus; the protocol allows 128 MiB.
pub const BUS_MESSAGE_BYTES_MAX: usize = 32 * MIB as usize;
/// How long the system bus may take for one answer.
pub const BUS_WAIT_MAX: Duration = Duration::from_secs(5);
/// Largest dpkg status file that is read.
pub const DPKG_STATUS_BYTES_MAX: u64 = 128 * MIB;
/// How long one `statfs` call may take before its mount is reported without sizes.
pub const STATFS_WAIT_MAX: Duration = Duration::from_secs(2);

// A single value and a whole answer must fit into what SQLite may hold; and both kinds of memory
// into that of the process.
const _: () = assert!(QUERY_BYTES_MAX < SQLITE_HEAP_BYTES_MAX);
const _: () = assert!(SQLITE_HEAP_BYTES_MAX + SCAN_BYTES_MAX as u64 <= QUERY_MEMORY_BYTES_MAX);

/// Seconds for which a text is refused after the agent died in it; osquery's
/// `distributed_denylist_duration`.
pub const DENYLIST_SECONDS: i64 = 86_400;
/// Deaths of the agent in one text before that text is refused.
pub const DEATHS_MAX: u32 = 2;
/// Accepted queries that may wait to be run.
pub const PENDING_MAX: u64 = 1_000;
/// Bytes of answers on disk beyond which no further queries are accepted.
pub const OUTBOX_BYTES_MAX: u64 = 512 * MIB;
/// Bytes of answers that travel in one request when several wait.
pub const WRITE_BYTES: u64 = 4 * MIB;
/// Bytes in the name of a query.
pub const QUERY_NAME_BYTES_MAX: usize = 1_024;

/// Bytes of an answer from the server.
pub const REPLY_BYTES_MAX: u64 = 32 * MIB;
/// How long the server is asked to hold a read open when it has no work.
pub const READ_HOLD: Duration = Duration::from_secs(25);
/// Shortest time between two reads while there is something to do at every moment.
pub const READ_GAP: Duration = Duration::from_secs(1);
/// Time for a request beyond what the server may hold it.
pub const REQUEST_WAIT_MAX: Duration = Duration::from_secs(30);
/// Time to send a request body: this for each mebibyte, beside [`REQUEST_WAIT_MAX`].
pub const UPLOAD_WAIT_PER_MIB: Duration = Duration::from_secs(10);
/// Time to open a connection.
pub const CONNECT_WAIT_MAX: Duration = Duration::from_secs(15);

/// Time between polls when neither the server nor the command line says; osquery's default.
pub const POLL_INTERVAL: Duration = Duration::from_secs(60);
/// Time between polls while the server accelerates the agent.
pub const POLL_INTERVAL_ACCELERATED: Duration = Duration::from_secs(5);
/// Bounds of the interval that the server may set.
pub const POLL_INTERVAL_SECONDS: std::ops::RangeInclusive<u64> = 1..=3_600;
/// Time between fetches of the configuration.
pub const CONFIG_INTERVAL: Duration = Duration::from_secs(300);
/// Time to the next fetch after a failed one.
pub const CONFIG_RETRY: Duration = Duration::from_secs(60);
/// Longest wait after failures of a request.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// Seconds for which an answer that the server refused is put aside at the most, whatever the
/// server asks for.
pub const POSTPONED_SECONDS_MAX: i64 = 3600;
/// Longest wait after failed enrolments; osquery's `tls_enroll_max_interval`.
pub const ENROLL_BACKOFF_MAX: Duration = Duration::from_secs(600);
/// Longest wait that a `Retry-After` header may ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(900);
/// Bytes of the enrolment secret.
pub const SECRET_BYTES_MAX: u64 = 4_096;
/// Bytes of a configuration; osquery's bound.
pub const CONFIG_BYTES_MAX: usize = 4 * MIB as usize;
/// Levels of nesting in a configuration; osquery's bound.
pub const CONFIG_DEPTH_MAX: usize = 32;
/// Queries of a schedule, those of packs included.
pub const SCHEDULE_QUERIES_MAX: usize = 5_000;
/// Longest interval of a scheduled query in seconds; osquery's bound.
pub const SCHEDULE_INTERVAL_SECONDS_MAX: u64 = 604_800;
/// Bytes of the rows of one scheduled run. A larger result is reported as an error.
pub const SCHEDULE_ROWS_BYTES_MAX: usize = 16 * MIB as usize;
/// Bytes of the log lines that one scheduled run makes. More is reported as an error.
pub const SCHEDULE_LINES_BYTES_MAX: usize = 64 * MIB as usize;
/// Bytes of the rows that are kept for comparison, of all scheduled queries together.
pub const SCHEDULE_KEPT_BYTES_MAX: u64 = 256 * MIB;
/// Seconds for which rows of a query are kept that is no longer scheduled; osquery's week.
pub const SCHEDULE_FORGET_SECONDS: i64 = 7 * 86_400;
/// Decorator queries of a configuration.
pub const DECORATORS_MAX: usize = 100;
/// Bytes of all decorations: every line carries them.
pub const DECORATIONS_BYTES_MAX: usize = 16 * 1024;
/// Bytes of log lines that wait for the server, beside `buffered_log_max` of the configuration.
pub const LOG_BYTES_MAX: u64 = 256 * MIB;
/// Bytes of lines in one request to the log, beside `logger_tls_max_lines`.
pub const LOG_BODY_BYTES: u64 = 4 * MIB;
/// How long the agent takes to stop before it simply ends; nothing is lost either way.
pub const STOP_WAIT_MAX: Duration = Duration::from_secs(8);
/// Time between two looks at whether the loop can be ended.
pub const STOP_LOOK_INTERVAL: Duration = Duration::from_millis(10);
