// SPDX-License-Identifier: Apache-2.0
//! Names in certificates as text, in the two forms that OpenSSL prints and osquery shows.

use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::asn1::{Any, ObjectIdentifier};
use x509_cert::der::{Tag, Tagged};
use x509_cert::name::Name;

/// OpenSSL's short names of the attributes that occur in names.
const SHORT_NAMES: [(&str, &str); 32] = [
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.2.840.113549.1.9.2", "unstructuredName"),
    ("1.2.840.113549.1.9.8", "unstructuredAddress"),
    ("1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL"),
    ("1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC"),
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.16", "postalAddress"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.20", "telephoneNumber"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "GN"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.45", "x500UniqueIdentifier"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("2.5.4.72", "role"),
    ("2.5.4.97", "organizationIdentifier"),
];

const COMMON_NAME: &str = "2.5.4.3";
/// Tag of a text of four bytes a character, which the library has no name for.
const UNIVERSAL_STRING: u8 = 0x1c;

/// The older form: `/C=DE/CN=name`, with `+` between attributes of one part, and as OpenSSL 3 does
/// it: both signs escaped within values. Bytes that are not printable ASCII show as `\xHH`.
pub fn one_line(name: &Name) -> String {
    let mut line = String::new();
    for part in &name.0 {
        for (index, attribute) in part.0.iter().enumerate() {
            line.push(if index == 0 { '/' } else { '+' });
            line.push_str(&short_name(&attribute.oid));
            line.push('=');
            for byte in attribute.value.value() {
                match byte {
                    b'/' | b'+' => line.extend(['\\', char::from(*byte)]),
                    b' '..=b'~' => line.push(char::from(*byte)),
                    _ => line.push_str(&format!("\\x{byte:02X}")),
                }
            }
        }
    }
    line
}

/// The newer form: `C = DE, CN = name`, values in quotes where a character needs it.
pub fn spaced(name: &Name) -> String {
    let parts = name.0.iter().map(|part| {
        let attributes = part.0.iter().map(attribute_spaced);
        attributes.collect::<Vec<_>>().join(" + ")
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// The first common name; empty when there is none.
pub fn common_name(name: &Name) -> String {
    let mut attributes = name.0.iter().flat_map(|part| part.0.iter());
    let found = attributes.find(|attribute| attribute.oid.to_string() == COMMON_NAME);
    found.map(|attribute| text(&attribute.value)).unwrap_or_default()
}

fn short_name(identifier: &ObjectIdentifier) -> String {
    let dotted = identifier.to_string();
    let known = SHORT_NAMES.iter().find(|(known, _)| *known == dotted);
    known.map_or(dotted.clone(), |(_, name)| (*name).to_owned())
}

fn attribute_spaced(attribute: &AttributeTypeAndValue) -> String {
    let value = match is_text(&attribute.value) {
        true => quoted(&text(&attribute.value)),
        // What is no text shows as its encoding.
        false => format!("#{}", encoding(&attribute.value)),
    };
    format!("{} = {value}", short_name(&attribute.oid))
}

/// RFC 2253 with quotes in the place of backslashes; bytes that are not ASCII, or control
/// characters, show as `\HH`.
fn quoted(text: &str) -> String {
    let needs_quotes = text.contains([',', '+', ';', '<', '>'])
        || text.starts_with(['#', ' '])
        || text.ends_with(' ');
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => escaped.extend(['\\', char::from(byte)]),
            b' '..=b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("\\{byte:02X}")),
        }
    }
    if needs_quotes { format!("\"{escaped}\"") } else { escaped }
}

fn encoding(value: &Any) -> String {
    use x509_cert::der::Encode;
    value.to_der().map(hex::encode_upper).unwrap_or_default()
}

fn is_text(value: &Any) -> bool {
    matches!(
        value.tag(),
        Tag::Utf8String
            | Tag::PrintableString
            | Tag::Ia5String
            | Tag::TeletexString
            | Tag::VisibleString
            | Tag::NumericString
            | Tag::BmpString
    ) || u8::from(value.tag()) == UNIVERSAL_STRING
}

/// The value as text. What is not proper text of its kind is read as well as it can be.
fn text(value: &Any) -> String {
    let bytes = value.value();
    match value.tag() {
        Tag::Utf8String => String::from_utf8_lossy(bytes).into_owned(),
        Tag::BmpString => {
            let units = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_be_bytes(*unit));
            char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        }
        // The others are one byte a character; OpenSSL takes them for Latin 1.
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn values_are_quoted_where_they_must() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a=b", "a=b"),
            ("a, b", "\"a, b\""),
            ("#x", "\"#x\""),
            ("x#", "x#"),
            (" x", "\" x\""),
            ("x ", "\"x \""),
            ("a\"b\\c", "a\\\"b\\\\c"),
            ("\u{151}\n", "\\C5\\91\\0A"),
            ("", ""),
        ] {
            assert_eq!(quoted(text), expected, "{text}");
        }
    }
}
