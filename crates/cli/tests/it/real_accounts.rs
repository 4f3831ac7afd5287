// SPDX-License-Identifier: Apache-2.0
//! Accounts, signing in, keys, the audit trail and enrolment, on the server itself.

use std::fs;

use mimir_sim::Fleet;

use crate::Surroundings;
use crate::real::Real;

const ONE_TIME: &str = "changed at first sign-in";
const OWN: &str = "a password of my own";

/// Makes the account and signs it in; its home.
fn signed_in(real: &Real, name: &str, role: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let created = real.run_as(
        &key_of(real),
        &format!("{ONE_TIME}\n"),
        &["user", "create", name, "--role", role],
    );
    assert_eq!(created.code, 0, "{}", created.err);
    let input = format!("{ONE_TIME}\n{OWN}\n");
    let ran = real.run_at_home(home.path(), &input, &["login", "--username", name]);
    assert_eq!((ran.code, ran.out.as_str()), (0, ""), "{}", ran.err);
    assert!(ran.err.contains(&format!("as {name} ({role})")), "{}", ran.err);
    home
}

fn key_of(real: &Real) -> String {
    real.json(&["api-key", "create", "for the test"])["key"].as_str().unwrap().to_owned()
}

#[test]
fn a_new_account_signs_in_with_a_password_of_its_own() {
    let real = Real::start(0, &[]);
    let home = signed_in(&real, "ada", "operator");
    let here = Surroundings { home: Some(home.path()), ..Surroundings::default() };
    assert_eq!(here.run(&["host", "list"]).code, 0);
    let ran = here.run(&["campaign", "launch", "--sql", "SELECT 1", "--target", "all"]);
    assert!(ran.code == 1 && ran.err.contains("(forbidden)"), "{}", ran.err);
    let ran = here.run(&["audit", "list"]);
    assert!(ran.code == 1 && ran.err.contains("(forbidden)"), "{}", ran.err);

    let other = tempfile::tempdir().unwrap();
    let login = ["login", "--username", "ada"];
    let ran = real.run_at_home(other.path(), &format!("{ONE_TIME}\n"), &login);
    assert!(ran.code == 1 && ran.err.contains("(unauthenticated)"), "{}", ran.err);
    let ran = real.run_at_home(other.path(), &format!("{OWN}\n"), &login);
    assert_eq!(ran.code, 0, "{}", ran.err);

    real.done(&["user", "edit", "ada", "--disable"]);
    let ran = here.run(&["host", "list"]);
    assert!(ran.code == 1 && ran.err.contains("(unauthenticated)"), "{}", ran.err);
}

#[test]
fn a_short_password_is_refused_and_nothing_is_remembered() {
    let real = Real::start(0, &[]);
    let home = tempfile::tempdir().unwrap();
    let input = format!("{ONE_TIME}\nshort\n");
    let created =
        real.run_as(&key_of(&real), &input, &["user", "create", "bob", "--role", "admin"]);
    assert_eq!(created.code, 0, "{}", created.err);
    let ran = real.run_at_home(home.path(), &input, &["login", "--username", "bob"]);
    assert!(ran.code == 1 && ran.err.contains("14"), "{}", ran.err);
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn every_change_is_in_the_audit_trail() {
    let real = Real::start(0, &[]);
    drop(signed_in(&real, "eve", "admin"));
    real.done(&["settings", "set", "offline_campaigns_enabled=true"]);
    let list = real.json(&["audit", "list"]);
    let entries = list["items"].as_array().unwrap();
    for action in
        ["user.create", "auth.login", "auth.password", "api_key.create", "settings.change"]
    {
        assert!(entries.iter().any(|entry| entry["action"] == action), "{action} is missing");
    }
    let verified = real.json(&["audit", "verify"]);
    assert_eq!(verified["ok"], true);
    assert_eq!(verified["entries"], entries.len());
    let data = real.path("data");
    let offline = real.json(&["audit", "verify", "--data-dir", data.to_str().unwrap()]);
    assert_eq!(offline, verified);
}

#[test]
fn a_host_enrols_with_what_is_in_the_kit() {
    let real = Real::start(0, &[]);
    let kit = real.path("kit");
    let out = kit.to_str().unwrap();
    real.done(&["enroll-kit", "--out", out, "--secret-name", "laptops", "--max-uses", "1"]);
    let flags = fs::read_to_string(kit.join("osquery.flags")).unwrap();
    let address = real.url().trim_start_matches("https://");
    assert!(flags.contains(&format!("--tls_hostname={address}")), "{flags}");

    let secret = fs::read_to_string(kit.join("secret")).unwrap();
    let ca = fs::read_to_string(kit.join("ca.pem")).unwrap();
    let fleet = Fleet::builder(&format!("https://{address}"), &ca)
        .hosts(2)
        .enroll_secret(secret.trim())
        .build()
        .unwrap();
    let enrolled = real.block_on(fleet.enroll_all());
    let admitted = enrolled.iter().filter(|report| report.ok).count();
    assert_eq!(admitted, 1, "the secret is for one host: {enrolled:?}");
    let list = real.json(&["host", "list"]);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
}
