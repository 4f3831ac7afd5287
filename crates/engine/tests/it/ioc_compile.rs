// SPDX-License-Identifier: Apache-2.0
//! Compiled queries: the text for a list of indicators (golden files), and what can't be looked
//! for where.

use mimir_engine::host_class::HostClass;
use mimir_engine::ioc::compile::{Compiled, Wanted, compile};
use mimir_engine::ioc::detect::detect;
use mimir_engine::limits::{PART_VALUES_MAX, SQL_BYTES_MAX};
use mimir_wire::api::indicator::IndicatorType as Type;
use mimir_wire::api::target::Platform;

fn of(texts: &[&str]) -> Compiled {
    let found: Vec<_> = texts.iter().map(|text| detect(text, None)).collect();
    let wanted = found.iter().zip(1..).map(|(found, ordinal)| Wanted {
        ordinal,
        kind: found.kind.unwrap(),
        value: &found.value,
    });
    compile(&wanted.collect::<Vec<_>>())
}

fn text(compiled: &Compiled) -> String {
    let name = |class: &HostClass| {
        let platform = class.platform().map_or("other", Platform::as_str);
        if class.own_agent() { format!("{platform}+mimir-agent") } else { platform.to_owned() }
    };
    let mut text = String::new();
    for part in &compiled.parts {
        let classes: Vec<_> =
            HostClass::all().filter(|class| part.classes.contains(*class)).collect();
        let classes: Vec<_> = classes.iter().map(name).collect();
        text += &format!(
            "-- {} in {}: {:?} on {}\n{}\n\n",
            part.family.as_str(),
            part.table,
            part.ordinals,
            classes.join(", "),
            part.sql
        );
    }
    for lost in &compiled.not_assessable {
        let (class, kind) = (name(&lost.class), lost.kind);
        text += &format!("-- not on {class}: {kind} {:?}: {}\n", lost.ordinals, lost.reason);
    }
    text
}

/// `UPDATE_GOLDEN=1` writes the files anew.
#[test]
fn the_text_is_that_of_the_golden_files() {
    let cases: &[(&str, &[&str])] = &[
        (
            "digests",
            &["9e107d9d372bb6826bd81d3542a419d6", "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"],
        ),
        ("names", &["evil.exe", "it's.exe", "100%_sure.exe"]),
        (
            "paths",
            &["/tmp/evil", "~/.evil/a_b", r"C:\it's\a.exe", r"%TEMP%\a.exe", r"\\srv\s\a.exe"],
        ),
        ("registry", &[r"HKCU\Software\Evil\Run", r"HKLM\SOFTWARE\Evil", "HKLM"]),
        ("network", &["1.2.3.4", "evil-site.com", "http://evil-site.com/"]),
    ];
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (name, texts) in cases {
        let file = folder.join(format!("{name}.sql"));
        let compiled = text(&of(texts));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, &compiled).unwrap();
        }
        let golden = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(golden == compiled, "{name} differs; UPDATE_GOLDEN=1 rewrites it:\n{compiled}");
    }
}

/// Every indicator is, on every class, either asked for by a part or listed with a reason.
#[test]
fn nothing_is_silently_left_out() {
    let texts = [
        "9e107d9d372bb6826bd81d3542a419d6",
        "evil.exe",
        "/tmp/evil",
        "~/.evil/a",
        r"C:\a\b.exe",
        r"\\srv\s\a.exe",
        "HKLM",
        r"HKCU\Software\Evil",
        "1.2.3.4",
        "evil-site.com",
        "http://evil-site.com/",
    ];
    let compiled = of(&texts);
    for class in HostClass::all() {
        for ordinal in 1..=texts.len() as u32 {
            let parts = compiled.parts.iter().filter(|part| part.classes.contains(class));
            let is_asked = parts.clone().any(|part| part.ordinals.contains(&ordinal));
            let lost = compiled.not_assessable.iter().filter(|lost| lost.class == class);
            let is_lost = lost.clone().any(|lost| lost.ordinals.contains(&ordinal));
            assert!(is_asked != is_lost, "{class:?} {}", texts[ordinal as usize - 1]);
        }
    }
    let windows = HostClass::new(Some(Platform::Windows), false);
    let lost: Vec<_> =
        compiled.not_assessable.iter().filter(|lost| lost.class == windows).collect();
    let lost: Vec<_> = lost.iter().flat_map(|lost| lost.ordinals.clone()).collect();
    assert_eq!(lost, [3, 4, 7, 11]);
}

#[test]
fn many_long_values_stay_within_the_limits() {
    let values: Vec<String> =
        (0..10_000).map(|n| format!("/tmp/{n}/{}", "'".repeat(n % 1500))).collect();
    let wanted: Vec<_> = values
        .iter()
        .zip(0..)
        .map(|(value, ordinal)| Wanted { ordinal, kind: Type::Filepath, value })
        .collect();
    let compiled = compile(&wanted);
    let mut asked = vec![0; values.len()];
    for part in &compiled.parts {
        assert!(part.sql.len() <= SQL_BYTES_MAX && part.ordinals.len() <= PART_VALUES_MAX);
        part.ordinals.iter().for_each(|ordinal| asked[*ordinal as usize] += 1);
    }
    assert!(asked.iter().all(|times| *times == 3), "processes twice, file once");
    assert_eq!(compile(&wanted), compiled);
}
