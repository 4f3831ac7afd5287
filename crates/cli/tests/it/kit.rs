// SPDX-License-Identifier: Apache-2.0
//! The enrolment kit.

use std::fs;
use std::path::Path;

use crate::scripted::{Scripted, answer};
use crate::{Ran, ask};

const CREATED: &str = r#"{"id":"0193b3a0-0000-7000-8000-000000000004","name":"laptops",
    "max_uses":5,"uses":0,"created_at":"2026-11-01T00:00:00Z","created_by":null,
    "revoked_at":null,"secret":"s3cret"}"#;

fn kit(server: &Scripted, directory: &Path, more: &[&str]) -> Ran {
    let ca = directory.join("given-ca.pem");
    fs::write(&ca, "-----BEGIN CERTIFICATE-----\n").unwrap();
    let out = directory.join("kit");
    let fixed = [
        "enroll-kit",
        "--ca",
        ca.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--agent-address",
        "mimir.example:8443",
    ];
    ask(server, &[&fixed, more].concat())
}

#[test]
fn a_kit_holds_what_osqueryd_needs() {
    let directory = tempfile::tempdir().unwrap();
    let server = Scripted::new(vec![answer(201, "application/json", "", CREATED)]);
    let ran = kit(&server, directory.path(), &["--secret-name", "laptops", "--max-uses", "5"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(server.asked()[0].body, r#"{"name":"laptops","max_uses":5}"#);

    let out = directory.path().join("kit").canonicalize().unwrap();
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    assert_eq!(read("secret"), "s3cret\n");
    assert_eq!(read("ca.pem"), "-----BEGIN CERTIFICATE-----\n");
    let flags = read("osquery.flags");
    assert!(flags.contains("--tls_hostname=mimir.example:8443\n"));
    assert!(flags.contains(&format!("--enroll_secret_path={}/secret\n", out.display())));
    assert!(read("README.txt").contains("start.sh") && !read("README.txt").contains("s3cret"));
    assert!(!ran.err.contains("s3cret") && !ran.out.contains("s3cret"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name| fs::metadata(out.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("secret"), mode("start.sh"), mode("ca.pem")), (0o600, 0o755, 0o644));
    }
}

/// The start script is run with a program that prints its arguments in the agent's place.
#[cfg(unix)]
#[test]
fn the_start_script_works_from_wherever_the_kit_lies() {
    for (agent, variable, part) in
        [("osqueryd", "OSQUERYD", "--tls_server_certs="), ("mimir", "MIMIR_AGENT", "--ca\n")]
    {
        let directory = tempfile::tempdir().unwrap();
        let more = ["--secret", "s", "--agent", agent];
        let ran = kit(&Scripted::new(vec![]), directory.path(), &more);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let moved = directory.path().join("moved here");
        fs::rename(directory.path().join("kit"), &moved).unwrap();
        let echo = directory.path().join("echo.sh");
        fs::write(&echo, "for argument in \"$@\"; do echo \"$argument\"; done\n").unwrap();
        let script = format!(
            "{variable}=agent; export {variable}; agent() {{ :; }}; exec sh \"$1\" --extra=1"
        );
        let path = directory.path().join("bin");
        fs::create_dir(&path).unwrap();
        let program = path.join("agent");
        fs::write(&program, format!("#!/bin/sh\n. '{}'\n", echo.display())).unwrap();
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let output = std::process::Command::new("sh")
            .args(["-c", &script, "sh", moved.join("start.sh").to_str().unwrap()])
            .env("PATH", format!("{}:/usr/bin:/bin", path.display()))
            .output()
            .unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let ca = moved.canonicalize().unwrap().join("ca.pem");
        assert!(printed.contains(&format!("{part}{}\n", ca.display())), "{printed}");
        assert!(printed.ends_with("--extra=1\n"), "{printed}");
    }
}

#[test]
fn a_mistake_leaves_no_secret_behind() {
    let directory = tempfile::tempdir().unwrap();
    let server = Scripted::new(vec![answer(201, "application/json", "", CREATED)]);
    fs::create_dir(directory.path().join("kit")).unwrap();
    fs::write(directory.path().join("kit/ca.pem"), "mine").unwrap();
    let ran = kit(&server, directory.path(), &["--secret-name", "laptops"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("--force"), "{}", ran.err);
    assert!(server.asked().is_empty());
    assert_eq!(fs::read_to_string(directory.path().join("kit/ca.pem")).unwrap(), "mine");
}
