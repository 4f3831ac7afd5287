// SPDX-License-Identifier: Apache-2.0
//! What the tables say, compared with the machine.

use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::fixture::{rows, value};

fn paths(sql: &str) -> Vec<String> {
    rows(sql).into_iter().map(|mut row| row.remove("path").unwrap()).collect()
}

#[test]
fn osquery_info_is_about_this_agent() {
    let row = &rows("SELECT * FROM osquery_info")[0];
    assert_eq!(row["pid"], std::process::id().to_string());
    assert_eq!(row["uuid"], "7c1f7b0e-2c6f-4f0e-9a55-0d5f6b6a7a11");
    assert_eq!(row["instance_id"], "instance-1");
    assert_eq!(row["version"], mimir_agent::VERSION);
    assert_eq!((row["start_time"].as_str(), row["platform_mask"].as_str()), ("1700000000", "9"));
}

#[test]
fn system_info_is_about_this_machine() {
    let row = &rows("SELECT * FROM system_info")[0];
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    assert_eq!(row["computer_name"], hostname.trim());
    assert!(row["hostname"].starts_with(hostname.trim()));
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!(row["cpu_logical_cores"].parse::<usize>().unwrap() >= cores);
    let memory: u64 = row["physical_memory"].parse().unwrap();
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap();
    let total = meminfo.lines().next().unwrap().split_whitespace().nth(1).unwrap();
    let total = total.parse::<u64>().unwrap() * 1_024;
    assert!(memory.abs_diff(total) < total / 10, "{memory} {total}");
}

#[test]
fn os_version_is_that_of_os_release() {
    let release = fs::read_to_string("/etc/os-release").unwrap();
    let row = &rows("SELECT * FROM os_version")[0];
    let id = release.lines().find_map(|line| line.strip_prefix("ID=")).unwrap();
    assert_eq!(row["platform"], id.trim_matches('"'));
    assert_eq!(row["arch"], std::env::consts::ARCH);
}

#[test]
fn clocks() {
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let row = &rows("SELECT * FROM time")[0];
    let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!((before..=after).contains(&row["unix_time"].parse().unwrap()));
    assert_eq!(value("SELECT unix_time = unixepoch(datetime) FROM time"), "1");
    let sum = "SELECT days * 86400 + hours * 3600 + minutes * 60 + seconds = total_seconds
               AND total_seconds > 0 FROM uptime";
    assert_eq!(value(sum), "1");
}

#[test]
fn kernel_info_names_the_release() {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(value("SELECT version FROM kernel_info"), release.trim());
}

#[test]
fn processes_include_this_one_and_its_child() {
    let mut child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
    let sql = format!("SELECT * FROM processes WHERE pid = {}", child.id());
    let found = rows(&sql);
    child.kill().unwrap();
    child.wait().unwrap();
    let row = &found[0];
    assert_eq!(found.len(), 1);
    assert_eq!(row["parent"], std::process::id().to_string());
    assert_eq!((row["name"].as_str(), row["cmdline"].as_str()), ("sleep", "sleep 600"));
    assert_eq!((row["on_disk"].as_str(), row["threads"].as_str()), ("1", "1"));
    assert!(row["path"].ends_with("/sleep") || row["path"].ends_with("/coreutils"));
    assert_eq!(row["cwd"], std::env::current_dir().unwrap().to_str().unwrap());
    assert_eq!(row["root"], "/");
    assert!(row["resident_size"].parse::<u64>().unwrap() > 4_096);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!(row["start_time"].parse::<u64>().unwrap().abs_diff(now) < 60);

    let own = std::process::id();
    let everything = rows("SELECT pid, uid FROM processes");
    let me = everything.iter().find(|row| row["pid"] == own.to_string()).unwrap();
    assert_eq!(me["uid"], fs::metadata("/proc/self").unwrap().uid().to_string());
    assert!(rows("SELECT * FROM processes WHERE pid = 999999999").is_empty());
    assert!(rows("SELECT * FROM processes WHERE pid = 'x'").is_empty());
    assert_eq!(rows(&format!("SELECT pid FROM processes WHERE pid IN ({own}, 1)")).len(), 2);
}

