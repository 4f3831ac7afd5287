// SPDX-License-Identifier: Apache-2.0
//! Paths of files and keys of the Windows registry: what they look like and how they are written.
//! Whether something exists there is not known here.

/// Folders that differ from machine to machine or from user to user; Windows' names for them.
pub(super) const VARIABLES: &[&str] = &[
    "ALLUSERSPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PROGRAMFILES(X86)",
    "PUBLIC",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "WINDIR",
];

/// Hives, short and long. The short form comes first; the long form is the normal one.
const HIVES: &[(&str, &str)] = &[
    ("HKLM", "HKEY_LOCAL_MACHINE"),
    ("HKCU", "HKEY_CURRENT_USER"),
    ("HKCR", "HKEY_CLASSES_ROOT"),
    ("HKU", "HKEY_USERS"),
    ("HKCC", "HKEY_CURRENT_CONFIG"),
];

/// Which system a path belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `C:\…`, `\\server\share\…`, `%APPDATA%\…`.
    Windows,
    /// `/…` or `~/…`.
    Unix,
}

/// The style of a path that is written in full; `None` when it is none.
pub(super) fn style(text: &str) -> Option<Style> {
    let bytes = text.as_bytes();
    let is_drive = bytes.len() >= 3
        && bytes[0].is_ascii_alphabetic()
        && bytes[1] == b':'
        && matches!(bytes[2], b'\\' | b'/');
    let is_unc = text.starts_with(r"\\") && text.len() > 2;
    let is_device = text.starts_with(r"\??\");
    if is_drive || is_unc || is_device || variable(text).is_some() {
        return Some(Style::Windows);
    }
    let is_home = text.starts_with("~/") || text.starts_with("$HOME/");
    (is_home || text.starts_with('/')).then_some(Style::Unix)
}

/// Whether a text is a path or a key, so that its backslashes and parentheses mean themselves.
pub(super) fn looks_like_path(text: &str) -> bool {
    style(text).is_some() || split_hive(text).is_some()
}

/// The variable at the beginning of `%NAME%\…` or `$env:NAME\…`, and what follows.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = if let Some(after) = text.strip_prefix('%') {
        after.split_once('%')?
    } else {
        let head = text.get(..5).filter(|head| head.eq_ignore_ascii_case("$env:"))?;
        let after = &text[head.len()..];
        after.split_at(after.find(['\\', '/'])?)
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '(' | ')');
    let fits = !name.is_empty() && name.chars().all(is_name) && rest.starts_with(['\\', '/']);
    fits.then_some((name, rest))
}

/// The normal form of a path.
///
/// # Errors
/// Why it is none, in words.
pub(super) fn normalise(text: &str) -> Result<String, String> {
    if text.contains(['*', '?']) && !text.starts_with(r"\\?\") && !text.starts_with(r"\??\") {
        return Err("Patterns such as `*` are not looked for; give the whole path. `~/` and \
                    `%USERPROFILE%\\` stand for every user's home."
            .to_owned());
    }
    match style(text) {
        Some(Style::Windows) => windows(text),
        Some(Style::Unix) => unix(text),
        None => Err("A path begins with a drive (`C:\\`), `\\\\server\\`, `%APPDATA%\\` or a \
                     similar variable, `/` or `~/`."
            .to_owned()),
    }
}

fn windows(text: &str) -> Result<String, String> {
    let text = text.strip_prefix(r"\??\").unwrap_or(text);
    let text = match text.get(..4) {
        Some(head) if head.replace('/', "\\") == r"\\?\" => match text[4..].get(..4) {
            Some(unc) if unc.eq_ignore_ascii_case(r"UNC\") => format!(r"\\{}", &text[8..]),
            _ => text[4..].to_owned(),
        },
        _ => text.to_owned(),
    };
    let (root, rest) = if let Some((name, rest)) = variable(&text) {
        let name = name.to_ascii_uppercase();
        if !VARIABLES.contains(&name.as_str()) {
            return Err(format!(
                "`%{name}%` is not a folder that can be looked for; use one of {}.",
                VARIABLES.join(", ")
            ));
        }
        (format!("%{name}%"), rest.to_owned())
    } else if text.starts_with(r"\\") {
        (r"\".to_owned(), text[1..].to_owned())
    } else {
        let mut chars = text.chars();
        let drive = chars.next().filter(char::is_ascii_alphabetic);
        let (Some(drive), Some(':')) = (drive, chars.next()) else {
            return Err("What follows the prefix is not a path with a drive.".to_owned());
        };
        (format!("{}:", drive.to_ascii_uppercase()), chars.as_str().to_owned())
    };
    let segments = segments(&rest, &['\\', '/'])?;
    if segments.is_empty() {
        return Ok(format!("{root}\\"));
    }
    Ok(format!("{root}\\{}", segments.join("\\")))
}

fn unix(text: &str) -> Result<String, String> {
    let home = text.strip_prefix("~/").or_else(|| text.strip_prefix("$HOME/"));
    let segments = segments(home.unwrap_or(text), &['/'])?;
    let root = if home.is_some() { "~/" } else { "/" };
    Ok(format!("{root}{}", segments.join("/")))
}

fn segments<'a>(text: &'a str, separators: &[char]) -> Result<Vec<&'a str>, String> {
    let segments: Vec<_> =
        text.split(separators).filter(|part| !part.is_empty() && *part != ".").collect();
    if segments.contains(&"..") {
        return Err("The path goes up with `..`; give it in full.".to_owned());
    }
    Ok(segments)
}

/// The long form of the hive a key begins with, and what follows its separator.
pub(super) fn split_hive(text: &str) -> Option<(&'static str, &str)> {
    let strip = |text: &'_ str, head: &str| -> Option<usize> {
        let start = text.get(..head.len())?;
        start.eq_ignore_ascii_case(head).then_some(head.len())
    };
    let text = strip(text, r"Computer\").map_or(text, |at| &text[at..]);
    for (native, long) in
        [(r"\REGISTRY\MACHINE", "HKEY_LOCAL_MACHINE"), (r"\REGISTRY\USER", "HKEY_USERS")]
    {
        if let Some(rest) = strip(text, native).and_then(|at| after_separator(&text[at..])) {
            return Some((long, rest));
        }
    }
    let names = HIVES.iter().flat_map(|(short, long)| [(*long, *long), (*short, *long)]);
    names.into_iter().find_map(|(name, long)| {
        let at = strip(text, name)?;
        let rest = text[at..].strip_prefix(':').unwrap_or(&text[at..]);
        after_separator(rest).map(|rest| (long, rest))
    })
}

fn after_separator(text: &str) -> Option<&str> {
    if text.is_empty() { Some(text) } else { text.strip_prefix(['\\', '/']) }
}

/// The normal form of a registry key or value: the hive in its long form, single backslashes.
///
/// # Errors
/// Why it is none, in words.
pub(super) fn normalise_key(text: &str) -> Result<String, String> {
    let Some((hive, rest)) = split_hive(text) else {
        return Err("A registry key begins with its hive, such as `HKLM\\` or \
                    `HKEY_CURRENT_USER\\`."
            .to_owned());
    };
    // A slash may be part of a key's name, unless the whole key is written with slashes.
    let rest = if rest.contains('\\') { rest.to_owned() } else { rest.replace('/', "\\") };
    if rest.contains('*') {
        return Err("Patterns such as `*` are not looked for; give the whole key.".to_owned());
    }
    let names: Vec<_> = rest.split('\\').filter(|part| !part.is_empty()).collect();
    Ok(std::iter::once(hive).chain(names).collect::<Vec<_>>().join("\\"))
}
