// SPDX-License-Identifier: Apache-2.0
//! `processes`: every process, with sizes in bytes and times in milliseconds.

use std::collections::HashMap;
use std::path::Path;

use super::{Column, Scan, Table, TableError, bigint, integer, proc, text};

/// See the head of this file.
pub struct Processes;

const COLUMNS: &[Column] = &[
    bigint("pid").index(),
    text("name"),
    text("path"),
    text("cmdline"),
    text("state"),
    text("cwd"),
    text("root"),
    bigint("uid"),
    bigint("gid"),
    bigint("euid"),
    bigint("egid"),
    bigint("suid"),
    bigint("sgid"),
    integer("on_disk"),
    bigint("wired_size"),
    bigint("resident_size"),
    bigint("total_size"),
    bigint("user_time"),
    bigint("system_time"),
    bigint("disk_bytes_read"),
    bigint("disk_bytes_written"),
    bigint("start_time"),
    bigint("parent"),
    bigint("pgroup"),
    integer("threads"),
    integer("nice"),
    integer("elevated_token").hidden(),
    integer("secure_process").hidden(),
    text("protection_type").hidden(),
    integer("virtual_process").hidden(),
    bigint("elapsed_time").hidden(),
    bigint("handle_count").hidden(),
    bigint("percent_processor_time").hidden(),
    bigint("upid").hidden(),
    bigint("uppid").hidden(),
    integer("cpu_type").hidden(),
    integer("cpu_subtype").hidden(),
    integer("translated").hidden(),
    text("cgroup_path"),
];

impl Table for Processes {
    fn name(&self) -> &'static str {
        "processes"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let boot = proc::boot_time();
        for pid in proc::pids(scan)? {
            scan.check()?;
            push_process(scan, pid, boot)?;
        }
        Ok(())
    }
}

/// One row, unless the process has gone.
fn push_process(scan: &mut Scan<'_>, pid: i32, boot: Option<i64>) -> Result<(), TableError> {
    let stat = proc::file(pid, "stat").and_then(|text| Stat::parse(&text));
    let (Some(stat), Some(status)) = (stat, proc::file(pid, "status")) else { return Ok(()) };
    let status = Status::parse(&status);
    let wanted_link =
        |name: &str, columns: &[&str]| scan.wants(columns).then(|| proc::link(pid, name)).flatten();
    let program = Program::of(wanted_link("exe", &["path", "on_disk"]).as_deref());
    let cwd = wanted_link("cwd", &["cwd"]);
    let root = wanted_link("root", &["root"]);
    let cmdline = scan.wants(&["cmdline"]).then(|| proc::file(pid, "cmdline")).flatten();
    let io = scan.wants(&["disk_bytes_read", "disk_bytes_written"]);
    let io = io.then(|| proc::file(pid, "io")).flatten().unwrap_or_default();
    let cgroup = scan.wants(&["cgroup_path"]).then(|| proc::file(pid, "cgroup")).flatten();
    let started = boot.map_or(-1, |boot| {
        boot + i64::try_from(proc::ticks_to_millis(stat.start_ticks) / 1_000).unwrap_or(0)
    });
    let row = scan
        .row()
        .set("pid", pid)
        .set("name", status.text("Name").unwrap_or(&stat.name))
        .set("path", program.path)
        .set("cmdline", cmdline.map(|text| text.replace('\0', " ").trim_end().to_owned()))
        .set("state", stat.state)
        .set("cwd", cwd.as_deref())
        .set("root", root.as_deref())
        .set("uid", status.id("Uid", 0))
        .set("gid", status.id("Gid", 0))
        .set("euid", status.id("Uid", 1))
        .set("egid", status.id("Gid", 1))
        .set("suid", status.id("Uid", 2))
        .set("sgid", status.id("Gid", 2))
        .set("on_disk", program.on_disk)
        .set("wired_size", 0)
        .set("resident_size", status.kibibytes("VmRSS"))
        .set("total_size", status.kibibytes("VmSize"))
        .set("user_time", proc::ticks_to_millis(stat.user_ticks))
        .set("system_time", proc::ticks_to_millis(stat.system_ticks))
        .set("disk_bytes_read", counter(&io, "read_bytes"))
        .set("disk_bytes_written", written(&io))
        .set("start_time", started)
        .set("parent", stat.parent)
        .set("pgroup", stat.process_group)
        .set("threads", stat.threads)
        .set("nice", stat.nice)
        .set("cgroup_path", cgroup.as_deref().and_then(cgroup_path));
    scan.push(row)
}

/// The program file: its path and whether it still is where it was started from.
struct Program {
    path: String,
    on_disk: i32,
}

