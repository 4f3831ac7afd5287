// SPDX-License-Identifier: Apache-2.0
//! Queries compiled from indicators: every one passes the guard for more than one host, and has
//! only tables that the platforms of its hosts have.

use mimir_engine::host_class::HostClass;
use mimir_engine::ioc::compile::{Wanted, compile};
use mimir_engine::limits::{PART_VALUES_MAX, SQL_BYTES_MAX};
use mimir_sqlguard::{DenyList, Guard, Scope, WarningCode};
use mimir_wire::api::indicator::IndicatorType as Type;

/// At least one value for each way of looking, and values that try to get out of their quotes.
const VALUES: &[(Type, &str)] = &[
    (Type::FileHashSha256, "6f1ed002ab5595859014ebf0951522d9a1bb0bbd1e1c0e3b9d4c5b1e8f7a6d5c"),
    (Type::FileHashSha1, "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"),
    (Type::FileHashMd5, "9e107d9d372bb6826bd81d3542a419d6"),
    (Type::Filename, "evil.exe"),
    (Type::Filename, "'; DROP TABLE x; --"),
    (Type::Filename, "a' OR '1'='1"),
    (Type::Filepath, "/tmp/100%_sure"),
    (Type::Filepath, r"C:\Users\it's\evil.exe"),
    (Type::Filepath, r"%APPDATA%\evil\evil.exe"),
    (Type::Filepath, "~/.config/evil"),
    (Type::Filepath, r"\\server\share\evil.exe"),
    (Type::RegistryKey, r"HKEY_CURRENT_USER\Software\Evil\Run"),
    (Type::RegistryKey, r"HKEY_LOCAL_MACHINE\SOFTWARE\Evil's"),
    (Type::Ipv4, "203.0.113.9"),
    (Type::Domain, "evil.example.net"),
];

fn all(values: &[(Type, &'static str)]) -> Vec<Wanted<'static>> {
    let numbered = values.iter().zip(0..);
    numbered.map(|((kind, value), ordinal)| Wanted { ordinal, kind: *kind, value }).collect()
}

#[test]
fn every_part_passes_and_names_only_tables_that_its_hosts_have() {
    let guard = Guard::new().unwrap();
    let compiled = compile(&all(VALUES));
    assert!(compiled.parts.len() > 15);
    for part in &compiled.parts {
        let verdict = guard.check(&part.sql, Scope::MultiHost, &DenyList::default_list());
        assert!(verdict.is_allowed(), "{}\n{verdict:?}", part.sql);
        assert!(verdict.tables.iter().any(|table| table == part.table), "{}", part.sql);
        let hurts = [WarningCode::MissingConstraint, WarningCode::EventedWithoutTime];
        let hurt = verdict.warnings.iter().find(|warning| hurts.contains(&warning.code));
        assert_eq!(hurt, None, "{}", part.sql);
        for class in HostClass::all().filter(|class| part.classes.contains(*class)) {
            let platform = class.platform().unwrap();
            assert!(verdict.platforms.contains(&platform), "{platform:?}: {}", part.sql);
        }
    }
}

#[test]
fn many_indicators_stay_within_the_limits_and_pass() {
    let names: Vec<String> = (0..10_000).map(|n| format!("{n}-{}", "'x".repeat(n % 60))).collect();
    let wanted: Vec<_> = (names.iter().zip(0..))
        .map(|(value, ordinal)| Wanted { ordinal, kind: Type::Filename, value })
        .collect();
    let compiled = compile(&wanted);
    let guard = Guard::new().unwrap();
    for part in &compiled.parts {
        assert!(part.ordinals.len() <= PART_VALUES_MAX && part.sql.len() <= SQL_BYTES_MAX);
        let verdict = guard.check(&part.sql, Scope::MultiHost, &DenyList::default_list());
        assert!(verdict.is_allowed(), "{verdict:?}");
    }
    let asked: usize = compiled.parts.iter().map(|part| part.ordinals.len()).sum();
    // Running programs and files, each on three platforms.
    assert_eq!(asked, 6 * 10_000);
}
