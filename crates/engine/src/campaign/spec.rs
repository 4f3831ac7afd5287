// SPDX-License-Identifier: Apache-2.0
//! The frozen payload and its hash (I7). The canonical form is JSON with a fixed member order and
//! no white space; it is stored as it was hashed, and compared at every read.

use mimir_wire::api::campaign::CampaignKind;
use serde::Serialize;
use sha2::{Digest, Sha256};

#[derive(Serialize)]
struct Canonical<'a> {
    version: u32,
    kind: CampaignKind,
    parts: &'a [&'a str],
}

/// The canonical form of a payload: what is asked, part by part.
pub fn canonical(kind: CampaignKind, parts: &[&str]) -> String {
    serde_json::to_string(&Canonical { version: 1, kind, parts }).expect("strings always serialise")
}

/// SHA-256 of a canonical form, in lower-case hex.
pub fn sha256_hex(canonical: &str) -> String {
    hex::encode(Sha256::digest(canonical.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_never_changes() {
        let form = canonical(CampaignKind::Osquery, &["SELECT 1"]);
        assert_eq!(form, r#"{"version":1,"kind":"osquery","parts":["SELECT 1"]}"#);
        assert_eq!(
            sha256_hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
