// SPDX-License-Identifier: Apache-2.0
//! Lists of indicators: every format, and that nothing disappears.

use mimir_engine::ioc::import::{ImportError, Parsed, parse};
use mimir_engine::limits::IMPORT_ENTRIES_MAX;
use mimir_wire::api::indicator::{ImportFormat, Severity};

fn read(text: &str) -> Parsed {
    parse(text, None).unwrap()
}

/// Lines, types and values.
fn entries(parsed: &Parsed) -> Vec<(u64, &str, &str)> {
    parsed.entries.iter().map(|one| (one.line, one.kind.as_str(), one.value.as_str())).collect()
}

fn refused(parsed: &Parsed) -> Vec<(u64, &str)> {
    parsed.invalid.iter().map(|line| (line.line, line.reason.as_str())).collect()
}

const MD5: &str = "9e107d9d372bb6826bd81d3542a419d6";
const SHA1: &str = "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12";

#[test]
fn lines_with_comments_and_duplicates() {
    let parsed = read(
        "\u{feff}# head\n\nevil-site[.]com # seen in mail\r\n; note\n// note\nEVIL-SITE.com\n\
         10.0.0.0/8\n0.0.0.0 ads-site.com\n||block-site.com^\nhttp://evil-site.com/#top\n",
    );
    assert_eq!(parsed.format, ImportFormat::Lines);
    assert_eq!(
        entries(&parsed),
        [
            (3, "domain", "evil-site.com"),
            (8, "domain", "ads-site.com"),
            (9, "domain", "block-site.com"),
            (10, "url", "http://evil-site.com/#top"),
        ]
    );
    assert_eq!(parsed.entries[0].description, "seen in mail");
    assert_eq!((parsed.duplicates, parsed.invalid_total), (1, 1));
    assert!(parsed.invalid[0].line == 7 && parsed.invalid[0].reason.contains("Ranges"));
}

#[test]
fn csv_finds_columns_by_name_whatever_separates_them() {
    for separator in [",", ";", "\t"] {
        let rows = [
            ["Comment", "Indicator", "IOC Type", "Severity", "labels", "valid_until"],
            ["\"a, b; c\"", "evil-site[.]com", "domain", "HIGH", "x|y", "2027-01-01"],
            ["", MD5, "", "", "", "2027-01-01T10:00:00Z"],
            ["", "ann@evil-site.com", "email", "", "", ""],
            ["", "evil.exe", "filename", "awful", "", ""],
            ["", "", "", "", "", "soon"],
            ["", "evil.exe", "filename", "", "", "soon"],
        ];
        let text = rows.map(|row| row.join(separator)).join("\r\n");
        let parsed = read(&text);
        assert_eq!(parsed.format, ImportFormat::Csv);
        let expected = [(2, "domain", "evil-site.com"), (3, "file_hash_md5", MD5)];
        assert_eq!(entries(&parsed), expected);
        let first = &parsed.entries[0];
        assert_eq!((first.severity, first.description.as_str()), (Some(Severity::High), "a, b; c"));
        assert_eq!(first.tags, ["x", "y"]);
        assert_eq!(first.expires_at.unwrap().to_string(), "2027-01-01T00:00:00.000000Z");
        let lines: Vec<_> = refused(&parsed).iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [4, 5, 6, 7]);
    }
}

#[test]
fn csv_without_a_column_of_values_is_refused() {
    let error = parse("a,b\n1,2\n", Some(ImportFormat::Csv)).unwrap_err();
    assert!(
        matches!(&error, ImportError::Malformed { reason, .. } if reason.contains("indicator"))
    );
}

