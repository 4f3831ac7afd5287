// SPDX-License-Identifier: Apache-2.0
//! Numbers and texts at offsets of binary records that the kernel or the C library wrote, in
//! the byte order of the machine. Past the end of a record there is nothing, never a panic.

/// The 16-bit number at an offset.
pub fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The 32-bit number at an offset.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The 64-bit number at an offset.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The text in a field of `length` bytes; it ends at a NUL or fills the field. Bytes that are
/// not UTF-8 become U+FFFD.
pub fn text_at(bytes: &[u8], at: usize, length: usize) -> Option<String> {
    let field = bytes.get(at..)?.get(..length)?;
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(length);
    Some(String::from_utf8_lossy(&field[..end]).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_end_is_nothing() {
        let bytes = [1_u8, 2, 3, 4];
        assert_eq!(u16_at(&bytes, 2), Some(u16::from_ne_bytes([3, 4])));
        assert_eq!(u32_at(&bytes, 0), Some(u32::from_ne_bytes(bytes)));
        assert_eq!((u16_at(&bytes, 3), u32_at(&bytes, 1)), (None, None));
        assert_eq!((u64_at(&bytes, 0), u16_at(&bytes, usize::MAX)), (None, None));
    }

    #[test]
    fn texts_end_at_a_nul_or_with_their_field() {
        assert_eq!(text_at(b"ab\0cd", 0, 5).as_deref(), Some("ab"));
        assert_eq!(text_at(b"abcd", 1, 2).as_deref(), Some("bc"));
        assert_eq!(text_at(b"\xff", 0, 1).as_deref(), Some("\u{fffd}"));
        assert_eq!((text_at(b"ab", 1, 2), text_at(b"ab", usize::MAX, 1)), (None, None));
    }
}
