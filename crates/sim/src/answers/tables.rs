// SPDX-License-Identifier: Apache-2.0
//! Made-up rows of common osquery tables. Column names and types are those of the osquery
//! schema; values are drawn from the host's stream for the table.

use mimir_wire::time::MICROS_PER_SECOND;
use rand::RngExt as _;
use rand::rngs::Xoshiro256PlusPlus;

use super::Question;
use crate::profile::{Platform, Profile};
use crate::seed;

/// A row: columns in order.
pub(super) type Cells = Vec<(&'static str, String)>;

/// Tables that have rows.
#[cfg(test)]
pub(super) const NAMES: [&str; 11] = [
    "osquery_info",
    "system_info",
    "os_version",
    "uptime",
    "time",
    "processes",
    "users",
    "listening_ports",
    "interface_addresses",
    "mounts",
    "hash",
];

/// The rows of a table on a host; `None` when the table is not known here.
pub(super) fn generate(table: &str, host: &Profile, question: &Question) -> Option<Vec<Cells>> {
    let mut random = seed::rng(host.seed, host.index.into(), table);
    let now = question.now.micros() / MICROS_PER_SECOND;
    let started = question.worker_started.micros() / MICROS_PER_SECOND;
    let rows = match table {
        "osquery_info" => vec![host.osquery_info(question.worker, started)],
        "system_info" => vec![host.system_info()],
        "os_version" => vec![host.os_version()],
        "uptime" => vec![uptime(&mut random)],
        "time" => vec![vec![("unix_time", now.to_string()), ("timezone", "UTC".to_owned())]],
        "processes" => processes(host, &mut random, started),
        "users" => users(host, &mut random),
        "listening_ports" => listening_ports(&mut random),
        "interface_addresses" => interface_addresses(host),
        "mounts" | "logical_drives" => mounts(host, &mut random),
        "hash" | "file" => files(host, table, &mut random, started),
        _ => packages(host, table, &mut random)?,
    };
    Some(rows)
}

fn uptime(random: &mut Xoshiro256PlusPlus) -> Cells {
    let total: u64 = random.random_range(600..8_000_000);
    vec![
        ("days", (total / 86_400).to_string()),
        ("hours", (total / 3600 % 24).to_string()),
        ("minutes", (total / 60 % 60).to_string()),
        ("seconds", (total % 60).to_string()),
        ("total_seconds", total.to_string()),
    ]
}

/// Programs that every host of a platform runs, and where they live.
fn programs(platform: Platform) -> (&'static str, &'static [&'static str]) {
    match platform {
        Platform::Linux => (
            "/usr/sbin/",
            &["systemd", "sshd", "cron", "rsyslogd", "nginx", "osqueryd", "chronyd", "agetty"],
        ),
        Platform::Darwin => (
            "/usr/libexec/",
            &["launchd", "logd", "securityd", "mds", "osqueryd", "WindowServer", "trustd"],
        ),
        Platform::Windows => (
            "C:\\Windows\\System32\\",
            &["svchost.exe", "lsass.exe", "services.exe", "spoolsv.exe", "osqueryd.exe"],
        ),
    }
}

fn processes(host: &Profile, random: &mut Xoshiro256PlusPlus, started: i64) -> Vec<Cells> {
    let (directory, names) = programs(host.platform);
    let count = random.random_range(12..40);
    let mut pid = 1_u32;
    let mut rows = Vec::new();
    for at in 0..count {
        let name = names[at % names.len()];
        rows.push(vec![
            ("pid", pid.to_string()),
            ("name", name.to_owned()),
            ("path", format!("{directory}{name}")),
            ("cmdline", format!("{directory}{name} --instance {at}")),
            ("state", "S".to_owned()),
            ("cwd", "/".to_owned()),
            ("uid", if at % 3 == 0 { "0".to_owned() } else { "1000".to_owned() }),
            ("gid", "0".to_owned()),
            ("on_disk", "1".to_owned()),
            ("resident_size", (random.random_range(1_000..200_000_u64) * 1024).to_string()),
            ("total_size", (random.random_range(10_000..900_000_u64) * 1024).to_string()),
            ("start_time", (started - random.random_range(0..5_000)).to_string()),
            ("parent", if at == 0 { "0".to_owned() } else { "1".to_owned() }),
            ("threads", random.random_range(1..30).to_string()),
        ]);
        pid += random.random_range(1..400);
    }
    rows
}

fn users(host: &Profile, random: &mut Xoshiro256PlusPlus) -> Vec<Cells> {
    const PEOPLE: [&str; 8] = ["ada", "grace", "linus", "ken", "barbara", "edsger", "alan", "rosa"];
    let (root, home, shell) = match host.platform {
        Platform::Linux => ("root", "/home/", "/bin/bash"),
        Platform::Darwin => ("root", "/Users/", "/bin/zsh"),
        Platform::Windows => ("Administrator", "C:\\Users\\", "C:\\Windows\\system32\\cmd.exe"),
    };
    let mut names = vec![(0_u32, root)];
    for (at, person) in PEOPLE.into_iter().enumerate() {
        if random.random_bool(0.4) {
            names.push((1000 + u32::try_from(at).expect("eight names"), person));
        }
    }
    let row = |(uid, name): (u32, &str)| {
        vec![
            ("uid", uid.to_string()),
            ("gid", uid.to_string()),
            ("username", name.to_owned()),
            ("description", format!("{name} on {}", host.hostname())),
            ("directory", format!("{home}{name}")),
            ("shell", shell.to_owned()),
        ]
    };
    names.into_iter().map(row).collect()
}

fn listening_ports(random: &mut Xoshiro256PlusPlus) -> Vec<Cells> {
    const PORTS: [(u16, &str); 7] = [
        (22, "0.0.0.0"),
        (53, "127.0.0.53"),
        (80, "0.0.0.0"),
        (443, "0.0.0.0"),
        (3306, "127.0.0.1"),
        (5432, "127.0.0.1"),
        (8080, "::"),
    ];
    let mut rows = Vec::new();
    for (port, address) in PORTS {
        if port != 22 && random.random_bool(0.5) {
            continue;
        }
        rows.push(vec![
            ("pid", random.random_range(300..30_000).to_string()),
            ("port", port.to_string()),
            ("protocol", if port == 53 { "17" } else { "6" }.to_owned()),
            ("family", if address.contains(':') { "10" } else { "2" }.to_owned()),
            ("address", address.to_owned()),
            ("fd", random.random_range(3..60).to_string()),
            ("path", String::new()),
        ]);
    }
    rows
}

fn interface_addresses(host: &Profile) -> Vec<Cells> {
    let [_, b, c, d] = host.index.to_be_bytes();
    let name = match host.platform {
        Platform::Linux => "eth0",
        Platform::Darwin => "en0",
        Platform::Windows => "12",
    };
    let row = |interface: &str, address: String, mask: &str| {
        vec![
            ("interface", interface.to_owned()),
            ("address", address),
            ("mask", mask.to_owned()),
            ("type", "unknown".to_owned()),
        ]
    };
    vec![
        row("lo", "127.0.0.1".to_owned(), "255.0.0.0"),
        row(name, format!("10.{b}.{c}.{d}"), "255.0.0.0"),
    ]
}

fn mounts(host: &Profile, random: &mut Xoshiro256PlusPlus) -> Vec<Cells> {
    let (device, path, kind) = match host.platform {
        Platform::Linux => ("/dev/sda1", "/", "ext4"),
        Platform::Darwin => ("/dev/disk1s1", "/", "apfs"),
        Platform::Windows => ("C:", "C:", "NTFS"),
    };
    let blocks: u64 = random.random_range(10_000_000..200_000_000);
    vec![vec![
        ("device", device.to_owned()),
        ("device_id", device.to_owned()),
        ("path", path.to_owned()),
        ("type", kind.to_owned()),
        ("blocks_size", "4096".to_owned()),
        ("blocks", blocks.to_string()),
        ("blocks_available", (blocks / random.random_range(2..9)).to_string()),
    ]]
}

fn files(host: &Profile, table: &str, random: &mut Xoshiro256PlusPlus, started: i64) -> Vec<Cells> {
    let (directory, names) = programs(host.platform);
    let row = |name: &&str| {
        let mut row =
            vec![("path", format!("{directory}{name}")), ("directory", directory.to_owned())];
        if table == "hash" {
            let mut hex = |bytes| {
                let bytes: Vec<u8> = (0..bytes).map(|_| random.random()).collect();
                hex::encode(bytes)
            };
            row.extend([("md5", hex(16)), ("sha1", hex(20)), ("sha256", hex(32))]);
        } else {
            row.extend([
                ("filename", (*name).to_owned()),
                ("uid", "0".to_owned()),
                ("gid", "0".to_owned()),
                ("mode", "0755".to_owned()),
                ("size", random.random_range(10_000..9_000_000).to_string()),
                ("mtime", (started - random.random_range(0..9_000_000)).to_string()),
                ("type", "regular".to_owned()),
            ]);
        }
        row
    };
    names.iter().map(row).collect()
}

/// Software lists, each on the platform that has it; elsewhere no such table exists.
fn packages(host: &Profile, table: &str, random: &mut Xoshiro256PlusPlus) -> Option<Vec<Cells>> {
    let arch = match (table, host.platform) {
        ("deb_packages", Platform::Linux) => "amd64",
        ("apps", Platform::Darwin) => "arm64",
        ("programs", Platform::Windows) => "x64",
        _ => return None,
    };
    let version = if table == "apps" { "bundle_version" } else { "version" };
    let names = ["openssl", "curl", "zlib", "git", "python3", "vim", "osquery", "firefox"];
    let mut row = |name: &str| {
        let number = format!("{}.{}", random.random_range(1..9), random.random_range(0..40));
        vec![
            ("name", name.to_owned()),
            (version, number),
            ("arch", arch.to_owned()),
            ("status", "install ok installed".to_owned()),
        ]
    };
    Some(names.into_iter().map(&mut row).collect())
}
