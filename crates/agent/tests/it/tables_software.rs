// SPDX-License-Identifier: Apache-2.0
//! Tables of packages, their sources, and certificates: compared with the tools that know, and over
//! a host made up for the purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;

use crate::fixture::{rows, value};
use crate::made::{Made, Rows, tool};

/// Compares rows of `certificates` with what OpenSSL prints of the same PEM blocks.
fn assert_as_openssl(found: &Rows, pem: &str) {
    let blocks: Vec<&str> = pem.split_inclusive("-----END CERTIFICATE-----\n").collect();
    assert_eq!(found.len(), blocks.len());
    // Each call of OpenSSL is a process; a part of a long bundle is as good as all of it.
    for (row, block) in found.iter().zip(blocks).step_by(found.len() / 16 + 1) {
        let print = |arguments: &[&str]| {
            tool("openssl", &[&["x509", "-noout"], arguments].concat(), block.as_bytes())
        };
        let options = ["-subject", "-issuer", "-serial", "-nameopt", "oneline", "-fingerprint"];
        let Some(printed) = print(&[&options[..], &["-text"]].concat()) else { return };
        let line = |text: &str| assert!(printed.contains(text), "{text} not in {printed}");
        line(&format!("subject={}\n", row["subject2"]));
        line(&format!("issuer={}\n", row["issuer2"]));
        // As a number, zero has one digit.
        let serial = if row["serial"] == "0" { "00" } else { &row["serial"] };
        line(&format!("serial={serial}\n"));
        line(&format!("Signature Algorithm: {}\n", row["signing_algorithm"]));
        line(&format!("Public Key Algorithm: {}\n", row["key_algorithm"]));
        match row["key_algorithm"].as_str() {
            "rsaEncryption" => line(&format!("Public-Key: ({} bit)", row["key_strength"])),
            "id-ecPublicKey" => line(&format!("ASN1 OID: {}\n", row["key_strength"])),
            _ => assert_eq!(row["key_strength"], ""),
        }
        line(&format!("Fingerprint={}\n", colons(&row["sha1"])));
        line(&colons(&row["subject_key_id"]));
        line(&colons(&row["authority_key_id"]));
        let compat = print(&["-subject", "-nameopt", "compat"]).unwrap();
        assert_eq!(compat.trim_end(), format!("subject={}", row["subject"]));
        let ca = printed.contains("CA:TRUE") || printed.contains("Version: 1 (0x0)");
        assert_eq!(row["ca"] == "1", ca, "{printed}");
        let seconds = |name: &str| row[name].parse::<i64>().unwrap();
        assert!(seconds("not_valid_before") < seconds("not_valid_after"), "{row:?}");
    }
}

/// Hex digits as OpenSSL prints bytes.
fn colons(hex: &str) -> String {
    let bytes = hex.to_uppercase().into_bytes();
    let pairs: Vec<_> = bytes.chunks(2).map(String::from_utf8_lossy).collect();
    pairs.join(":")
}

#[test]
fn certificates_are_as_openssl_prints_them() {
    let bundle = "/etc/ssl/certs/ca-certificates.crt";
    let Ok(text) = fs::read_to_string(bundle) else { return };
    let found = rows(&format!("SELECT * FROM certificates WHERE path = '{bundle}'"));
    assert_as_openssl(&found, &text);
    for row in &found {
        assert_eq!(row["self_signed"] == "1", row["subject"] == row["issuer"], "{row:?}");
    }
    let default = value("SELECT count(*) FROM certificates");
    assert!(default.parse::<usize>().unwrap() >= found.len());
}

