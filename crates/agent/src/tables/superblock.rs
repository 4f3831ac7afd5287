// SPDX-License-Identifier: Apache-2.0
//! What the first bytes of a block device say it holds: the common file systems, swap, and
//! what carries volumes. And the cipher of an encrypted volume, from the LUKS header.
//!
//! This stands in where udev has not looked at a device (containers, small systems); it knows
//! fewer formats than libblkid. It reads at most 68 KiB, or 4 MiB of a LUKS header.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::OFlag;

use serde_json::Value;
use uuid::Uuid;

use super::record::text_at;
use crate::limits::LUKS_HEADER_BYTES_MAX;

/// Up to the end of the superblock of btrfs, which is furthest behind.
const PROBE_BYTES: u64 = 68 * 1024;
const BTRFS: usize = 64 * 1024;
const EXT: usize = 1024;
const LUKS_MAGIC: &[u8] = b"LUKS\xba\xbe";
/// Where the JSON of a LUKS2 header begins.
const LUKS2_JSON: usize = 4096;
/// Sizes of a page, at whose end the mark of swap is.
const PAGES: [usize; 3] = [4096, 16_384, 65_536];

/// What a device holds, in the words of libblkid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// The kind, such as `ext4`.
    pub kind: Option<String>,
    /// Its id.
    pub uuid: Option<String>,
    /// Its label.
    pub label: Option<String>,
}

/// Looks at a device; `None` when it cannot be read or holds nothing known.
pub fn probe(device: &Path) -> Option<Content> {
    let mut start = Vec::new();
    open(device)?.take(PROBE_BYTES).read_to_end(&mut start).ok()?;
    content(&start)
}

/// Opens a block device without waiting for a medium, and nothing else.
fn open(device: &Path) -> Option<File> {
    if !fs::metadata(device).ok()?.file_type().is_block_device() {
        return None;
    }
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits()).open(device).ok()?;
    file.metadata().ok()?.file_type().is_block_device().then_some(file)
}

fn content(start: &[u8]) -> Option<Content> {
    let found = [luks, lvm, xfs, btrfs, ext, swap, squashfs, fat];
    found.iter().find_map(|look| look(start))
}

fn new(kind: &str, uuid: Option<String>, label: Option<String>) -> Option<Content> {
    Some(Content { kind: Some(kind.to_owned()), uuid, label })
}

fn has(start: &[u8], at: usize, magic: &[u8]) -> bool {
    start.get(at..at + magic.len()) == Some(magic)
}

fn word(start: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(start.get(at..at + 4)?.try_into().ok()?))
}

/// A UUID of 16 bytes; all zeros are none.
fn uuid(start: &[u8], at: usize) -> Option<String> {
    let id = Uuid::from_slice(start.get(at..at + 16)?).ok()?;
    (!id.is_nil()).then(|| id.to_string())
}

