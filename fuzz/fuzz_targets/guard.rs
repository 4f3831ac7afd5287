// SPDX-License-Identifier: Apache-2.0
//! Any text through the SQL guard: no panic, and what is allowed for more than one host needs nothing
//! that is denied. Seeds: the queries of `crates/sqlguard/tests/it/corpus`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/sqlguard/tests/it/property.rs"]
mod property;

thread_local! {
    static PROPERTY: property::Property = property::Property::new();
}

fuzz_target!(|sql: &str| {
    PROPERTY.with(|property| property.holds(sql));
});