#[test]
fn odd_names_in_certificates_are_as_openssl_prints_them() {
    let made = Made::new();
    let key = made.at("/key.pem").to_str().unwrap().to_owned();
    let subjects = [
        "/C=DE/O=A, B \\+ \"C\" \\\\ <D>;/OU=#x/OU= y /CN=a\\/b",
        "/O=x+OU=y/CN=F\u{151}tan\u{fa}s\u{ed}tv\u{e1}ny\t/emailAddress=a@b",
        "/CN=",
    ];
    let mut bundle = String::from("some text\n");
    let mut certificates = String::new();
    for (subject, kind) in subjects.iter().zip(["ed25519", "rsa:1024", "rsa:1032"]) {
        let arguments = ["req", "-x509", "-newkey", kind, "-nodes", "-utf8", "-subj", subject];
        let more = ["-multivalue-rdn", "-keyout", &key, "-addext", "keyUsage=cRLSign"];
        let Some(pem) = tool("openssl", &[&arguments[..], &more].concat(), b"") else { return };
        certificates.push_str(&pem);
    }
    bundle.push_str(&certificates);
    // Broken ones are left out, not the whole bundle.
    bundle.push_str("-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n");
    made.write("/etc/pki/tls/certs/ca-bundle.crt", &bundle);
    let found = made.rows("SELECT * FROM certificates");
    assert_eq!(found.len(), 3);
    for row in &found {
        assert_eq!((row["ca"].as_str(), row["key_usage"].as_str()), ("0", "CRL Sign"));
    }
    let forced: Rows = found
        .into_iter()
        .map(|mut row| {
            // OpenSSL's text shows the extension; the use of the key overrules it.
            row.insert("ca".to_owned(), "1".to_owned());
            row
        })
        .collect();
    assert_as_openssl(&forced, &certificates);
}

#[test]
fn sources_of_apt_are_those_of_both_formats() {
    let made = Made::new();
    made.write("/etc/apt/sources.list", "deb [arch=amd64] http://a.org/debian/ sid main # x\n");
    made.write(
        "/etc/apt/sources.list.d/b.sources",
        "Types: deb\nURIs: https://b.org\nSuites: s s-sec\n\nTypes: deb-src\nURIs: http://c\nSuites: s\n",
    );
    made.write("/etc/apt/sources.list.d/old.list.save", "deb http://evil.org sid main\n");
    made.write(
        "/var/lib/apt/lists/a.org_debian_dists_sid_InRelease",
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nCodename: sid\n\
         Version: 12:1.2\nArchitectures: all amd64\nComponents: main contrib\nSHA256:\n Version: 9\n\
         -----BEGIN PGP SIGNATURE-----\nOrigin: evil\n",
    );
    let columns = ["name", "source", "base_uri", "release", "version", "maintainer", "components"];
    let b = "/etc/apt/sources.list.d/b.sources";
    assert_eq!(
        made.values("SELECT * FROM apt_sources ORDER BY name", &columns),
        [
            [
                "a.org/debian sid",
                "/etc/apt/sources.list",
                "http://a.org/debian",
                "sid",
                "12:1.2",
                "Debian",
                "main contrib",
            ],
            ["b.org s", b, "https://b.org", "", "", "", ""],
            ["b.org s-sec", b, "https://b.org", "", "", "", ""],
        ]
    );
}

#[test]
fn packages_of_python_are_those_of_pip() {
    let script = "import site, sys; print(site.getsitepackages()[0])";
    let Some(site) = tool("python3", &["-c", script], b"") else { return };
    let Some(listed) = tool("python3", &["-m", "pip", "list", "--format=json"], b"") else {
        return;
    };
    let site = site.trim();
    let sql = format!(
        "SELECT name, version FROM python_packages WHERE directory = '{site}'
         AND path NOT LIKE directory || '/%/%'"
    );
    let found: BTreeSet<(String, String)> =
        rows(&sql).into_iter().map(|row| (row["name"].clone(), row["version"].clone())).collect();
    let listed: Vec<BTreeMap<String, serde_json::Value>> = serde_json::from_str(&listed).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let expected: BTreeSet<(String, String)> =
        listed.iter().map(|package| (text(&package["name"]), text(&package["version"]))).collect();
    let missing: Vec<_> = expected.difference(&found).collect();
    // pip also lists what lies in other directories of its path.
    for (name, _) in missing {
        let shown = tool("python3", &["-m", "pip", "show", name], b"").unwrap_or_default();
        assert!(!shown.contains(&format!("Location: {site}\n")), "{name}: {shown}");
    }
    assert!(found.len() >= expected.len().min(1));
}

