// SPDX-License-Identifier: Apache-2.0
//! The firmware's description of the machine (SMBIOS, DMTF DSP0134), as the kernel shows it to
//! root: its structures, their bytes and their strings. What the kinds mean is told by the
//! tables.

use std::path::Path;

use super::read;
use crate::limits::PROC_FILE_BYTES_MAX;

const TABLE: &str = "/sys/firmware/dmi/tables/DMI";
/// Type, length and handle.
const HEADER_BYTES: usize = 4;
/// The type of the structure behind which there are none.
const END_OF_TABLE: u8 = 127;

/// One structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    /// The type.
    pub kind: u8,
    /// Header and fixed part.
    fixed: Vec<u8>,
    strings: Vec<String>,
}

impl Structure {
    /// The byte at an offset of the specification; `None` in a structure of an older version.
    pub fn byte(&self, at: usize) -> Option<u8> {
        self.fixed.get(at).copied()
    }

    /// The 16-bit number at an offset.
    pub fn word(&self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte(at)?, self.byte(at + 1)?]))
    }

    /// The string whose number is at an offset, without blanks around it.
    pub fn string(&self, at: usize) -> Option<&str> {
        let number = usize::from(self.byte(at)?);
        Some(self.strings.get(number.checked_sub(1)?)?.trim())
    }
}

/// All structures of this machine; none where there is no description or it is not readable.
pub fn structures() -> Vec<Structure> {
    parse(&read::bytes(Path::new(TABLE), PROC_FILE_BYTES_MAX).unwrap_or_default())
}

/// Structures one after another: the fixed part with its length in byte 1, then strings that
/// end with a NUL, then another NUL; two NULs where there are no strings.
fn parse(table: &[u8]) -> Vec<Structure> {
    let mut structures = Vec::new();
    let mut rest = table;
    while let [kind, length, ..] = *rest {
        let length = usize::from(length);
        if length < HEADER_BYTES || kind == END_OF_TABLE {
            break;
        }
        let Some((fixed, after)) = rest.split_at_checked(length) else { break };
        let Some(end) = after.windows(2).position(|pair| pair == [0, 0]) else { break };
        let strings = after[..end].split(|byte| *byte == 0).filter(|text| !text.is_empty());
        let strings = strings.map(|text| String::from_utf8_lossy(text).into_owned()).collect();
        structures.push(Structure { kind, fixed: fixed.to_owned(), strings });
        rest = &after[end + 2..];
    }
    structures
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A structure as the firmware writes it; `fixed` follows the header.
    pub fn written(kind: u8, fixed: &[u8], strings: &[&str]) -> Vec<u8> {
        let length = u8::try_from(HEADER_BYTES + fixed.len()).unwrap();
        let mut bytes = vec![kind, length, 0, 0];
        bytes.extend_from_slice(fixed);
        for text in strings {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        bytes.extend_from_slice(if strings.is_empty() { &[0, 0] } else { &[0] });
        bytes
    }

    /// The structure that was written.
    pub fn structure(bytes: &[u8]) -> Structure {
        parse(bytes).remove(0)
    }

    #[test]
    fn structures_with_and_without_strings() {
        let table = [
            written(1, &[1, 2, 0, 9], &["Acme ", "Model"]),
            written(4, &[0x34, 0x12], &[]),
            written(END_OF_TABLE, &[], &[]),
            written(5, &[], &[]),
        ]
        .concat();
        let found = parse(&table);
        assert_eq!(found.len(), 2);
        let strings: Vec<_> = (4..9).map(|at| found[0].string(at)).collect();
        assert_eq!(strings, [Some("Acme"), Some("Model"), None, None, None]);
        assert_eq!(
            (found[1].word(4), found[1].word(5), found[1].byte(9)),
            (Some(0x1234), None, None)
        );
    }

    #[test]
    fn broken_tables_end_where_they_break() {
        let good = written(1, &[1], &["x"]);
        for tail in [&[4_u8][..], &[4, 3, 0, 0], &[4, 200, 0, 0], &[4, 4, 0, 0, b'a', 0]] {
            assert_eq!(parse(&[&good, tail].concat()).len(), 1, "{tail:?}");
        }
        assert!(parse(&[]).is_empty() && parse(&[0; 64]).is_empty());
    }
}
