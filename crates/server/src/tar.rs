// SPDX-License-Identifier: Apache-2.0
//! Small archives for download: a few texts in one directory, as a gzipped tar (POSIX ustar).
//! Names are the program's own and short; nothing large passes here.

use std::io::Write as _;

/// Bytes of a block: headers take one, contents are filled up to whole ones.
const BLOCK: usize = 512;
/// Longest name that a header holds in one piece.
const NAME_BYTES_MAX: usize = 100;

/// A file to pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'e> {
    /// Its path in the archive.
    pub path: &'e str,
    /// Its bits of permission.
    pub mode: u32,
    /// What is in it.
    pub content: &'e [u8],
}

/// Packs files; all are owned by root and were changed at `mtime_s` (seconds since 1970).
///
/// # Errors
/// When compressing fails.
///
/// # Panics
/// On a path of more than 100 bytes: a programmer's mistake.
pub fn tar_gz(entries: &[Entry<'_>], mtime_s: i64) -> std::io::Result<Vec<u8>> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for entry in entries {
        gzip.write_all(&header(entry, mtime_s))?;
        gzip.write_all(entry.content)?;
        let rest = entry.content.len() % BLOCK;
        gzip.write_all(&[0; BLOCK][..(BLOCK - rest) % BLOCK])?;
    }
    gzip.write_all(&[0; 2 * BLOCK])?;
    gzip.finish()
}

fn header(entry: &Entry<'_>, mtime_s: i64) -> [u8; BLOCK] {
    let name = entry.path.as_bytes();
    assert!((1..=NAME_BYTES_MAX).contains(&name.len()), "{} does not fit", entry.path);
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name);
    put(100, octal(entry.mode.into(), 7).as_bytes());
    put(108, octal(0, 7).as_bytes());
    put(116, octal(0, 7).as_bytes());
    put(124, octal(entry.content.len() as u64, 11).as_bytes());
    put(136, octal(u64::try_from(mtime_s).unwrap_or(0), 11).as_bytes());
    // The sum is taken with its own field as spaces.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    put(265, b"root");
    put(297, b"root");
    let sum = header.iter().map(|byte| u64::from(*byte)).sum();
    header[148..155].copy_from_slice(octal(sum, 6).as_bytes());
    header
}

/// A number as octal digits with a NUL behind them.
fn octal(number: u64, digits: usize) -> String {
    format!("{number:0digits$o}\0")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn blocks_are_whole_and_sums_are_right() {
        let entries = [
            Entry { path: "kit/a", mode: 0o600, content: b"secret\n" },
            Entry { path: "kit/empty", mode: 0o644, content: b"" },
            Entry { path: "kit/full", mode: 0o755, content: &[b'x'; 512] },
        ];
        let packed = tar_gz(&entries, 1_700_000_000).unwrap();
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&*packed).read_to_end(&mut plain).unwrap();
        assert_eq!(plain.len(), 512 * (2 + 1 + 2 + 2));
        for at in [0, 1024, 1536] {
            let header = &plain[at..at + 512];
            let written = std::str::from_utf8(&header[148..154]).unwrap();
            let blank = |(place, byte): (usize, &u8)| {
                if (148..156).contains(&place) { 32 } else { u32::from(*byte) }
            };
            let sum: u32 = header.iter().enumerate().map(blank).sum();
            assert_eq!(u32::from_str_radix(written, 8).unwrap(), sum);
        }
        assert_eq!(&plain[100..108], b"0000600\0");
        assert_eq!(&plain[124..136], b"00000000007\0");
        assert_eq!(&plain[512..519], b"secret\n");
    }
}
