// SPDX-License-Identifier: Apache-2.0
//! The Debian package: made from the program under test and put through its life in a scratch
//! root, by the script that `make deb` runs as well.

use std::path::Path;
use std::process::Command;

/// Whether a program is installed.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[test]
fn the_package_installs_upgrades_and_leaves_nothing_when_it_is_purged() {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_there("dpkg-deb") || !(is_root || is_there("fakeroot")) {
        // Another kind of system: there is nothing that could install it.
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/deb/check");
    let output = Command::new(script).arg(env!("CARGO_BIN_EXE_mimir-agent")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.ends_with("installs, upgrades, is removed and purged\n"), "{said}");
}