#[test]
fn a_stix_bundle_with_patterns_and_objects() {
    let bundle = serde_json::json!({"type": "bundle", "objects": [
        {"type": "indicator", "id": "indicator--1", "pattern_type": "stix", "confidence": 90,
         "labels": ["malicious-activity"], "name": "Evil", "valid_until": "2027-01-01T00:00:00Z",
         "pattern": format!("[file:hashes.'SHA-1' = '{SHA1}' AND file:hashes.MD5 = '{MD5}' AND file:name = 'evil.exe'] OR [ipv4-addr:value IN ('1.2.3.4', '1.2.3.5')]")},
        {"type": "indicator", "pattern": "[file:parent_directory_ref.path = 'C:\\\\Evil' AND file:name = 'a.exe' OR process:name = 'it\\'s']"},
        {"type": "indicator", "pattern": "[windows-registry-key:key = 'HKLM\\\\Software\\\\Evil' AND windows-registry-key:values[*].name = 'Run']"},
        {"type": "indicator", "pattern": "[domain-name:value = 'evil-site.com'] FOLLOWEDBY [url:value = 'http://x.com/']"},
        {"type": "indicator", "pattern": "[domain-name:value LIKE '%evil%']"},
        {"type": "indicator", "pattern": "[email-addr:value = 'ann@x.com']"},
        {"type": "indicator", "pattern": "[url:value = 'http://x.com/']", "revoked": true},
        {"type": "indicator", "pattern": "rule x {}", "pattern_type": "yara"},
        {"type": "domain-name", "value": "evil-site.com"},
        {"type": "windows-registry-key", "key": "HKCU\\Software\\Evil"},
        {"type": "file", "hashes": {"SHA-512": "00", "MD5": MD5}},
        {"type": "malware", "id": "malware--1"},
        {},
    ]});
    let parsed = read(&bundle.to_string());
    assert_eq!(parsed.format, ImportFormat::Stix);
    assert_eq!(
        entries(&parsed),
        [
            (1, "file_hash_sha1", SHA1),
            (1, "file_hash_md5", MD5),
            (1, "ipv4", "1.2.3.4"),
            (1, "ipv4", "1.2.3.5"),
            (2, "filepath", r"C:\Evil\a.exe"),
            (2, "filename", "it's"),
            (3, "registry_key", r"HKEY_LOCAL_MACHINE\Software\Evil\Run"),
            (9, "domain", "evil-site.com"),
            (10, "registry_key", r"HKEY_CURRENT_USER\Software\Evil"),
        ]
    );
    assert_eq!(parsed.duplicates, 1);
    let lines: Vec<_> = refused(&parsed).iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [1, 4, 5, 6, 7, 8, 11, 12, 13]);
    assert_eq!(parsed.entries[0].severity, Some(Severity::High));
    assert_eq!(parsed.entries[0].tags, ["malicious-activity"]);
}

#[test]
fn a_misp_event_with_attributes_and_objects() {
    let attribute = |kind: &str, value: &str| serde_json::json!({"type": kind, "value": value, "to_ids": true, "Tag": [{"name": "t"}]});
    let mut context = attribute("ip-dst", "1.2.3.4");
    context["to_ids"] = false.into();
    let mut deleted = attribute("ip-dst", "1.2.3.4");
    deleted["deleted"] = true.into();
    let event = serde_json::json!({"response": [{"Event": {
        "info": "Evil", "threat_level_id": "1", "Tag": [{"name": "tlp:green"}],
        "Attribute": [
            attribute("ip-dst|port", "1.2.3.5|443"), context, deleted,
            attribute("domain|ip", "evil-site.com|1.2.3.6"), attribute("email-src", "a@b.com"),
            attribute("regkey|value", "HKLM\\Software\\Evil|data"),
        ],
        "Object": [{"Attribute": [attribute("filename|md5", &format!("a.exe|{MD5}"))]}],
    }}]});
    let parsed = read(&event.to_string());
    assert_eq!(parsed.format, ImportFormat::Misp);
    assert_eq!(
        entries(&parsed),
        [
            (1, "ipv4", "1.2.3.5"),
            (4, "domain", "evil-site.com"),
            (4, "ipv4", "1.2.3.6"),
            (6, "registry_key", r"HKEY_LOCAL_MACHINE\Software\Evil"),
            (7, "file_hash_md5", MD5),
        ]
    );
    let first = &parsed.entries[0];
    assert_eq!((first.severity, first.description.as_str()), (Some(Severity::High), "Evil"));
    assert_eq!(first.tags, ["t", "tlp:green"]);
    let lines: Vec<_> = refused(&parsed).iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 5]);
}

#[test]
fn bounds_and_hostile_texts() {
    assert_eq!(parse(" \n\t", None), Err(ImportError::Empty));
    assert_eq!(parse("# nothing\n", None), Err(ImportError::Empty));
    assert!(matches!(parse(&"x".repeat(9 << 20), None), Err(ImportError::TooLarge(_))));
    let many = "a.exe\n".repeat(IMPORT_ENTRIES_MAX + 1);
    assert_eq!(parse(&many, None), Err(ImportError::TooMany));
    let deep = "[".repeat(1_000_000);
    for format in [ImportFormat::Stix, ImportFormat::Misp] {
        assert!(matches!(parse(&deep, Some(format)), Err(ImportError::Malformed { .. })));
        assert!(matches!(parse("{}", Some(format)), Err(ImportError::Malformed { .. })));
    }
    let parens = format!("[{}x:y = 'z']", "(".repeat(100_000));
    for pattern in [parens, "[".to_owned(), "['".to_owned(), String::new(), "[a:b = ]".to_owned()] {
        let object = serde_json::json!({"type": "indicator", "pattern": pattern});
        let parsed = read(&object.to_string());
        assert_eq!((parsed.entries.len(), parsed.invalid_total), (0, 1), "{pattern}");
    }
    let either = "(a:b IN ('1','2','3','4','5','6','7','8','9','10'))";
    let wide = format!("[{}]", [either; 6].join(" AND "));
    let object = serde_json::json!({"type": "indicator", "pattern": wide});
    assert!(refused(&read(&object.to_string()))[0].1.contains("alternatives"));
}