#[test]
fn a_deleted_program_is_not_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("gone");
    fs::copy("/bin/sleep", &program).unwrap();
    // The file may still be open for writing in a child that another test is forking.
    let mut child = std::iter::repeat_with(|| Command::new(&program).arg("600").spawn())
        .take(1_000)
        .find_map(Result::ok)
        .expect("the copy can be run");
    let sql = format!("SELECT path, on_disk FROM processes WHERE pid = {}", child.id());
    assert_eq!(rows(&sql)[0]["on_disk"], "1");
    fs::remove_file(&program).unwrap();
    let row = rows(&sql).remove(0);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((row["path"].as_str(), row["on_disk"].as_str()), (program.to_str().unwrap(), "0"));
}

#[test]
fn sockets_of_this_process_are_seen() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let client_port = client.local_addr().unwrap().port();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let udp_port = udp.local_addr().unwrap().port();
    let directory = tempfile::tempdir().unwrap();
    let name = directory.path().join("a socket");
    let _unix = UnixListener::bind(&name).unwrap();
    let pid = std::process::id();

    let row =
        &rows(&format!("SELECT * FROM listening_ports WHERE port = {port} AND protocol = 6"))[0];
    assert_eq!((row["pid"].as_str(), row["address"].as_str()), (&*pid.to_string(), "127.0.0.1"));
    assert_eq!(row["family"], "2");
    assert_eq!(
        rows(&format!("SELECT * FROM listening_ports WHERE port = {client_port} AND protocol = 6"))
            .len(),
        0
    );
    let udp =
        rows(&format!("SELECT * FROM listening_ports WHERE port = {udp_port} AND protocol = 17"));
    assert_eq!(udp[0]["pid"], pid.to_string());
    let unix = rows(&format!("SELECT * FROM listening_ports WHERE path = '{}'", name.display()));
    assert_eq!((unix[0]["family"].as_str(), unix[0]["port"].as_str()), ("1", "0"));

    let sql = format!(
        "SELECT * FROM process_open_sockets WHERE pid = {pid} AND local_port = {client_port}
         AND protocol = 6"
    );
    let row = &rows(&sql)[0];
    assert_eq!(
        (row["state"].as_str(), row["remote_port"].as_str()),
        ("ESTABLISHED", &*port.to_string())
    );
    let link = fs::read_link(format!("/proc/self/fd/{}", row["fd"])).unwrap();
    assert_eq!(link.to_str().unwrap(), format!("socket:[{}]", row["socket"]));
    let joined = format!(
        "SELECT p.pid FROM listening_ports l JOIN processes p ON p.pid = l.pid
         WHERE l.port = {port} AND l.protocol = 6"
    );
    assert_eq!(value(&joined), pid.to_string());
}

#[test]
fn users_and_groups_are_those_of_the_files() {
    let names = |path: &str| -> BTreeSet<(String, String)> {
        let text = fs::read_to_string(path).unwrap();
        let fields = text.lines().map(|line| line.split(':').collect::<Vec<_>>());
        fields.map(|fields| (fields[0].to_owned(), fields[2].to_owned())).collect()
    };
    let answer = |sql: &str, name: &str, id: &str| -> BTreeSet<(String, String)> {
        rows(sql).into_iter().map(|row| (row[name].clone(), row[id].clone())).collect()
    };
    assert_eq!(answer("SELECT * FROM users", "username", "uid"), names("/etc/passwd"));
    assert_eq!(answer("SELECT * FROM groups", "groupname", "gid"), names("/etc/group"));
    assert_eq!(value("SELECT directory FROM users WHERE uid = 0"), "/root");
    assert_eq!(value("SELECT uid FROM users WHERE username = 'root'"), "0");
}

