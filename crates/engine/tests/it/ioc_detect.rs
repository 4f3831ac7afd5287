// SPDX-License-Identifier: Apache-2.0
//! What texts are taken for: a table of cases, and what must hold of any text.

use mimir_engine::ioc::detect::{defang, detect};
use mimir_engine::limits::INDICATOR_VALUE_BYTES_MAX;
use mimir_wire::api::indicator::IndicatorType as Type;
use proptest::prelude::*;

const CORPUS: &str = include_str!("../corpus/detect.tsv");

fn cases() -> impl Iterator<Item = (String, &'static str, &'static str, &'static str)> {
    let lines = CORPUS.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let mut fields = line.split('\t');
        let mut next = || fields.next().unwrap_or_default();
        let text = next();
        let text = text.replace('␉', "\t").replace('␀', "\0").replace('␌', "\u{200b}");
        (text, next(), next(), next())
    })
}

#[test]
fn every_case_is_taken_for_what_it_is() {
    let mut wrong = Vec::new();
    for (text, kind, value, warning) in cases() {
        let found = detect(&text, None);
        let is_kind = found.kind.map_or("-", Type::as_str) == kind;
        let is_value = match found.kind {
            Some(_) => found.value == value,
            None => found.reason.as_deref().unwrap_or_default().contains(value),
        };
        let codes: Vec<_> = found.warnings.iter().map(|warning| warning.code.as_str()).collect();
        if !is_kind || !is_value || codes.join(",") != warning {
            wrong.push(format!("{text:?}: {found:?}, not {kind} {value} {warning}"));
        }
    }
    assert!(cases().count() >= 150);
    assert_eq!(wrong, Vec::<String>::new(), "{}", wrong.join("\n"));
}

#[test]
fn the_type_can_be_chosen() {
    let url = "hxxps://evil-site[.]com:8443/x";
    let names: &[(&str, Type, Option<&str>)] = &[
        (url, Type::Domain, Some("evil-site.com")),
        ("http://1.2.3.4/x", Type::Ipv4, Some("1.2.3.4")),
        ("evil.zip", Type::Domain, Some("evil.zip")),
        ("a.com", Type::Filename, Some("a.com")),
        ("5.23.1", Type::Filename, Some("5.23.1")),
        ("srv.internal", Type::Domain, Some("srv.internal")),
        ("/evil", Type::Filepath, Some("/evil")),
        ("evil", Type::Domain, None),
        ("1.2.3.4", Type::FileHashMd5, None),
        ("evil.exe", Type::RegistryKey, None),
    ];
    for (text, kind, value) in names {
        let found = detect(text, Some(*kind));
        let expected = value.map(|value| (*kind, value));
        assert_eq!(found.kind.map(|kind| (kind, found.value.as_str())), expected, "{text}");
        assert_eq!(found.reason.is_some(), value.is_none(), "{text}");
    }
    assert_eq!(detect(url, None).alternatives, [Type::Domain]);
    assert!(!detect(url, None).huntable);
    assert_eq!(detect("evil.zip", None).alternatives, [Type::Domain]);
    assert_eq!(detect("evil[.]zip", None).alternatives, [Type::Filename]);
}

#[test]
fn long_texts_are_refused() {
    let reason = |text: &str| detect(text, None).reason.unwrap_or_default();
    assert!(reason(&"a".repeat(10_000)).contains("bytes"));
    assert!(reason(&"a".repeat(300)).contains("255"));
    let long = format!("/tmp/{}", "x/".repeat(INDICATOR_VALUE_BYTES_MAX));
    assert!(reason(&long).contains("2048"));
    assert!(reason(&"[".repeat(8000)).contains("255"));
}

#[test]
fn what_is_shown_is_read_back() {
    for (text, ..) in cases() {
        let found = detect(&text, None);
        let Some(kind) = found.kind else { continue };
        let again = detect(&found.defanged, None);
        assert_eq!((again.kind, again.value), (Some(kind), found.value.clone()), "{text}");
        if matches!(kind, Type::Domain | Type::Ipv4 | Type::Url) && found.value.contains('.') {
            assert_ne!(found.defanged, found.value, "{text}");
        }
    }
}

fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z0-9]{1,8}",
        Just(".".to_owned()),
        Just("[.]".to_owned()),
        Just("(dot)".to_owned()),
        Just("\\".to_owned()),
        Just("/".to_owned()),
        Just("://".to_owned()),
        Just("hxxp".to_owned()),
        Just("C:\\".to_owned()),
        Just("HKLM\\".to_owned()),
        Just("%APPDATA%".to_owned()),
        Just("com".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just("\"".to_owned()),
        Just(" ".to_owned()),
        Just("@".to_owned()),
        Just(":".to_owned()),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// A value is its own normal form, whatever it was made from and whichever type was chosen.
    #[test]
    fn a_normal_form_stays(text in texts(), wanted in prop::option::of(0..Type::ALL.len())) {
        let wanted = wanted.map(|place| Type::ALL[place]);
        let found = detect(&text, wanted);
        prop_assert_eq!(found.kind.is_some(), found.reason.is_none());
        if let Some(kind) = found.kind {
            prop_assert!(found.value.len() <= INDICATOR_VALUE_BYTES_MAX && !found.value.is_empty());
            let again = detect(&found.value, Some(kind));
            prop_assert_eq!(again.kind, Some(kind), "{:?}", again.reason);
            prop_assert_eq!(&again.value, &found.value);
            let shown = detect(&defang(kind, &found.value), Some(kind));
            prop_assert_eq!(&shown.value, &found.value, "{:?}", shown.reason);
        }
    }
}
