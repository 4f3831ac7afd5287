// SPDX-License-Identifier: Apache-2.0
//! What the tables of processes, processors, memory, parameters, logins and disks say, compared
//! with the machine and with what its own tools say at the moment. A tool that is not installed
//! is left out; what the kernel says is compared all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::fixture::{error, rows, stable, tool, value};

/// A process that ends with the test.
struct Sleeper(Child);

impl Sleeper {
    fn start(command: &mut Command) -> Self {
        Self(command.arg("600").stdin(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sleep() -> Command {
    Command::new("sleep")
}

#[test]
fn environments_are_those_given() {
    let mut command = sleep();
    command.env_clear().env("MIMIR_A", "1=2").env("MIMIR_EMPTY", "").env("MIMIR_Ä", "ö");
    let sleeper = Sleeper::start(&mut command);
    let other = Sleeper::start(sleep().env_clear().env("OTHER", "x"));
    let found = |sql: &str| -> BTreeSet<(String, String, String)> {
        let row = |row: BTreeMap<String, String>| {
            (row["pid"].clone(), row["key"].clone(), row["value"].clone())
        };
        rows(sql).into_iter().map(row).collect()
    };
    let (one, two) = (sleeper.pid(), other.pid());
    let entry = |pid: u32, key: &str, value: &str| (pid.to_string(), key.into(), value.into());
    let mut expected =
        BTreeSet::from([entry(one, "MIMIR_A", "1=2"), entry(one, "MIMIR_EMPTY", "")]);
    expected.insert(entry(one, "MIMIR_Ä", "ö"));
    assert_eq!(found(&format!("SELECT * FROM process_envs WHERE pid = {one}")), expected);
    expected.insert(entry(two, "OTHER", "x"));
    assert_eq!(found(&format!("SELECT * FROM process_envs WHERE pid IN ({one}, {two})")), expected);
    let joined = format!(
        "SELECT e.pid, e.key, e.value FROM processes p JOIN process_envs e ON e.pid = p.pid
         WHERE p.pid IN ({one}, {two})"
    );
    assert_eq!(found(&joined), expected);
    assert!(rows("SELECT * FROM process_envs WHERE pid IN (999999999, -1, 'x', '')").is_empty());
}

#[test]
fn open_files_are_those_of_the_kernel() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket:[1] deleted");
    let mut command = sleep();
    command.stdout(File::create(&path).unwrap()).stderr(Stdio::piped());
    let sleeper = Sleeper::start(&mut command);
    let pid = sleeper.pid();
    let sql = format!("SELECT * FROM process_open_files WHERE pid = {pid} AND fd < 3 ORDER BY fd");
    let shown = |row: &BTreeMap<String, String>| {
        assert_eq!(row["pid"], pid.to_string());
        (row["fd"].clone(), row["path"].clone())
    };
    // Standard error is a pipe and has no row.
    let name = path.to_str().unwrap();
    let expected = [("0".into(), "/dev/null".into()), ("1".into(), name.into())];
    assert_eq!(rows(&sql).iter().map(shown).collect::<Vec<_>>(), expected);
    fs::remove_file(&path).unwrap();
    assert_eq!(rows(&sql)[1]["path"], format!("{name} (deleted)"));
    let by_path = format!("SELECT pid FROM process_open_files WHERE path = '{name} (deleted)'");
    assert!(rows(&by_path).iter().any(|row| row["pid"] == pid.to_string()));
    drop(sleeper);
    assert!(rows(&sql).is_empty());
}

#[test]
fn mappings_are_those_of_the_kernel() {
    let sleeper = Sleeper::start(&mut sleep());
    let pid = sleeper.pid();
    let sql = format!("SELECT * FROM process_memory_map WHERE pid = {pid}");
    // The program is still being loaded when it has been started.
    let (maps, found) =
        stable(|| fs::read_to_string(format!("/proc/{pid}/maps")).unwrap(), || rows(&sql));
    let lines: Vec<&str> = maps.lines().collect();
    assert_eq!(found.len(), lines.len());
    for (row, line) in found.iter().zip(lines) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (start, end) = fields[0].split_once('-').unwrap();
        assert_eq!((&*row["start"], &*row["end"]), (&*format!("0x{start}"), &*format!("0x{end}")));
        assert_eq!((&*row["permissions"], &*row["device"]), (fields[1], fields[3]));
        let offset = i64::from_str_radix(fields[2], 16).unwrap().to_string();
        assert_eq!((&row["offset"], &*row["inode"]), (&offset, fields[4]));
        let path = fields[5..].join(" ");
        assert_eq!(row["path"], path);
        let is_pseudo = fields[4] == "0" && !path.is_empty();
        assert_eq!(row["pseudo"], if is_pseudo { "1" } else { "0" });
    }
    let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    assert!(found.iter().any(|row| Path::new(&row["path"]) == program));
    assert!(found.iter().any(|row| row["path"] == "[stack]" && row["pseudo"] == "1"));
}

#[test]
fn the_whole_machine_can_be_asked() {
    let own = std::process::id();
    for table in ["process_envs", "process_open_files", "process_memory_map"] {
        let pids = rows(&format!("SELECT DISTINCT pid FROM {table}"));
        assert!(pids.iter().any(|row| row["pid"] == own.to_string()), "{table}");
    }
    // Processes that end while they are read are no errors.
    let noise = std::thread::spawn(|| {
        for _ in 0..50 {
            Command::new("true").status().unwrap();
        }
    });
    while !noise.is_finished() {
        for table in ["process_envs", "process_open_files", "process_memory_map"] {
            assert!(!rows(&format!("SELECT count(*) AS n FROM {table}")).is_empty());
        }
    }
    noise.join().unwrap();
}

#[test]
fn processor_times_grow_with_the_kernels() {
    let times = || -> Vec<Vec<u64>> {
        let stat = fs::read_to_string("/proc/stat").unwrap();
        let cores =
            stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "));
        let numbers = |line: &str| {
            let words = line["cpu".len()..].split(' ');
            words.map(|word| word.parse().unwrap()).collect()
        };
        cores.map(numbers).collect()
    };
    let before = times();
    let found = rows("SELECT * FROM cpu_time");
    let after = times();
    assert_eq!((found.len(), found.len()), (before.len(), after.len()));
    for (row, (before, after)) in found.iter().zip(before.iter().zip(&after)) {
        assert_eq!(row["core"], before[0].to_string());
        // These two never go back.
        for (column, at) in [("user", 1), ("system", 3)] {
            let ticks: u64 = row[column].parse().unwrap();
            assert!((before[at]..=after[at]).contains(&ticks), "{column} {ticks}");
        }
        assert!(row["guest_nice"].parse::<u64>().is_ok());
    }
}

#[test]
fn memory_is_counted_in_bytes() {
    let row = rows("SELECT * FROM memory_info").remove(0);
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap();
    for (column, name) in [("memory_total", "MemTotal:"), ("swap_total", "SwapTotal:")] {
        let line = meminfo.lines().find(|line| line.starts_with(name)).unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert_eq!(row[column], (kib * 1_024).to_string());
    }
    let number = |column: &str| row[column].parse::<u64>().unwrap();
    assert!(number("memory_free") < number("memory_total"));
    assert!(number("memory_available") <= number("memory_total"));
    if let Some(free) = tool("free", &["-b"]) {
        let line = free.lines().find(|line| line.starts_with("Mem:")).unwrap();
        assert_eq!(row["memory_total"], line.split_whitespace().nth(1).unwrap());
    }
}

#[test]
fn load_is_that_of_the_kernel() {
    let (loadavg, found) = stable(
        || fs::read_to_string("/proc/loadavg").unwrap().split(' ').take(3).collect::<String>(),
        || rows("SELECT * FROM load_average"),
    );
    let periods: Vec<&str> = found.iter().map(|row| row["period"].as_str()).collect();
    assert_eq!(periods, ["1m", "5m", "15m"]);
    let averages: String =
        found.iter().map(|row| row["average"].strip_suffix("0000").unwrap()).collect();
    assert_eq!(averages, loadavg);
}

#[test]
fn processors_are_counted_once() {
    let found = rows("SELECT * FROM cpu_info");
    assert!(!found.is_empty(), "every machine has a processor");
    assert_eq!(
        (found[0]["device_id"].as_str(), found[0]["processor_type"].as_str()),
        ("CPU0", "3")
    );
    let logical: usize =
        found.iter().map(|row| row["logical_processors"].parse().unwrap_or(0)).sum();
    assert!(logical >= 1, "{found:?}");
    assert!(["32", "64"].contains(&found[0]["address_width"].as_str()));
}

#[test]
fn modules_are_those_of_the_kernel() {
    let list = || fs::read_to_string("/proc/modules").unwrap_or_default();
    let (modules, found) = stable(list, || rows("SELECT * FROM kernel_modules"));
    let expected: Vec<(&str, &str)> = modules
        .lines()
        .map(|line| line.split(' '))
        .map(|mut words| (words.next().unwrap(), words.next().unwrap()))
        .collect();
    let shown: Vec<(&str, &str)> =
        found.iter().map(|row| (row["name"].as_str(), row["size"].as_str())).collect();
    assert_eq!(shown, expected);
    if let Some(lsmod) = tool("lsmod", &[]).filter(|_| !modules.is_empty()) {
        let names: BTreeSet<&str> =
            lsmod.lines().skip(1).filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(shown.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), names);
    }
}

#[test]
fn parameters_are_those_of_the_kernel() {
    let named = |name: &str| rows(&format!("SELECT * FROM system_controls WHERE name = '{name}'"));
    for name in
        ["kernel.ostype", "kernel.hostname", "kernel.pid_max", "fs.file-max", "vm.swappiness"]
    {
        let row = &named(name)[0];
        let path = Path::new("/proc/sys").join(name.replace('.', "/"));
        assert_eq!(row["current_value"], fs::read_to_string(path).unwrap().trim(), "{name}");
        assert_eq!(row["subsystem"], name.split('.').next().unwrap());
        assert_eq!((row["type"].as_str(), row["oid"].as_str()), ("string", ""));
        if let Some(shown) = tool("sysctl", &["-n", name]) {
            assert_eq!(row["current_value"], shown.trim());
        }
    }
    for name in ["kernel", "kernel/ostype", "../../etc/passwd", "....etc.passwd", "", "net..x"] {
        assert!(named(name).is_empty(), "{name}");
    }
    assert!(rows("SELECT * FROM system_controls WHERE oid = '1.1'").is_empty());
    let both =
        "SELECT count(*) FROM system_controls WHERE name IN ('kernel.ostype', 'kernel.pid_max')";
    assert_eq!(value(both), "2");
}

#[test]
fn all_parameters_are_found_by_their_names() {
    let names = |sql: &str| -> BTreeSet<String> {
        rows(sql).into_iter().map(|mut row| row.remove("name").unwrap()).collect()
    };
    let all = names("SELECT name FROM system_controls");
    if let Some(shown) = tool("sysctl", &["-aN"]) {
        // A slash stands for a dot within a component.
        let missing: Vec<String> = shown
            .lines()
            .map(|name| name.replace('/', "."))
            .filter(|name| !all.contains(name))
            .collect();
        assert_eq!(missing, [""; 0]);
    }
    let vm = names("SELECT name FROM system_controls WHERE subsystem = 'vm'");
    assert_eq!(vm, all.iter().filter(|name| name.starts_with("vm.")).cloned().collect());
    assert!(!vm.is_empty());
    // Some parameters only take values: they have rows, without content.
    let flush = "SELECT current_value FROM system_controls WHERE name = 'net.ipv4.route.flush'";
    if all.contains("net.ipv4.route.flush") {
        assert_eq!(value(flush), "");
    }
}

#[test]
fn passwords_are_those_of_the_file() {
    if fs::read("/etc/shadow").is_err() {
        assert!(error("SELECT * FROM shadow").contains("cannot read its source"));
        return;
    }
    let found = rows("SELECT * FROM shadow");
    assert!(found.iter().all(|row| !row.values().any(|cell| cell.contains('$'))), "no hashes");
    if let Some(shown) = tool("getent", &["shadow"]) {
        let expected: Vec<String> = shown
            .lines()
            .map(|line| {
                let fields: Vec<&str> = line.split(':').collect();
                let number = |at: usize| if fields[at].is_empty() { "-1" } else { fields[at] };
                format!("{} {} {} {}", fields[0], number(2), number(3), number(7))
            })
            .collect();
        let answer = rows(
            "SELECT username || ' ' || last_change || ' ' || min || ' ' || expire AS line
             FROM shadow",
        );
        let answer: Vec<&String> = answer.iter().map(|row| &row["line"]).collect();
        assert_eq!(answer, expected.iter().collect::<Vec<_>>());
    }
    let name = &found[0]["username"];
    assert_eq!(rows(&format!("SELECT * FROM shadow WHERE username = '{name}'")), found[..1]);
    assert!(rows("SELECT * FROM shadow WHERE username = 'nobody at all'").is_empty());
}

#[test]
fn logins_are_those_of_the_records() {
    let users = rows("SELECT * FROM logged_in_users WHERE type = 'user'");
    if let (true, Some(who)) = (Path::new("/var/run/utmp").exists(), tool("who", &[])) {
        assert_eq!(users.len(), who.lines().count(), "{who}");
    }
    for row in rows("SELECT * FROM last") {
        assert!(["user-process", "dead-process"].contains(&row["type_name"].as_str()), "{row:?}");
        assert!(["7", "8"].contains(&row["type"].as_str()), "{row:?}");
    }
}

#[test]
fn block_devices_are_those_of_the_kernel() {
    let found = rows("SELECT * FROM block_devices");
    for row in &found {
        let name = row["name"].strip_prefix("/dev/").unwrap().replace('/', "!");
        let sysfs = Path::new("/sys/class/block").join(name);
        let size = fs::read_to_string(sysfs.join("size")).unwrap();
        assert_eq!(row["size"], size.trim());
    }
    let listed = fs::read_dir("/sys/class/block").map(Iterator::count).unwrap_or(0);
    assert_eq!(found.len(), listed);
    if let Some(shown) = tool("lsblk", &["-bPa", "-o", "KNAME,SIZE,PKNAME,LOG-SEC"]) {
        for line in shown.lines() {
            let field = |name: &str| {
                let value = line.split_once(&format!("{name}=\"")).map(|(_, rest)| rest);
                value.and_then(|rest| rest.split('"').next()).unwrap_or_default()
            };
            let name = format!("/dev/{}", field("KNAME"));
            let row = found.iter().find(|row| row["name"] == name).unwrap();
            let bytes = row["size"].parse::<u64>().unwrap() * 512;
            assert_eq!(bytes, field("SIZE").parse().unwrap_or(0), "{line}");
            if !row["block_size"].is_empty() {
                assert_eq!(row["block_size"], field("LOG-SEC"), "{line}");
            }
        }
    }
    let encryption = rows("SELECT * FROM disk_encryption");
    assert_eq!(encryption.len(), found.len());
    if let Some(row) = found.first() {
        let name = &row["name"];
        let one = |table: &str| rows(&format!("SELECT * FROM {table} WHERE name = '{name}'"));
        assert_eq!((one("block_devices").len(), one("disk_encryption").len()), (1, 1));
    }
    for row in encryption {
        let expected = if row["encrypted"] == "1" { "encrypted" } else { "not encrypted" };
        assert_eq!(row["encryption_status"], expected);
    }
}

#[test]
fn secure_boot_is_known_where_there_is_uefi() {
    let row = rows("SELECT * FROM secureboot").remove(0);
    let variable = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    let expected = fs::read(variable).ok().map(|content| content[4].to_string());
    assert_eq!(row["secure_boot"], expected.unwrap_or_default());
    assert_eq!(row.len(), 2, "the columns of other systems are hidden");
}

#[test]
fn a_network_without_rules_has_none() {
    // The program is asked in a network of its own, where no table is in use. Only root may.
    let program = env!("CARGO_BIN_EXE_mimir-agent");
    let sql = "SELECT count(*) AS n FROM iptables";
    let may = fs::metadata("/proc/self").unwrap().uid() == 0
        && Command::new("unshare")
            .args(["-n", "true"])
            .status()
            .is_ok_and(|status| status.success());
    if may && Path::new("/proc/net/ip_tables_names").exists() {
        let output = Command::new("unshare").args(["-n", program, "query", "--csv", sql]).output();
        let output = output.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "n\n0\n", "{output:?}");
    }
    if !Path::new("/proc/net/ip_tables_names").exists() {
        assert_eq!(value("SELECT count(*) FROM iptables"), "0");
    }
}
