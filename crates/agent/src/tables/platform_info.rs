// SPDX-License-Identifier: Apache-2.0
//! `platform_info`: the firmware. Machines without a firmware description have no row.

use std::path::Path;

use super::{Column, Scan, Table, TableError, integer, read, text};
use crate::host::{DMI_DIR, dmi};
use crate::limits::PROC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct PlatformInfo;

const COLUMNS: &[Column] = &[
    text("vendor"),
    text("version").collate("version"),
    text("date"),
    text("revision"),
    text("extra"),
    text("firmware_type"),
    text("address"),
    text("size"),
    integer("volume_size"),
];

/// The BIOS structure of SMBIOS (type 0), as the kernel shows it to root.
const BIOS_ENTRY: &str = "/sys/firmware/dmi/entries/0-0/raw";

impl Table for PlatformInfo {
    fn name(&self) -> &'static str {
        "platform_info"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        if !Path::new(DMI_DIR).exists() {
            return Ok(());
        }
        let firmware = if Path::new("/sys/firmware/efi").exists() { "uefi" } else { "bios" };
        let entry = read::bytes(Path::new(BIOS_ENTRY), PROC_FILE_BYTES_MAX).unwrap_or_default();
        let (address, size) = rom(&entry).unzip();
        let row = scan
            .row()
            .set("vendor", dmi("bios_vendor"))
            .set("version", dmi("bios_version"))
            .set("date", dmi("bios_date"))
            .set("revision", dmi("bios_release"))
            .set("extra", "")
            .set("firmware_type", firmware)
            .set("address", address)
            .set("size", size)
            .set("volume_size", 0);
        scan.push(row)
    }
}

/// Start address and size in bytes from a type 0 structure: the segment is a little-endian word
/// at 6, the size at 9 counts 64 KiB blocks less one (DMTF DSP0134, 7.1).
fn rom(entry: &[u8]) -> Option<(String, u64)> {
    let segment = u16::from_le_bytes([*entry.get(6)?, *entry.get(7)?]);
    let blocks = u64::from(*entry.get(9)?) + 1;
    Some((format!("0x{segment:x}"), blocks * 65_536))
}

#[cfg(test)]
mod tests {
    use super::rom;

    #[test]
    fn the_rom_is_read_from_the_raw_structure() {
        let entry = [0, 24, 0, 0, 1, 2, 0x00, 0xe8, 3, 0x0f];
        assert_eq!(rom(&entry), Some(("0xe800".to_owned(), 1_048_576)));
        assert_eq!(rom(&entry[..8]), None);
    }
}
