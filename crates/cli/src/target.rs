// SPDX-License-Identifier: Apache-2.0
//! Targets as they are written on the command line: `all`, `hosts:ID,ID`, `os:linux,darwin`.

use mimir_wire::api::target::{Platform, Target};

/// What a target may look like, for messages.
const FORMS: &str = "write `all`, `hosts:ID,ID` or `os:linux,darwin`";

/// Reads a target.
pub(crate) fn parse(text: &str) -> Result<Target, String> {
    let text = text.trim();
    if text == "all" {
        return Ok(Target::All {});
    }
    match text.split_once(':') {
        Some(("hosts", ids)) => {
            let host_ids = items(ids)?
                .map(|id| id.parse().map_err(|error| format!("{error}; see `mimir host list`")))
                .collect::<Result<_, _>>()?;
            Ok(Target::Hosts { host_ids })
        }
        Some(("os", words)) => {
            let platforms = items(words)?
                .map(|word| {
                    Platform::from_word(word).ok_or_else(|| {
                        let known: Vec<_> = Platform::ALL.iter().map(|p| p.as_str()).collect();
                        format!("`{word}` is no platform; there are {}", known.join(", "))
                    })
                })
                .collect::<Result<_, _>>()?;
            Ok(Target::OsIn { platforms })
        }
        _ => Err(format!("`{text}` is no target; {FORMS}")),
    }
}

/// The parts of a list, none of which may be empty: an empty one is more likely a mistake of a
/// script than a wish, and must never widen what is asked.
fn items(list: &str) -> Result<impl Iterator<Item = &str>, String> {
    if list.split(',').any(|item| item.trim().is_empty()) {
        return Err(format!("the list has an empty place; {FORMS}"));
    }
    Ok(list.split(',').map(str::trim))
}

/// Writes a target as it is read.
pub(crate) fn write(target: &Target) -> String {
    fn joined<T: ToString>(items: &[T]) -> String {
        items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
    }
    match target {
        Target::All {} => "all".into(),
        Target::Hosts { host_ids } => format!("hosts:{}", joined(host_ids)),
        Target::OsIn { platforms } => format!("os:{}", joined(platforms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0193b3a0-0000-7000-8000-000000000001";

    #[test]
    fn targets_are_read_and_written() {
        for text in ["all", &format!("hosts:{ID}"), &format!("hosts:{ID},{ID}"), "os:linux,darwin"]
        {
            assert_eq!(write(&parse(text).unwrap()), text);
        }
        assert_eq!(write(&parse(" os: linux , windows ").unwrap()), "os:linux,windows");
    }

    #[test]
    fn what_is_no_target_is_refused_and_never_widened() {
        for (text, part) in [
            ("", "is no target"),
            ("ALL", "is no target"),
            ("hosts", "is no target"),
            ("hosts:", "empty place"),
            ("os:", "empty place"),
            ("os:linux,", "empty place"),
            ("hosts:web-1", "is not a host id"),
            ("os:plan9", "linux, darwin, windows"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
