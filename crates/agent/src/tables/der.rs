// SPDX-License-Identifier: Apache-2.0
//! Just enough of DER (X.690) to take private keys apart: elements one after the other, with
//! every length checked against what is there. Certificates are read by a library instead.

/// Tag of a whole number.
pub const INTEGER: u8 = 0x02;
/// Tag of plain bytes.
pub const OCTET_STRING: u8 = 0x04;
/// Tag of an object identifier.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// Tag of a sequence.
pub const SEQUENCE: u8 = 0x30;

/// Elements that follow each other.
#[derive(Debug, Clone, Copy)]
pub struct Elements<'b>(&'b [u8]);

impl<'b> Elements<'b> {
    /// The elements in `bytes`.
    pub const fn new(bytes: &'b [u8]) -> Self {
        Self(bytes)
    }

    /// The next element's tag and content; `None` at the end or when the bytes are no DER.
    pub fn next(&mut self) -> Option<(u8, &'b [u8])> {
        let (tag, rest) = self.0.split_first()?;
        // Tags of several bytes do not occur in keys.
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (length, rest) = length(rest)?;
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }

    /// The next element, if it has this tag.
    pub fn expect(&mut self, tag: u8) -> Option<&'b [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// The elements inside the next one, if it is a sequence.
    pub fn sequence(&mut self) -> Option<Self> {
        self.expect(SEQUENCE).map(Self)
    }
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if *first < 0x80 {
        return Some((usize::from(*first), rest));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return None;
    }
    let (bytes, rest) = rest.split_at_checked(count)?;
    Some((bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest))
}

/// How many bits a positive whole number has, given its bytes, the highest first.
pub fn bits(number: &[u8]) -> usize {
    let number = match number.iter().position(|byte| *byte != 0) {
        None => return 0,
        Some(first) => &number[first..],
    };
    number.len() * 8 - number[0].leading_zeros() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_within_their_bounds() {
        let mut elements = Elements::new(&[0x30, 3, 2, 1, 5, 4, 0x81, 2, 7, 8, 6, 9]);
        let mut inner = elements.sequence().unwrap();
        assert_eq!(inner.expect(INTEGER), Some(&[5][..]));
        assert_eq!(inner.next(), None);
        assert_eq!(elements.expect(OCTET_STRING), Some(&[7, 8][..]));
        assert_eq!(elements.next(), None, "longer than the rest");
        for broken in [
            &[0x30][..],
            &[0x30, 0x80],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x85, 0, 0, 0, 0, 1, 0],
            &[0x1f, 1, 1],
        ] {
            assert_eq!(Elements::new(broken).next(), None, "{broken:?}");
        }
    }

    #[test]
    fn bits_do_not_count_leading_zeros() {
        for (number, expected) in
            [(&[][..], 0), (&[0, 0], 0), (&[1], 1), (&[0, 0x80], 8), (&[1, 0], 9)]
        {
            assert_eq!(bits(number), expected);
        }
    }
}