#[test]
fn packages_of_python_belong_to_system_and_users() {
    let made = Made::with_ann();
    let system = "/usr/lib/python3/dist-packages";
    let user = "/home/ann/.local/lib/python3.12/site-packages";
    made.write(
        &format!("{system}/a-1.dist-info/METADATA"),
        "Name: a\nVersion: 1.10\nSummary: s: t\nAuthor: Ann\nLicense-Expression: MIT\n\nName: x\n",
    );
    made.write(&format!("{system}/a/_vendor/b-2.dist-info/METADATA"), "Name: b\nVersion: 2\n");
    made.write(&format!("{user}/c.egg-info"), "Name: c\nVersion: 3\nLicense: BSD\n");
    fs::create_dir_all(made.at(&format!("{user}/d-4.dist-info"))).unwrap();
    symlink("..", made.at(&format!("{user}/loop"))).unwrap();
    let columns = ["name", "uid", "version", "summary", "license", "directory"];
    assert_eq!(
        made.values("SELECT * FROM python_packages WHERE uid IN (0, 1000) ORDER BY path", &columns),
        [
            ["c", "1000", "3", "", "BSD", user],
            ["", "1000", "", "", "", user],
            ["a", "0", "1.10", "s: t", "MIT", system],
            ["b", "0", "2", "", "", system],
        ]
    );
    let newer = "SELECT * FROM python_packages WHERE version > '1.9' AND name = 'a'";
    assert_eq!(made.rows(newer).len(), 1, "versions are compared as versions");
    let other = format!("SELECT name FROM python_packages WHERE directory = '{system}/a/_vendor'");
    assert_eq!(made.values(&other, &["name"]), [["b"]]);
}

