// SPDX-License-Identifier: Apache-2.0
//! The header of an RPM package as RPM's database keeps it (RPM's `docs/manual/format_header.md`):
//! a count of entries and a length of data, an index of 16 bytes an entry, and the data. Every
//! offset is checked against what is there; what is broken reads as missing.

/// The tags that tables show (RPM's `rpmtag.h`).
pub mod tag {
    /// Digest of the header, hex.
    pub const SHA1HEADER: u32 = 269;
    /// Name.
    pub const NAME: u32 = 1000;
    /// Version.
    pub const VERSION: u32 = 1001;
    /// Release.
    pub const RELEASE: u32 = 1002;
    /// Epoch.
    pub const EPOCH: u32 = 1003;
    /// Unix seconds of installation.
    pub const INSTALLTIME: u32 = 1008;
    /// Bytes of all files.
    pub const SIZE: u32 = 1009;
    /// Vendor.
    pub const VENDOR: u32 = 1011;
    /// Group.
    pub const GROUP: u32 = 1016;
    /// Architecture.
    pub const ARCH: u32 = 1022;
    /// Source package.
    pub const SOURCERPM: u32 = 1044;
    /// Bytes of all files, where they take more than 32 bits.
    pub const LONGSIZE: u32 = 5009;
}

const ENTRY_BYTES: usize = 16;
/// RPM's own bound of entries.
const ENTRIES_MAX: usize = 65_535;

const INT8: u32 = 2;
const INT16: u32 = 3;
const INT32: u32 = 4;
const INT64: u32 = 5;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// A header, its index read.
pub struct Header<'b> {
    entries: Vec<Entry>,
    data: &'b [u8],
}

struct Entry {
    tag: u32,
    kind: u32,
    offset: usize,
}

impl<'b> Header<'b> {
    /// Reads the index; `None` when its sizes do not fit the bytes.
    pub fn parse(bytes: &'b [u8]) -> Option<Self> {
        let (count, rest) = number(bytes)?;
        let (length, rest) = number(rest)?;
        if count > ENTRIES_MAX {
            return None;
        }
        let (index, rest) = rest.split_at_checked(count * ENTRY_BYTES)?;
        let data = rest.get(..length)?;
        let entry = |entry: &[u8; ENTRY_BYTES]| {
            let field = |at: usize| {
                u32::from_be_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]])
            };
            // Negative offsets, which regions have, become too large for any data.
            Entry { tag: field(0), kind: field(4), offset: field(8) as usize }
        };
        let entries = index.as_chunks::<ENTRY_BYTES>().0.iter().map(entry).collect();
        Some(Self { entries, data })
    }

    /// Type and data of a tag. Of several entries the last counts: what was added at installation
    /// stands behind what the package brought.
    fn find(&self, tag: u32) -> Option<(u32, &'b [u8])> {
        let entry = self.entries.iter().rev().find(|entry| entry.tag == tag)?;
        Some((entry.kind, self.data.get(entry.offset..)?))
    }

    /// A text, or the first of several; bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self, tag: u32) -> Option<String> {
        let (kind, data) = self.find(tag)?;
        let end = data.iter().position(|byte| *byte == 0)?;
        let is_text = matches!(kind, STRING | STRING_ARRAY | I18N_STRING);
        is_text.then(|| String::from_utf8_lossy(&data[..end]).into_owned())
    }

    /// A number, or the first of several.
    pub fn number(&self, tag: u32) -> Option<u64> {
        let (kind, data) = self.find(tag)?;
        let bytes = match kind {
            INT8 => 1,
            INT16 => 2,
            INT32 => 4,
            INT64 => 8,
            _ => return None,
        };
        let bytes = data.get(..bytes)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_be_bytes(*number)).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header from tags with their types and data.
    fn header(entries: &[(u32, u32, &[u8])]) -> Vec<u8> {
        let (mut index, mut data) = (Vec::new(), Vec::new());
        for (tag, kind, content) in entries {
            for field in [*tag, *kind, u32::try_from(data.len()).unwrap(), 1] {
                index.extend(field.to_be_bytes());
            }
            data.extend(*content);
        }
        let sizes = [entries.len(), data.len()].map(|size| u32::try_from(size).unwrap());
        let sizes = sizes.map(u32::to_be_bytes).concat();
        [sizes, index, data].concat()
    }

    #[test]
    fn tags_have_texts_and_numbers() {
        let bytes = header(&[
            (tag::NAME, STRING, b"bash\0"),
            (tag::SIZE, INT32, &[0, 0, 1, 0]),
            (tag::LONGSIZE, INT64, &[0, 0, 0, 1, 0, 0, 0, 0]),
            (tag::GROUP, I18N_STRING, b"Shells\0Mehr\0"),
            (tag::VERSION, STRING, b"1\0"),
            (tag::VERSION, STRING, b"2\0"),
            (tag::VENDOR, STRING, b"\xff\0"),
        ]);
        let header = Header::parse(&bytes).unwrap();
        assert_eq!(header.text(tag::NAME).as_deref(), Some("bash"));
        assert_eq!(header.text(tag::GROUP).as_deref(), Some("Shells"));
        assert_eq!(header.text(tag::VERSION).as_deref(), Some("2"));
        assert_eq!(header.text(tag::VENDOR).as_deref(), Some("\u{fffd}"));
        assert_eq!((header.number(tag::SIZE), header.text(tag::SIZE)), (Some(256), None));
        assert_eq!(header.number(tag::LONGSIZE), Some(1 << 32));
        assert_eq!((header.number(tag::NAME), header.text(tag::ARCH)), (None, None));
    }

    #[test]
    fn broken_headers_read_as_missing() {
        let good = header(&[(tag::NAME, STRING, b"bash\0"), (tag::SIZE, INT32, &[0, 0, 1, 0])]);
        for cut in 0..good.len() {
            assert!(Header::parse(&good[..cut]).is_none(), "{cut}");
        }
        // Every byte changed in turn: nothing is read beyond the end.
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0xff;
            if let Some(header) = Header::parse(&bytes) {
                for tag in [tag::NAME, tag::SIZE] {
                    drop((header.text(tag), header.number(tag)));
                }
            }
        }
        let endless = header(&[(tag::NAME, STRING, b"bash")]);
        assert_eq!(Header::parse(&endless).unwrap().text(tag::NAME), None);
    }
}
