// SPDX-License-Identifier: Apache-2.0
//! Tables of users, their files and what starts with the machine: compared with the machine's own
//! tools where they are there, and over a host made up for the purpose, hostile files among them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use mimir_agent::facts::{PackFacts, ScheduledQuery};
use mimir_agent::tables::read;

use crate::fake_bus::{self, Manner};
use crate::fixture::{self, rows, value};
use crate::made::{Made, Rows, tool};

#[test]
fn group_memberships_are_those_that_id_prints() {
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let mut compared = 0;
    for name in passwd.lines().filter_map(|line| line.split(':').next()) {
        let (Some(uid), Some(printed)) =
            (tool("id", &["-u", name], b""), tool("id", &["-G", name], b""))
        else {
            continue;
        };
        let sql = format!("SELECT gid FROM user_groups WHERE uid = {}", uid.trim());
        let found: BTreeSet<String> =
            rows(&sql).into_iter().map(|mut row| row.remove("gid").unwrap()).collect();
        let expected = printed.split_whitespace().map(str::to_owned).collect();
        assert_eq!(found, expected, "{name}");
        compared += 1;
    }
    let users = value("SELECT count(DISTINCT uid) FROM user_groups");
    assert_eq!(users, value("SELECT count(DISTINCT uid) FROM users"));
    assert!(compared > 0 || tool("id", &[], b"").is_none());
}

#[test]
fn privileged_programs_are_those_that_find_finds() {
    let directories = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
    let arguments = ["-xtype", "f", "-perm", "/6000", "-printf", "%p %u %g\\n"];
    let existing: Vec<&str> =
        directories.into_iter().filter(|directory| Path::new(directory).is_dir()).collect();
    let Some(printed) = tool("find", &[&existing[..], &["-follow"], &arguments].concat(), b"")
    else {
        return;
    };
    let expected: BTreeSet<String> = printed.lines().map(str::to_owned).collect();
    let found = rows(
        "SELECT DISTINCT path || ' ' || username || ' ' || groupname AS line FROM suid_bin
         WHERE path LIKE '/usr/%'",
    );
    let found: BTreeSet<String> =
        found.into_iter().map(|mut row| row.remove("line").unwrap()).collect();
    assert_eq!(found, expected);
}