#[test]
fn packages_of_node_are_found_inside_each_other() {
    let made = Made::new();
    let lib = "/usr/lib/node_modules";
    made.write(&format!("{lib}/a/package.json"), r#"{"name": "a", "version": "1.0.0"}"#);
    made.write(&format!("{lib}/@s/b/package.json"), r#"{"name": "@s/b", "author": "Ann"}"#);
    made.write(&format!("{lib}/a/node_modules/c/package.json"), r#"{"name": "c"}"#);
    made.write(&format!("{lib}/broken/package.json"), "{");
    made.write("/srv/app/node_modules/d/package.json", r#"{"name": "d"}"#);
    // A link back up is shown once and not entered again.
    fs::create_dir_all(made.at("/usr/lib/node_modules/a/node_modules/c/node_modules")).unwrap();
    symlink(
        made.at(&format!("{lib}/a")),
        made.at(&format!("{lib}/a/node_modules/c/node_modules/a")),
    )
    .unwrap();
    let found = made.values(
        "SELECT name, depth, path FROM npm_packages ORDER BY depth, path",
        &["name", "depth", "path"],
    );
    let path = |rest: &str| format!("{lib}/{rest}/package.json");
    let expected = [
        ["@s/b".to_owned(), "0".to_owned(), path("@s/b")],
        ["a".to_owned(), "0".to_owned(), path("a")],
        [String::new(), "0".to_owned(), path("broken")],
        ["c".to_owned(), "1".to_owned(), path("a/node_modules/c")],
        ["a".to_owned(), "2".to_owned(), path("a/node_modules/c/node_modules/a")],
    ];
    assert_eq!(found, expected);
    let flat = "SELECT name FROM npm_packages WHERE max_depth = 0 AND name <> ''";
    assert_eq!(made.rows(flat).len(), 2);
    let other = "SELECT name FROM npm_packages WHERE directory = '/srv/app'";
    assert_eq!(made.values(other, &["name"]), [["d"]]);
}

#[test]
fn packages_of_rpm_are_read_from_both_databases() {
    let hex: String = include_str!("rpm_header.hex").split_whitespace().collect();
    let header = hex::decode(hex).unwrap();
    let sql = "SELECT * FROM rpm_packages WHERE name = 'tiny' AND version < '1.2'";
    let made = Made::new();
    assert!(made.rows(sql).is_empty());
    made.write("/var/lib/rpm/Packages", "Berkeley DB is not read");
    assert!(made.rows(sql).is_empty());

    let path = made.at("/var/lib/rpm/rpmdb.sqlite");
    let db = rusqlite::Connection::open(&path).unwrap();
    let table = "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,
                 blob BLOB NOT NULL)";
    db.execute_batch(&format!("PRAGMA journal_mode = WAL; {table}")).unwrap();
    let insert = "INSERT INTO Packages (blob) VALUES (?1)";
    for blob in [&header[..], &header[..100], b"", b"text"] {
        db.execute(insert, [blob]).unwrap();
    }
    db.execute("INSERT INTO Packages (blob) VALUES ('text')", []).unwrap();
    // While another process writes, its log is read too.
    let found = made.rows(sql);
    // As after a crash: with the log, and without the file that other processes share.
    for (kept, expected) in [(&["", "-wal", "-shm"][..], 1), (&["", "-wal"], 0), (&["", "-shm"], 0)]
    {
        let crashed = Made::new();
        fs::create_dir_all(crashed.at("/var/lib/rpm")).unwrap();
        for end in kept {
            let name = format!("rpmdb.sqlite{end}");
            let to = crashed.at("/var/lib/rpm").join(&name);
            fs::copy(path.with_file_name(name), to).unwrap();
        }
        // The table itself is still in the log alone.
        let rows = crashed.run(sql).map_or(0, |rows| rows.len());
        assert_eq!(rows, expected, "{kept:?}");
        let files = fs::read_dir(crashed.at("/var/lib/rpm")).unwrap().count();
        assert_eq!(files, kept.len(), "nothing is created");
    }
    drop(db);
    assert_eq!(made.rows(sql), found);
    // The database and Berkeley DB's file.
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 2);
    assert_eq!(found.len(), 1);
    for (column, expected) in [
        ("version", "1.2~rc1"),
        ("release", "3"),
        ("source", "tiny-1.2~rc1-3.src.rpm"),
        ("size", "5"),
        ("sha1", "3fcd069adf4c1a49e14a58e8460e9f44721573f3"),
        ("arch", "noarch"),
        ("epoch", "7"),
        ("install_time", "1795470086"),
        ("vendor", "Vend\u{f6}r"),
        ("package_group", "Tools/Test"),
    ] {
        assert_eq!(found[0][column], expected, "{column}");
    }

    fs::remove_dir_all(made.at("/var/lib/rpm")).unwrap();
    made.write("/usr/lib/sysimage/rpm/Packages.db", ndb(&header));
    assert_eq!(made.rows(sql), found);
}

/// An ndb database with one package, an empty slot, and slots that lead nowhere.
fn ndb(header: &[u8]) -> Vec<u8> {
    let words = |words: [u32; 4]| words.map(u32::to_le_bytes).concat();
    let word = |text: &[u8; 4]| u32::from_le_bytes(*text);
    let length = u32::try_from(header.len()).unwrap();
    let blocks = (length + 32).div_ceil(16);
    let mut file = [words([word(b"RpmP"), 0, 1, 1]), words([2, 0, 0, 0])].concat();
    file.extend(words([word(b"Slot"), 1, 256, blocks]));
    file.extend(words([word(b"Slot"), 0, 0, 0]));
    file.extend(words([word(b"Slot"), 2, 256, blocks]));
    file.extend(words([word(b"Slot"), 1, 256, 1]));
    file.extend(words([word(b"Slot"), 3, u32::MAX, u32::MAX]));
    file.extend(words([word(b"Evil"), 1, 256, blocks]));
    file.resize(4_096, 0);
    file.extend(words([word(b"BlbS"), 1, 1, length]));
    file.extend(header);
    file
}

#[test]
fn damaged_databases_of_rpm_are_errors() {
    let made = Made::new();
    let path = "/var/lib/rpm/rpmdb.sqlite";
    made.write(path, "this is no database, but long enough to be taken for one ".repeat(100));
    let error = made.run("SELECT * FROM rpm_packages").unwrap_err().to_string();
    assert!(error.starts_with("table rpm_packages cannot read its source"), "{error}");

    fs::remove_file(made.at(path)).unwrap();
    let db = rusqlite::Connection::open(made.at(path)).unwrap();
    let endless = "CREATE VIEW Packages AS WITH RECURSIVE n(blob) AS
                   (VALUES (x'00') UNION ALL SELECT blob FROM n) SELECT blob FROM n";
    db.execute_batch(endless).unwrap();
    assert!(made.run("SELECT * FROM rpm_packages").is_err());

    fs::remove_dir_all(made.at("/var/lib/rpm")).unwrap();
    made.write("/usr/share/rpm/Packages.db", b"RpmP\x01\0\0\0");
    let error = made.run("SELECT * FROM rpm_packages").unwrap_err().to_string();
    assert!(error.contains("ndb"), "{error}");
}
