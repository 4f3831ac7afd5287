// SPDX-License-Identifier: Apache-2.0
//! `disk_encryption`: which block devices are encrypted: open volumes of dm-crypt, and what
//! stands on nothing but such volumes. The device that carries a volume is not encrypted
//! itself: whoever reads it reads ciphertext, and that is what the volume above says.
//!
//! Volumes are told by the mark that cryptsetup gives them. One that another program set up
//! without it (VeraCrypt) shows as not encrypted; osquery errs the other way and shows every
//! logical volume as encrypted. `type` is like osquery's, such as `LUKS2-aes-xts-plain64`,
//! as far as the header of the volume can be read.

use std::path::Path;

use super::blocks::{Device, Devices};
use super::{Column, Scan, Table, TableError, block_devices, integer, superblock, text};

/// See the head of this file.
pub struct DiskEncryption;

const COLUMNS: &[Column] = &[
    text("name").index(),
    text("uuid").nocase(),
    integer("encrypted"),
    text("type"),
    text("encryption_status"),
    text("uid").hidden(),
    text("user_uuid").hidden().nocase(),
    text("filevault_status").hidden(),
];

/// Volumes of cryptsetup that check their content but do not encrypt it.
const OPEN_KINDS: [&str; 3] = ["VERITY", "INTEGRITY", "SUBDEV"];

impl Table for DiskEncryption {
    fn name(&self) -> &'static str {
        "disk_encryption"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let wanted = scan.equals("name");
        let devices = Devices::read(scan)?;
        for device in devices.sorted() {
            scan.check()?;
            if !wanted.is_empty() && !wanted.contains(&device.name.as_str()) {
                continue;
            }
            let volume = devices.first_below(device, &|device| kind(device).is_some());
            let asks = scan.wants(&["uuid"]);
            let status = if volume.is_some() { "encrypted" } else { "not encrypted" };
            let row = scan
                .row()
                .set("name", device.name.as_str())
                .set("uuid", asks.then(|| block_devices::content(device).uuid).flatten())
                .set("encrypted", volume.is_some())
                .set("type", volume.and_then(type_name))
                .set("encryption_status", status);
            scan.push(row)?;
        }
        Ok(())
    }
}

/// The kind of an encrypted volume, such as `LUKS2`, from its mark `CRYPT-KIND-…`.
fn kind(device: &Device) -> Option<String> {
    let mark = device.fact("dm/uuid")?;
    let kind = mark.strip_prefix("CRYPT-")?.split('-').next()?;
    (!kind.is_empty() && !OPEN_KINDS.contains(&kind)).then(|| kind.to_owned())
}

/// Kind, cipher and mode.
fn type_name(volume: &Device) -> Option<String> {
    let kind = kind(volume)?;
    let carrier = volume.below.first().filter(|_| kind.starts_with("LUKS"));
    let cipher = carrier.and_then(|carrier| superblock::luks_cipher(Path::new(carrier)));
    Some(cipher.map_or(kind.clone(), |cipher| format!("{kind}-{cipher}")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::blocks::tests::tree;
    use super::*;

    #[test]
    fn what_stands_on_encrypted_volumes_alone_is_encrypted() {
        let directory = tempfile::tempdir().unwrap();
        let devices = tree(directory.path());
        let encrypted: Vec<&str> = devices
            .sorted()
            .into_iter()
            .filter(|one| devices.first_below(one, &|one| kind(one).is_some()).is_some())
            .map(|one| one.name.as_str())
            .collect();
        assert_eq!(encrypted, ["/dev/dm-0", "/dev/dm-1"]);
        let volume = devices.get("/dev/dm-0").unwrap();
        assert_eq!(type_name(volume).as_deref(), Some("LUKS2"));
    }

    #[test]
    fn marks() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("dm")).unwrap();
        let device =
            Device { name: String::new(), sysfs: directory.path().to_owned(), below: Vec::new() };
        for (mark, expected) in [
            ("CRYPT-LUKS1-0123-home\n", Some("LUKS1")),
            ("CRYPT-PLAIN-swap", Some("PLAIN")),
            ("CRYPT-VERITY-0123-root", None),
            ("CRYPT-", None),
            ("LVM-CRYPT-LUKS2", None),
            ("", None),
        ] {
            fs::write(directory.path().join("dm/uuid"), mark).unwrap();
            assert_eq!(kind(&device).as_deref(), expected, "{mark}");
        }
    }
}