#[test]
fn the_loopback_interface_has_its_address() {
    let row =
        &rows("SELECT * FROM interface_addresses WHERE interface = 'lo' AND address LIKE '127.%'")
            [0];
    assert_eq!((row["address"].as_str(), row["mask"].as_str()), ("127.0.0.1", "255.0.0.0"));
}

#[test]
fn mounts_are_those_of_the_kernel() {
    let text = fs::read_to_string("/proc/self/mounts").unwrap();
    let expected: BTreeSet<String> =
        text.lines().map(|line| line.split(' ').nth(1).unwrap().replace("\\040", " ")).collect();
    let found: BTreeSet<String> = paths("SELECT path FROM mounts").into_iter().collect();
    assert_eq!(found, expected);
    let root = rows("SELECT * FROM mounts WHERE path = '/'").pop().unwrap();
    assert!(root["blocks"].parse::<u64>().unwrap() > 0);
    assert!(root["blocks_free"].parse::<u64>().unwrap() <= root["blocks"].parse().unwrap());
}

#[test]
fn file_metadata() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a file");
    fs::write(&path, b"hello").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("a file", directory.path().join("link")).unwrap();
    symlink("nowhere", directory.path().join("dangling")).unwrap();
    fs::create_dir(directory.path().join("sub")).unwrap();

    let found = fs::metadata(&path).unwrap();
    let row = &rows(&format!("SELECT * FROM file WHERE path = '{}'", path.display()))[0];
    assert_eq!((row["size"].as_str(), row["mode"].as_str()), ("5", "0640"));
    assert_eq!((row["type"].as_str(), row["symlink"].as_str()), ("regular", "0"));
    assert_eq!(row["filename"], "a file");
    assert_eq!(row["directory"], directory.path().to_str().unwrap());
    assert_eq!(row["inode"], found.ino().to_string());
    assert_eq!(row["mtime"], found.mtime().to_string());
    assert_eq!(row["hard_links"], "1");

    let listed = rows(&format!(
        "SELECT filename, type, symlink, symlink_target_path FROM file WHERE directory = '{}'
         ORDER BY filename",
        directory.path().display()
    ));
    let shown: Vec<_> = listed
        .iter()
        .map(|row| {
            ["filename", "type", "symlink", "symlink_target_path"].map(|name| row[name].as_str())
        })
        .collect();
    assert_eq!(
        shown,
        [
            ["a file", "regular", "0", ""],
            ["dangling", "symlink", "1", "nowhere"],
            ["link", "regular", "1", "a file"],
            ["sub", "directory", "0", ""],
        ]
    );
    assert!(rows("SELECT * FROM file WHERE path = '/no/such/file'").is_empty());
    assert_eq!(value("SELECT type FROM file WHERE path = '/dev/null'"), "character");
}

#[test]
fn patterns_are_file_patterns() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_str().unwrap().to_owned();
    for path in ["one.conf", "two.txt", ".hidden.conf", "sub/three.conf", "sub/deep/four.conf"] {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    // A loop of links must not be walked.
    symlink(directory.path(), directory.path().join("sub/loop")).unwrap();
    let found = |pattern: &str| -> Vec<String> {
        let sql = format!("SELECT path FROM file WHERE path LIKE '{root}/{pattern}' ORDER BY path");
        paths(&sql).iter().map(|path| path.strip_prefix(&root).unwrap()[1..].to_owned()).collect()
    };
    assert_eq!(found("%"), [".hidden.conf", "one.conf", "sub", "two.txt"]);
    assert_eq!(found("%.conf"), [".hidden.conf", "one.conf"]);
    assert_eq!(found("o%f"), ["one.conf"]);
    assert_eq!(found("%/%.conf"), ["sub/three.conf"]);
    assert_eq!(found("sub/%%"), ["sub/deep", "sub/deep/four.conf", "sub/loop", "sub/three.conf"]);
    assert_eq!(found("%%").len(), 8);
    assert_eq!(found("one.conf"), ["one.conf"]);
    assert_eq!(found("missing%"), [""; 0]);
    assert_eq!(paths("SELECT path FROM file WHERE path LIKE 'etc/%'"), [""; 0]);

    let below =
        format!("SELECT filename AS path FROM file WHERE directory LIKE '{root}/%' ORDER BY 1");
    assert_eq!(paths(&below), ["deep", "loop", "three.conf"]);
}

