// SPDX-License-Identifier: Apache-2.0
//! Tells cargo when the embedded console is stale. Builds for development read it from the disk
//! instead and need no rebuild.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") {
        println!("cargo::rerun-if-changed=../../web/dist");
    }
}
