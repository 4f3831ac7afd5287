// SPDX-License-Identifier: Apache-2.0
//! Looking at JSON text many bytes at a time: where a string's ordinary run ends, and whether a
//! row is spelled already as it is stored. It decides nothing about rows that are spelled
//! otherwise; the parser reads those.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// How many bytes at the start are neither a quote, a backslash nor a control character.
#[inline]
pub fn plain_run(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(eight) = bytes.get(at..at + 8).and_then(|part| part.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*eight);
        // A byte that is zero, or less than 0x20, borrows from its highest bit. What a borrow
        // makes of the bytes above it does not matter: the lowest hit is right, and it counts.
        let zero = |word: u64| word.wrapping_sub(ONES) & !word;
        let control = word.wrapping_sub(ONES * 0x20) & !word;
        let quote = zero(word ^ (ONES * 0x22));
        let backslash = zero(word ^ (ONES * 0x5C));
        let hit = (control | quote | backslash) & HIGH;
        if hit != 0 {
            return at + (hit.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let rest = &bytes[at..];
    at + rest.iter().position(special).unwrap_or(rest.len())
}

/// Whether a row is an object of strings without a space between, with no escape but those that
/// are written for the same character: then it is stored as it came.
pub(super) fn is_stored_form(row: &[u8]) -> bool {
    if row == b"{}" {
        return true;
    }
    if row.first() != Some(&b'{') {
        return false;
    }
    let mut at = 1;
    loop {
        let Some(colon) = behind_string(row, at) else { return false };
        if row.get(colon) != Some(&b':') {
            return false;
        }
        let Some(end) = behind_string(row, colon + 1) else { return false };
        match row.get(end) {
            Some(b',') => at = end + 1,
            Some(b'}') => return end + 1 == row.len(),
            _ => return false,
        }
    }
}

/// The place behind the string that begins at `at`.
fn behind_string(row: &[u8], at: usize) -> Option<usize> {
    if row.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at + 1;
    loop {
        at += plain_run(row.get(at..)?);
        match (row.get(at)?, row.get(at + 1)) {
            (b'"', _) => return Some(at + 1),
            (b'\\', Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't')) => at += 2,
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_at_each_special_byte_wherever_it_stands() {
        for length in 0..40 {
            for special in (0_u8..0x20).chain([b'"', b'\\']) {
                let mut bytes = vec![b'x'; length];
                bytes.push(special);
                bytes.extend([b'"', 0xFF, 0x00, b'x', 0x7F, 0x80, b'!', b'#', b'[', b']']);
                assert_eq!(plain_run(&bytes), length, "{special}");
            }
            for plain in (0x20_u8..=0xFF).filter(|byte| !b"\"\\".contains(byte)) {
                assert_eq!(plain_run(&vec![plain; length]), length, "{plain}");
            }
        }
    }

    #[test]
    fn only_rows_spelled_as_stored_are_taken_as_they_are() {
        for good in [r#"{}"#, r#"{"a":""}"#, r#"{"a":"\\\"\n\t","ü":"é"}"#, r#"{"":"x","":"y"}"#]
        {
            assert!(is_stored_form(good.as_bytes()), "{good}");
        }
        for other in [
            "",
            "{",
            "[]",
            "{ }",
            r#"{"a":1}"#,
            r#"{"a": "1"}"#,
            r#"{"a":"1"} "#,
            r#"{"a":"\/"}"#,
            r#"{"a":"\u0041"}"#,
            r#"{"a":"1",}"#,
            r#"{"a":"1""#,
            r#"{"a":"\"#,
            r#"{"a":"1"}{}"#,
            r#"{"a":{"b":"c"}}"#,
            r#"{"a":null}"#,
            r#"{"a"}"#,
        ] {
            assert!(!is_stored_form(other.as_bytes()), "{other}");
        }
    }
}