impl Program {
    /// Kernel threads and processes of others have no readable link: on_disk is then -1.
    fn of(link: Option<&Path>) -> Self {
        let Some(link) = link else { return Self { path: String::new(), on_disk: -1 } };
        let text = link.to_string_lossy();
        if let Some(path) = text.strip_suffix(" (deleted)") {
            return Self { path: path.to_owned(), on_disk: 0 };
        }
        Self { path: text.into_owned(), on_disk: link.exists().into() }
    }
}

/// The fields of `/proc/PID/stat` that matter here (`proc_pid_stat(5)`).
#[derive(Debug, PartialEq)]
struct Stat {
    name: String,
    state: String,
    parent: i64,
    process_group: i64,
    user_ticks: u64,
    system_ticks: u64,
    nice: i64,
    threads: i64,
    start_ticks: u64,
}

impl Stat {
    /// The name may hold spaces and brackets, so fields are counted from the last bracket.
    fn parse(stat: &str) -> Option<Self> {
        let (before, after) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = after.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse().ok();
        let count = |index: usize| fields.get(index)?.parse().ok();
        Some(Self {
            name: before.split_once('(')?.1.to_owned(),
            state: (*fields.first()?).to_owned(),
            parent: number(1)?,
            process_group: number(2)?,
            user_ticks: count(11)?,
            system_ticks: count(12)?,
            nice: number(16)?,
            threads: number(17)?,
            start_ticks: count(19)?,
        })
    }
}

/// The lines of `/proc/PID/status`.
struct Status<'t>(HashMap<&'t str, &'t str>);

impl<'t> Status<'t> {
    fn parse(status: &'t str) -> Self {
        let line = |line: &'t str| line.split_once(':').map(|(name, value)| (name, value.trim()));
        Self(status.lines().filter_map(line).collect())
    }

    fn text(&self, name: &str) -> Option<&'t str> {
        self.0.get(name).copied()
    }

    /// Real, effective, saved (0, 1, 2) of `Uid` or `Gid`.
    fn id(&self, name: &str, index: usize) -> Option<i64> {
        self.text(name)?.split_whitespace().nth(index)?.parse().ok()
    }

    /// A size in bytes; kernel threads have none and count as 0.
    fn kibibytes(&self, name: &str) -> i64 {
        let number = self.text(name).and_then(|text| text.split(' ').next()?.parse::<i64>().ok());
        number.unwrap_or(0).saturating_mul(1_024)
    }
}

/// A counter of `/proc/PID/io`; `None` when the file is unreadable.
fn counter(io: &str, name: &str) -> Option<i64> {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok();
    io.lines().find_map(value)
}

/// Bytes that really went to the disk: written less taken back.
fn written(io: &str) -> Option<i64> {
    let cancelled = counter(io, "cancelled_write_bytes").unwrap_or(0);
    Some(counter(io, "write_bytes")?.saturating_sub(cancelled))
}

/// The path in the unified hierarchy, else in the first one listed.
fn cgroup_path(cgroup: &str) -> Option<String> {
    let unified = cgroup.lines().find_map(|line| line.strip_prefix("0::"));
    let path = unified.or_else(|| cgroup.lines().next()?.splitn(3, ':').nth(2))?;
    Some(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_fields() {
        let text = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 3 4 50 60 0 0 20 -5 3 0 999 1 2\n";
        let stat = Stat::parse(text).unwrap();
        assert_eq!(stat.name, "a) b (c)");
        assert_eq!((stat.state.as_str(), stat.parent, stat.process_group), ("S", 1, 7));
        assert_eq!((stat.user_ticks, stat.system_ticks), (50, 60));
        assert_eq!((stat.nice, stat.threads, stat.start_ticks), (-5, 3, 999));
        assert_eq!(Stat::parse("7 (cut"), None);
    }

    #[test]
    fn a_deleted_program_is_not_on_disk() {
        let program = Program::of(Some(Path::new("/usr/bin/gone (deleted)")));
        assert_eq!((program.path.as_str(), program.on_disk), ("/usr/bin/gone", 0));
        assert_eq!(Program::of(Some(Path::new("/proc/self/exe"))).on_disk, 1);
        assert_eq!(Program::of(None).on_disk, -1);
    }

    #[test]
    fn counters_and_control_groups() {
        let io = "rchar: 9\nread_bytes: 4096\nwrite_bytes: 8192\ncancelled_write_bytes: 192\n";
        assert_eq!((counter(io, "read_bytes"), written(io)), (Some(4_096), Some(8_000)));
        assert_eq!(written(""), None);
        assert_eq!(cgroup_path("1:cpu:/a\n0::/b\n").as_deref(), Some("/b"));
        assert_eq!(cgroup_path("1:cpu:/a:x\n").as_deref(), Some("/a:x"));
    }
}