#[test]
fn privileged_programs_of_a_made_up_host() {
    let made = Made::with_ann();
    made.write("/etc/group", "staff:x:50:\nstaff2:x:50:\nbroken\n");
    for (path, mode) in
        [("/usr/bin/a", 0o4755), ("/usr/bin/deep/b", 0o2755), ("/tmp/c", 0o6755), ("/bin/d", 0o755)]
    {
        made.write(path, "x");
        fs::set_permissions(made.at(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    symlink(made.at("/usr/bin"), made.at("/usr/bin/loop")).unwrap();
    symlink(made.at("/tmp/c"), made.at("/usr/bin/link")).unwrap();
    symlink("nowhere", made.at("/usr/bin/dangling")).unwrap();
    let found = made.values("SELECT * FROM suid_bin ORDER BY path", &["path", "permissions"]);
    assert_eq!(
        found,
        [["/tmp/c", "SG"], ["/usr/bin/a", "S"], ["/usr/bin/deep/b", "G"], ["/usr/bin/link", "SG"]]
    );
}

#[test]
fn files_of_users_are_read_for_the_users_that_are_asked_for() {
    let made = Made::with_ann();
    made.write("/home/ann/.ssh/authorized_keys", "ssh-ed25519 AAAA ann@host\n# x\n");
    made.write("/root/.ssh/authorized_keys2", "no-pty ssh-rsa BBBB\n");
    let columns = ["uid", "algorithm", "key", "options", "comment", "key_file"];
    let ann = ["1000", "ssh-ed25519", "AAAA", "", "ann@host", "/home/ann/.ssh/authorized_keys"];
    let root = ["0", "ssh-rsa", "BBBB", "no-pty", "", "/root/.ssh/authorized_keys2"];
    let all = "SELECT k.* FROM users u JOIN authorized_keys k USING (uid) ORDER BY k.uid";
    // `users` reads this machine; so the numbers are given by other means.
    for sql in [
        "SELECT * FROM authorized_keys WHERE uid IN (0, 1000) ORDER BY uid",
        "WITH u(uid) AS (VALUES (0), (1000)) SELECT k.* FROM authorized_keys k JOIN u USING (uid)
         ORDER BY k.uid",
        "SELECT * FROM authorized_keys WHERE uid = 0 OR uid = 1000 ORDER BY uid",
        "SELECT k.* FROM user_groups g JOIN authorized_keys k ON k.uid = g.uid ORDER BY k.uid",
        "SELECT k.* FROM authorized_keys k, user_groups g WHERE k.uid = g.uid ORDER BY k.uid",
    ] {
        assert_eq!(made.values(sql, &columns), [root, ann], "{sql}");
    }
    assert_eq!(made.values("SELECT * FROM authorized_keys WHERE uid = '1000'", &columns), [ann]);
    assert!(made.rows("SELECT * FROM authorized_keys WHERE uid = 7").is_empty());
    assert!(made.rows("SELECT * FROM authorized_keys WHERE uid = 'x'").is_empty());
    let own = nix::unistd::geteuid().to_string();
    assert!(made.rows("SELECT * FROM authorized_keys").iter().all(|row| row["uid"] == own));
    assert!(made.run(all).is_ok());
}

#[test]
fn what_is_no_plain_file_of_the_user_is_passed_over() {
    let made = Made::with_ann();
    let history = "SELECT * FROM shell_history WHERE uid = 1000";
    made.write("/etc/secret", "not for ann");
    fs::set_permissions(made.at("/etc/secret"), fs::Permissions::from_mode(0o600)).unwrap();
    symlink(made.at("/etc/secret"), made.at("/home/ann/.bash_history")).unwrap();
    symlink("/dev/zero", made.at("/home/ann/.zsh_history")).unwrap();
    let fifo = made.at("/home/ann/.history");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::create_dir(made.at("/home/ann/.zhistory")).unwrap();
    let huge = fs::File::create(made.at("/home/ann/.sh_history")).unwrap();
    huge.set_len(60 << 20).unwrap();
    assert_eq!(made.rows(history), Rows::new());
    made.write("/home/ann/.bash_sessions/1.history", "#1700000000\nwho\n: 5:0;ls\n\u{fffd}\n");
    let found = made.values(history, &["time", "command", "history_file"]);
    let file = "/home/ann/.bash_sessions/1.history";
    assert_eq!(found, [["1700000000", "who", file], ["5", "ls", file], ["0", "\u{fffd}", file]]);
    let listed = format!("SELECT path FROM user_ssh_keys WHERE uid = 1000 AND path = '{file}'");
    assert!(made.rows(&listed).is_empty());
}

#[test]
fn the_agents_own_files_are_in_no_table() {
    let made = Made::with_ann();
    let state = tempfile::tempdir().unwrap();
    let secret = state.path().join("status");
    fs::write(&secret, "Package: node-key\nStatus: install ok installed\nVersion: s3cret\n")
        .unwrap();
    let admindir =
        format!("SELECT version FROM deb_packages WHERE admindir = '{}'", state.path().display());
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(value(&admindir), "s3cret");
    let own = tempfile::tempdir().unwrap();
    fs::write(own.path().join("state.db"), "s3cret\n").unwrap();
    fs::hard_link(&secret, own.path().join("other")).unwrap();
    for path in [state.path(), own.path()] {
        read::protect(path).unwrap();
    }
    symlink(own.path().join("state.db"), made.at("/home/ann/.bash_history")).unwrap();
    fs::hard_link(&secret, made.at("/home/ann/.history")).unwrap();
    assert!(fixture::error(&admindir).contains("belongs to the agent itself"));
    assert!(made.rows("SELECT * FROM shell_history WHERE uid = 1000").is_empty());
    let digest = format!("SELECT sha256 FROM hash WHERE path = '{}'", secret.display());
    assert_eq!(value(&digest), "");
}

/// The kinds of keys that both tools of the machine make: arguments, then what the table says.
const SSH_KEYS: [(&[&str], [&str; 4]); 6] = [
    (&["-t", "rsa", "-b", "2048"], ["rsa", "", "2048", "112"]),
    (&["-t", "rsa", "-b", "2048", "-m", "PEM"], ["rsa", "", "2048", "112"]),
    (&["-t", "ecdsa", "-b", "384"], ["ec", "secp384r1", "384", "192"]),
    (&["-t", "ecdsa", "-b", "521", "-m", "PEM"], ["ec", "secp521r1", "521", "256"]),
    (&["-t", "ecdsa", "-b", "256", "-m", "PKCS8"], ["ec", "prime256v1", "256", "128"]),
    (&["-t", "ed25519"], ["", "", "253", "128"]),
];

#[test]
fn private_keys_of_every_kind_are_known() {
    let made = Made::with_ann();
    let sql = "SELECT * FROM user_ssh_keys WHERE uid = 1000";
    let columns = ["encrypted", "key_type", "key_group_name", "key_length", "key_security_bits"];
    let path = made.at("/home/ann/.ssh/key");
    for (arguments, expected) in SSH_KEYS {
        for passphrase in ["", "a secret"] {
            let file = path.to_str().unwrap();
            let more = ["-q", "-N", passphrase, "-C", "ann", "-f", file];
            let Some(_) = tool("ssh-keygen", &[arguments, &more].concat(), b"") else { return };
            let is_opaque = !passphrase.is_empty() && arguments.contains(&"-m");
            let encrypted = if passphrase.is_empty() { "0" } else { "1" };
            let kind = if is_opaque { [""; 4] } else { expected };
            let found = made.values(sql, &columns);
            assert_eq!(found, [[&[encrypted], &kind[..]].concat()], "{arguments:?} {passphrase}");
            // The public half beside it is no row.
            fs::remove_file(&path).unwrap();
            fs::remove_file(path.with_extension("pub")).unwrap();
        }
    }
}

#[test]
fn configurations_of_ssh_are_those_of_user_and_system() {
    let made = Made::with_ann();
    made.write("/home/ann/.ssh/config", "Host *.corp\n  User Ann\n");
    made.write("/etc/ssh/ssh_config", "HashKnownHosts yes\n");
    made.write("/home/ann/.ssh/known_hosts", "# x\n|1|abc= ssh-rsa AAAA\nweb ssh-rsa BBBB\r\n\n");
    let columns = ["uid", "block", "option", "ssh_config_file"];
    assert_eq!(
        made.values("SELECT * FROM ssh_configs WHERE uid IN (0, 1000) ORDER BY uid", &columns),
        [
            ["0", "", "hashknownhosts yes", "/etc/ssh/ssh_config"],
            ["1000", "host *.corp", "user ann", "/home/ann/.ssh/config"],
        ]
    );
    let known = made.values("SELECT * FROM known_hosts WHERE uid = 1000", &["key", "key_file"]);
    let file = "/home/ann/.ssh/known_hosts";
    assert_eq!(known, [["|1|abc= ssh-rsa AAAA", file], ["web ssh-rsa BBBB", file]]);
}

#[test]
fn rules_of_sudo_are_read_with_what_they_include() {
    let made = Made::new();
    assert!(made.rows("SELECT * FROM sudoers").is_empty());
    made.write("/etc/sudoers", "root ALL=(ALL) ALL\n@includedir sudoers.d\n@include sudoers\n");
    made.write("/etc/sudoers.d/a", "ann ALL=NOPASSWD: /bin/ls, \\\n  /bin/cat\n@include b\n");
    made.write("/etc/sudoers.d/b", "@include a\n#include /etc/sudoers.d/a\n");
    made.write("/etc/sudoers.d/c.rpmsave", "evil ALL=ALL\n");
    made.write("/etc/sudoers.d/d~", "evil ALL=ALL\n");
    symlink("/dev/zero", made.at("/etc/sudoers.d/e")).unwrap();
    let found = made.values("SELECT * FROM sudoers", &["source", "header", "rule_details"]);
    let (main, a, b) = ("/etc/sudoers", "/etc/sudoers.d/a", "/etc/sudoers.d/b");
    assert_eq!(
        found,
        [
            [main, "root", "ALL=(ALL) ALL"],
            [main, "@includedir", "sudoers.d"],
            [a, "ann", "ALL=NOPASSWD: /bin/ls, /bin/cat"],
            [a, "@include", "b"],
            [b, "@include", "a"],
            [b, "#include", "/etc/sudoers.d/a"],
            // The directory brings the second file once more, now as the first of the two.
            [b, "@include", "a"],
            [a, "ann", "ALL=NOPASSWD: /bin/ls, /bin/cat"],
            [a, "@include", "b"],
            [b, "#include", "/etc/sudoers.d/a"],
            [a, "ann", "ALL=NOPASSWD: /bin/ls, /bin/cat"],
            [a, "@include", "b"],
            [main, "@include", "sudoers"],
        ]
    );
    // Files that include each other in every order end at a bound, not at the end of time.
    let all: String = (0..40).map(|file| format!("@include f{file}\n")).collect();
    for file in 0..40 {
        made.write(&format!("/etc/sudoers.d/f{file}"), &all);
    }
    let error = made.run("SELECT * FROM sudoers").unwrap_err().to_string();
    assert!(error.contains("2000 included files"), "{error}");
}

#[test]
fn tables_of_cron_are_those_of_system_and_users() {
    let made = Made::new();
    made.write("/etc/crontab", "SHELL=/bin/sh\n17 * * * * root cd / && x\n");
    made.write("/etc/cron.d/job", "@reboot ann /bin/start\n");
    made.write("/var/spool/cron/crontabs/ann", "# c\n*/5 1-2 * jan mon /bin/a  b\n");
    fs::create_dir_all(made.at("/var/spool/cron/empty")).unwrap();
    symlink("/dev/zero", made.at("/etc/cron.d/zero")).unwrap();
    let columns = ["event", "minute", "hour", "month", "day_of_week", "command", "path"];
    assert_eq!(
        made.values("SELECT * FROM crontab ORDER BY path", &columns),
        [
            ["@reboot", "", "", "", "", "ann /bin/start", "/etc/cron.d/job"],
            ["", "17", "*", "*", "*", "root cd / && x", "/etc/crontab"],
            ["", "*/5", "1-2", "jan", "mon", "/bin/a b", "/var/spool/cron/crontabs/ann"],
        ]
    );
}

#[test]
fn units_are_those_that_the_bus_tells() {
    let made = Made::new();
    assert!(made.rows("SELECT * FROM systemd_units").is_empty());
    fs::create_dir_all(made.at("/run/dbus")).unwrap();
    fake_bus::serve(&made.at("/run/dbus/system_bus_socket"), Manner::Proper);
    let columns = [
        "id",
        "description",
        "sub_state",
        "unit_file_state",
        "object_path",
        "job_id",
        "fragment_path",
        "user",
    ];
    let file = "/lib/systemd/system/cron.service";
    assert_eq!(
        made.values("SELECT * FROM systemd_units", &columns),
        [
            [
                "cron.service",
                "Something\u{e9}",
                "running",
                "enabled",
                "/unit/cron",
                "7",
                file,
                "cron"
            ],
            ["dev-sda.device", "Something\u{e9}", "running", "", "/unit/dev-sda", "0", "", ""],
        ]
    );
    made.write("/etc/init.d/script", "#!/bin/sh\n");
    let started = made.values(
        "SELECT * FROM startup_items ORDER BY name",
        &["name", "path", "type", "status", "username"],
    );
    assert_eq!(
        started,
        [
            ["cron.service", file, "systemd unit", "active", "cron"],
            ["dev-sda.device", "", "systemd unit", "active", ""],
            ["script", "/etc/init.d/script", "Startup Item", "enabled", ""],
        ]
    );
}

#[test]
fn without_a_proper_bus_there_are_no_units() {
    for manner in [Manner::Refusing, Manner::HangingUp, Manner::Garbage, Manner::Failing] {
        let made = Made::new();
        fs::create_dir_all(made.at("/run/dbus")).unwrap();
        fake_bus::serve(&made.at("/run/dbus/system_bus_socket"), manner);
        assert!(made.rows("SELECT * FROM systemd_units").is_empty(), "{manner:?}");
    }
}

#[test]
fn sessions_start_what_their_users_put_there() {
    let made = Made::with_ann();
    made.write(
        "/home/ann/.config/autostart/a.desktop",
        "[Desktop Entry]\nName=Agent\nExec=/bin/a --b=c\n",
    );
    made.write("/etc/xdg/autostart/off.desktop", "[Desktop Entry]\nName=Off\nHidden=true\n");
    made.write("/home/ann/.config/autostart-scripts/s.sh", "x");
    let columns = ["name", "path", "source", "status", "username"];
    assert_eq!(
        made.values("SELECT * FROM startup_items ORDER BY name", &columns),
        [
            ["Agent", "/bin/a --b=c", "/home/ann/.config/autostart/", "enabled", "ann"],
            ["Off", "", "/etc/xdg/autostart/", "disabled", ""],
            [
                "s.sh",
                "/home/ann/.config/autostart-scripts/s.sh",
                "/home/ann/.config/autostart-scripts/",
                "enabled",
                "ann",
            ],
        ]
    );
}

#[test]
fn the_agent_tells_of_its_schedule_and_flags() {
    let made = Made::new();
    for table in ["osquery_schedule", "osquery_packs"] {
        assert!(made.rows(&format!("SELECT * FROM {table}")).is_empty());
    }
    made.host.facts.change_schedule(|schedule| {
        schedule.queries.push(ScheduledQuery {
            name: "pack_p_q".to_owned(),
            interval: 60,
            denylisted: true,
            last_memory: 1 << 40,
            ..ScheduledQuery::default()
        });
        schedule.packs.push(PackFacts {
            name: "p".to_owned(),
            version: "5.10.0".to_owned(),
            active: true,
            ..PackFacts::default()
        });
    });
    made.host.facts.set_flag("distributed_interval", "7");
    let scheduled = "SELECT name, interval, denylisted, blacklisted, last_memory, executions
                     FROM osquery_schedule";
    let columns = ["name", "interval", "denylisted", "blacklisted", "last_memory", "executions"];
    let expected = ["pack_p_q", "60", "1", "1", "1099511627776", "0"];
    assert_eq!(made.values(scheduled, &columns), [expected]);
    let packs = "SELECT name, active FROM osquery_packs WHERE version > '5.9'";
    assert_eq!(made.values(packs, &["name", "active"]), [["p", "1"]]);
    let flags = "SELECT value, default_value, type FROM osquery_flags
                 WHERE name IN ('distributed_interval', 'disable_distributed') ORDER BY name";
    assert_eq!(
        made.values(flags, &["value", "default_value", "type"]),
        [["false", "true", "bool"], ["7", "60", "uint64"]]
    );
    let tables = value("SELECT count(*) FROM osquery_registry WHERE registry = 'table'");
    assert_eq!(tables.parse::<usize>().unwrap(), mimir_agent::tables::all().len());
    assert_eq!(value("SELECT name FROM osquery_extensions WHERE type = 'core'"), "core");
}

#[test]
fn constraints_reach_the_files_they_name() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().to_str().unwrap();
    let mut deep = directory.path().to_owned();
    for level in 0..70 {
        fs::write(deep.join("x"), "").unwrap();
        deep.push(format!("d{level}"));
        fs::create_dir(&deep).unwrap();
    }
    symlink(directory.path(), directory.path().join("d0/back")).unwrap();
    let count = |filter: &str| -> usize {
        let filter = filter.replace('@', root);
        rows(&format!("SELECT path FROM file WHERE {filter}")).len()
    };
    assert_eq!(count("path IN ('@/x', '@/d0/x', '@/none')"), 2);
    assert_eq!(count("path = '@/x' OR path = '@/d0/x' OR directory = '@'"), 3);
    assert_eq!(count("directory IN ('@', '@/d0')"), 5);
    assert_eq!(count("path LIKE '@/%' AND filename = 'x'"), 1);
    assert_eq!(count("path LIKE '@/%' AND path = '@/d0'"), 1);
    assert_eq!(count("path = NULL"), 0);
    assert_eq!(count("path = ''"), 0);
    assert_eq!(count("path IN (SELECT '@/' || value FROM json_each('[\"x\", \"d0\"]'))"), 2);
    // 64 levels with a file and a directory each, and the link, which is not followed.
    assert_eq!(count("path LIKE '@/%%'"), 64 * 2 + 1);
    // Through the link the same files have other names, one level of them.
    assert_eq!(count("path LIKE '@/d0/back/%'"), 2);
    assert_eq!(value("SELECT count(*) FROM user_groups WHERE uid = 0.0 AND gid = 0"), "1");
    for table in ["file", "hash"] {
        let expected =
            format!("Table {table} was queried without a required column in the WHERE clause");
        assert_eq!(fixture::error(&format!("SELECT * FROM {table}")), expected);
        let unusable = format!("SELECT * FROM {table} WHERE path IS NOT NULL");
        assert_eq!(fixture::error(&unusable), expected);
    }
}
