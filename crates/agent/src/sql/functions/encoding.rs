// SPDX-License-Identifier: Apache-2.0
//! Base64, with osquery's leniency: line breaks and padding may be there or not, and what is no
//! base64 decodes to the empty text.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use rusqlite::{Connection, Result};

use super::PURE;
use super::args::{self, Text};

/// Reads without padding and with bits left over at the end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

pub fn register(db: &Connection) -> Result<()> {
    db.create_scalar_function("to_base64", 1, PURE, |context| {
        Ok(args::text(context, 0).map(|text| STANDARD.encode(text)))
    })?;
    db.create_scalar_function("from_base64", 1, PURE, |context| {
        Ok(args::text(context, 0).map(|text| Text(decoded(&text))))
    })?;
    db.create_scalar_function("conditional_to_base64", 1, PURE, |context| {
        Ok(args::text(context, 0).map(|text| match text.iter().all(|byte| is_printable(*byte)) {
            true => Text(text.into_owned()),
            false => Text::from(STANDARD.encode(text)),
        }))
    })
}

const fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(text.len());
    for (index, byte) in text.iter().enumerate() {
        match byte {
            b'\n' => {}
            b'\r' if text.get(index + 1) == Some(&b'\n') => {}
            other => clean.push(*other),
        }
    }
    let end = clean.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    clean.truncate(end);
    // Padding within the text counts as zero bits.
    clean.iter_mut().filter(|byte| **byte == b'=').for_each(|byte| *byte = b'A');
    LENIENT.decode(&clean).unwrap_or_default()
}