/// A text that ends at a NUL or fills its field; an empty one is none.
fn text(start: &[u8], at: usize, length: usize) -> Option<String> {
    let text = text_at(start, at, length)?;
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

fn luks(start: &[u8]) -> Option<Content> {
    if !has(start, 0, LUKS_MAGIC) {
        return None;
    }
    let label = (luks_version(start) == Some(2)).then(|| text(start, 24, 48)).flatten();
    new("crypto_LUKS", text(start, 168, 40), label)
}

/// A physical volume: its label is in one of the first four sectors and says where the id is.
fn lvm(start: &[u8]) -> Option<Content> {
    let sector = (0..4).map(|sector| sector * 512).find(|at| has(start, *at, b"LABELONE"))?;
    if !has(start, sector + 24, b"LVM2 001") {
        return None;
    }
    let at = sector + word(start, sector + 20)? as usize;
    let id = text(start, at, 32).filter(|id| id.len() == 32 && id.is_ascii());
    let mut groups = Vec::new();
    let mut rest = id.as_deref().unwrap_or_default();
    for length in [6, 4, 4, 4, 4, 4, 6] {
        let Some((group, after)) = rest.split_at_checked(length) else { break };
        groups.push(group);
        rest = after;
    }
    new("LVM2_member", id.is_some().then(|| groups.join("-")), None)
}

fn xfs(start: &[u8]) -> Option<Content> {
    has(start, 0, b"XFSB").then(|| new("xfs", uuid(start, 32), text(start, 108, 12)))?
}

fn btrfs(start: &[u8]) -> Option<Content> {
    let found = has(start, BTRFS + 64, b"_BHRfS_M");
    found.then(|| new("btrfs", uuid(start, BTRFS + 32), text(start, BTRFS + 299, 256)))?
}

/// The generations differ by the features they allow: a journal makes ext3, anything that ext3
/// does not know makes ext4.
fn ext(start: &[u8]) -> Option<Content> {
    const JOURNAL: u32 = 0x4;
    const INCOMPATIBLE_OF_EXT3: u32 = 0x2 | 0x4 | 0x10;
    const READ_ONLY_OF_EXT3: u32 = 0x1 | 0x2 | 0x4;
    if !has(start, EXT + 56, &[0x53, 0xef]) {
        return None;
    }
    let features = |at| word(start, EXT + at);
    let (compatible, incompatible, read_only) = (features(92)?, features(96)?, features(100)?);
    let is_newer = incompatible & !INCOMPATIBLE_OF_EXT3 != 0 || read_only & !READ_ONLY_OF_EXT3 != 0;
    let kind = match (is_newer, compatible & JOURNAL != 0) {
        (true, _) => "ext4",
        (false, true) => "ext3",
        (false, false) => "ext2",
    };
    new(kind, uuid(start, EXT + 104), text(start, EXT + 120, 16))
}

fn swap(start: &[u8]) -> Option<Content> {
    let found = PAGES.iter().any(|page| has(start, page - 10, b"SWAPSPACE2"));
    found.then(|| new("swap", uuid(start, 1036), text(start, 1052, 16)))?
}

fn squashfs(start: &[u8]) -> Option<Content> {
    has(start, 0, b"hsqs").then(|| new("squashfs", None, None))?
}

fn fat(start: &[u8]) -> Option<Content> {
    if !has(start, 510, &[0x55, 0xaa]) {
        return None;
    }
    let (id, label) = match start {
        _ if has(start, 82, b"FAT32   ") => (67, 71),
        _ if has(start, 54, b"FAT1") => (39, 43),
        _ => return None,
    };
    let id = word(start, id)?;
    let label = text(start, label, 11).filter(|label| label != "NO NAME");
    new("vfat", Some(format!("{:04X}-{:04X}", id >> 16, id & 0xffff)), label)
}

fn luks_version(start: &[u8]) -> Option<u16> {
    let version = start.get(6..8)?.try_into().ok()?;
    has(start, 0, LUKS_MAGIC).then(|| u16::from_be_bytes(version))
}

/// Cipher and mode of a LUKS volume, such as `aes-xts-plain64`, from its own header; `None`
/// when the header is elsewhere or cannot be read.
pub fn luks_cipher(device: &Path) -> Option<String> {
    cipher(&luks_header(open(device)?)?)
}

/// The header as far as the cipher needs it.
fn luks_header(mut device: impl Read) -> Option<Vec<u8>> {
    let mut header = vec![0; LUKS2_JSON];
    device.read_exact(&mut header).ok()?;
    if luks_version(&header)? == 2 {
        let size = u64::from_be_bytes(header.get(8..16)?.try_into().ok()?);
        let rest = size.min(LUKS_HEADER_BYTES_MAX).checked_sub(header.len() as u64)?;
        device.take(rest).read_to_end(&mut header).ok()?;
    }
    Some(header)
}

fn cipher(header: &[u8]) -> Option<String> {
    if luks_version(header)? == 1 {
        return Some(format!("{}-{}", text(header, 8, 32)?, text(header, 40, 32)?));
    }
    let json = header.get(LUKS2_JSON..)?;
    let end = json.iter().position(|byte| *byte == 0).unwrap_or(json.len());
    let json: Value = serde_json::from_slice(&json[..end]).ok()?;
    let encryption = |segment: &Value| Some(segment.get("encryption")?.as_str()?.to_owned());
    json.get("segments")?.as_object()?.values().find_map(encryption)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(parts: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; 68 * 1024];
        for (at, content) in parts {
            bytes[*at..at + content.len()].copy_from_slice(content);
        }
        bytes
    }

    fn shown(bytes: &[u8]) -> (String, String, String) {
        let found = content(bytes).unwrap_or_default();
        let text = |part: Option<String>| part.unwrap_or_default();
        (text(found.kind), text(found.uuid), text(found.label))
    }

    const ID: &[u8] = &[0x12; 16];
    const ID_TEXT: &str = "12121212-1212-1212-1212-121212121212";

    #[test]
    fn file_systems() {
        let ext = |kind: &[(usize, &[u8])]| {
            let base: [(usize, &[u8]); 3] =
                [(1024 + 56, &[0x53, 0xef]), (1024 + 104, ID), (1024 + 120, b"root")];
            shown(&device(&[base.as_slice(), kind].concat()))
        };
        for (features, kind) in [
            (&[][..], "ext2"),
            (&[(1024 + 92, &[4_u8][..])][..], "ext3"),
            (&[(1024 + 96, &[0x42][..])][..], "ext4"),
        ] {
            assert_eq!(ext(features), (kind.to_owned(), ID_TEXT.to_owned(), "root".to_owned()));
        }
        let xfs = device(&[(0, b"XFSB"), (32, ID), (108, b"twelve-bytes")]);
        assert_eq!(shown(&xfs), ("xfs".into(), ID_TEXT.into(), "twelve-bytes".into()));
        let btrfs = device(&[(65_600, b"_BHRfS_M"), (65_568, ID)]);
        assert_eq!(shown(&btrfs), ("btrfs".into(), ID_TEXT.into(), String::new()));
        let swap = device(&[(4_086, b"SWAPSPACE2"), (1_036, ID)]);
        assert_eq!(shown(&swap).0, "swap");
        let fat = device(&[(510, &[0x55, 0xaa]), (82, b"FAT32   "), (67, &[1, 2, 3, 4])]);
        assert_eq!(shown(&fat), ("vfat".into(), "0403-0201".into(), String::new()));
    }

    #[test]
    fn carriers_of_volumes() {
        let id = b"abcdefGHIJklmnOPQRstuvWXYZ012345";
        let lvm =
            device(&[(512, b"LABELONE"), (532, &[32, 0, 0, 0]), (536, b"LVM2 001"), (544, id)]);
        let expected = "abcdef-GHIJ-klmn-OPQR-stuv-WXYZ-012345";
        assert_eq!(shown(&lvm), ("LVM2_member".into(), expected.into(), String::new()));
        // The place of the id may point anywhere.
        let lvm = device(&[(512, b"LABELONE"), (532, &[0xff; 4]), (536, b"LVM2 001")]);
        assert_eq!(shown(&lvm).1, "");
        let luks = device(&[(0, LUKS_MAGIC), (6, &[0, 2]), (24, b"secret"), (168, b"0123-4567")]);
        assert_eq!(shown(&luks), ("crypto_LUKS".into(), "0123-4567".into(), "secret".into()));
    }

    #[test]
    fn nothing_known() {
        for bytes in [&[][..], &[0; 600], &[0xff; 70_000], b"LUKS\xba", b"XFSB"] {
            let found = content(bytes).and_then(|found| found.uuid);
            assert_eq!(found, None);
        }
        assert_eq!(content(&[0; 70_000]), None);
    }

    #[test]
    fn ciphers_of_both_versions() {
        let one = device(&[(0, LUKS_MAGIC), (6, &[0, 1]), (8, b"aes"), (40, b"xts-plain64")]);
        assert_eq!(cipher(&one).as_deref(), Some("aes-xts-plain64"));
        let json = br#"{"segments":{"0":{"type":"linear"},"1":{"encryption":"serpent-xts"}}}"#;
        let two = device(&[(0, LUKS_MAGIC), (6, &[0, 2]), (4_096, json)]);
        assert_eq!(cipher(&two).as_deref(), Some("serpent-xts"));
        for json in [&b"{"[..], b"[1]", b"{\"segments\":[]}", b""] {
            let bytes = device(&[(0, LUKS_MAGIC), (6, &[0, 2]), (4_096, json)]);
            assert_eq!(cipher(&bytes), None);
        }
        let mut two = two;
        two[8..16].copy_from_slice(&u64::MAX.to_be_bytes());
        let header = luks_header(two.as_slice()).unwrap();
        assert_eq!(cipher(&header).as_deref(), Some("serpent-xts"));
        two[8..16].copy_from_slice(&5_000_u64.to_be_bytes());
        assert_eq!(luks_header(two.as_slice()).unwrap().len(), 5_000);
        two[8..16].copy_from_slice(&1_u64.to_be_bytes());
        assert_eq!(luks_header(two.as_slice()), None);
        assert_eq!(luks_header(&two[..100]), None);
    }

    #[test]
    fn only_block_devices_are_opened() {
        for path in ["/dev/null", "/etc/passwd", "/", "/no/such/device"] {
            assert_eq!(probe(Path::new(path)), None, "{path}");
            assert_eq!(luks_cipher(Path::new(path)), None, "{path}");
        }
    }
}