#[test]
fn digests_are_those_of_the_content() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    let content: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(&path, &content).unwrap();
    let row = &rows(&format!("SELECT * FROM hash WHERE path = '{}'", path.display()))[0];
    assert_eq!(row["sha256"], hex::encode(Sha256::digest(&content)));
    let tool = Command::new("md5sum").arg(&path).output().unwrap();
    assert!(String::from_utf8(tool.stdout).unwrap().starts_with(&row["md5"]));
    let upper = row["sha1"].to_uppercase();
    let found =
        format!("SELECT path FROM hash WHERE path = '{}' AND sha1 = '{upper}'", path.display());
    assert_eq!(rows(&found).len(), 1, "digests are compared without case");

    let big = directory.path().join("big");
    fs::File::create(&big).unwrap().set_len(50 * 1024 * 1024 + 1).unwrap();
    let row = &rows(&format!("SELECT * FROM hash WHERE path = '{}'", big.display()))[0];
    assert_eq!((row["md5"].as_str(), row["sha256"].as_str()), ("", ""));
}

#[test]
fn a_fifo_does_not_hang_a_digest() {
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let sql = format!("SELECT * FROM hash WHERE directory = '{}'", directory.path().display());
    assert!(rows(&sql).is_empty());
    let sql = format!("SELECT type FROM file WHERE path = '{}'", fifo.display());
    assert_eq!(value(&sql), "fifo");
}

#[test]
fn hosts_are_those_of_the_file_under_both_names() {
    let text = fs::read_to_string("/etc/hosts").unwrap();
    let lines =
        text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
    let found = rows("SELECT * FROM etc_hosts");
    assert_eq!(found.len(), lines.count());
    assert_eq!(rows("SELECT * FROM hosts"), found);
}

#[test]
fn packages_are_those_of_dpkg() {
    let Ok(tool) = Command::new("dpkg-query")
        .args(["-W", "-f=${Package} ${Version} ${Architecture} ${Status}\n"])
        .output()
    else {
        return;
    };
    let expected: BTreeSet<String> = String::from_utf8(tool.stdout)
        .unwrap()
        .lines()
        .filter(|line| !line.ends_with("not-installed"))
        .map(str::to_owned)
        .collect();
    let sql =
        "SELECT name || ' ' || version || ' ' || arch || ' ' || status AS path FROM deb_packages";
    assert_eq!(paths(sql).into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn another_dpkg_database_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let status = "Package: a\nStatus: install ok installed\nVersion: 1:2.0-3\nSource: src (2.0)\n\
                  Installed-Size: 17\nArchitecture: all\nDescription: x\n Version: 9\n\n\
                  Package: b\nStatus: deinstall ok not-installed\n\n\
                  Package: c\nStatus: deinstall ok config-files\nVersion: 5\n";
    fs::write(directory.path().join("status"), status).unwrap();
    let found = rows(&format!(
        "SELECT * FROM deb_packages WHERE admindir = '{}' ORDER BY name",
        directory.path().display()
    ));
    assert_eq!(found.len(), 2);
    let row = &found[0];
    assert_eq!((row["version"].as_str(), row["revision"].as_str()), ("1:2.0-3", "3"));
    assert_eq!((row["source"].as_str(), row["size"].as_str()), ("src (2.0)", "17"));
    assert_eq!((found[1]["name"].as_str(), found[1]["revision"].as_str()), ("c", ""));
}
