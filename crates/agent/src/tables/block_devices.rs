// SPDX-License-Identifier: Apache-2.0
//! `block_devices`: disks, partitions, volumes, from sysfs; what they hold from udev's
//! database, or from their first bytes where udev has not looked.
//!
//! As in osquery, `size` counts blocks of 512 bytes whatever `block_size` says, `block_size`
//! is that of whole devices, and model, vendor and serial number are those of the hardware at
//! the bottom.

use std::path::Path;

use super::blocks::{Device, Devices};
use super::superblock::{self, Content};
use super::{Column, Scan, Table, TableError, bigint, integer, read, text};
use crate::limits::PROC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct BlockDevices;

const COLUMNS: &[Column] = &[
    text("name").index(),
    text("parent"),
    text("vendor"),
    text("model"),
    text("serial"),
    bigint("size"),
    integer("block_size"),
    text("uuid").nocase(),
    text("type"),
    text("label"),
];

/// Where udev keeps what it knows, a file a device.
const UDEV: &str = "/run/udev/data";

impl Table for BlockDevices {
    fn name(&self) -> &'static str {
        "block_devices"
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
            let hardware = devices.bottom(device);
            let fact = |names: &[&str]| names.iter().find_map(|name| hardware.fact(name));
            let asks = scan.wants(&["uuid", "type", "label"]);
            let content = if asks { content(device) } else { Content::default() };
            let row = scan
                .row()
                .set("name", device.name.as_str())
                .set("parent", device.below.first().map(String::as_str))
                .set("vendor", fact(&["device/vendor", "device/device/vendor"]))
                .set("model", fact(&["device/model"]))
                .set("serial", fact(&["device/wwid", "device/serial", "serial"]))
                .set("size", device.fact("size"))
                .set("block_size", device.fact("queue/logical_block_size"))
                .set("uuid", content.uuid)
                .set("type", content.kind)
                .set("label", content.label);
            scan.push(row)?;
        }
        Ok(())
    }
}

/// What a device holds.
pub(super) fn content(device: &Device) -> Content {
    let number = device.fact("dev").unwrap_or_default();
    let known = read::text(&Path::new(UDEV).join(format!("b{number}")), PROC_FILE_BYTES_MAX);
    match known {
        Ok(known) => of_udev(&known),
        // A device of no size is not there: a drive without medium, a loop without file.
        Err(_) if device.fact("size").is_none_or(|size| size == "0") => Content::default(),
        Err(_) => superblock::probe(Path::new(&device.name)).unwrap_or_default(),
    }
}

/// `E:NAME=VALUE` lines.
fn of_udev(known: &str) -> Content {
    let properties = || known.lines().filter_map(|line| line.strip_prefix("E:")?.split_once('='));
    let property = |name: &str| {
        let (_, value) = properties().find(|(found, _)| *found == name)?;
        (!value.is_empty()).then(|| unescape(value))
    };
    Content {
        kind: property("ID_FS_TYPE"),
        uuid: property("ID_FS_UUID"),
        label: property("ID_FS_LABEL_ENC").or_else(|| property("ID_FS_LABEL")),
    }
}

/// udev writes bytes that could confuse as `\x20`.
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.strip_prefix(b"x").and_then(|after| after.get(..2));
        let code = code.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|digits| str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let (b'\\', Some(code)) = (first, code) {
            out.push(code);
            rest = &after[3..];
        } else {
            out.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_udev_knows() {
        let known = "S:disk/by-uuid/x\nE:ID_FS_UUID=0a1b-2c3d\nE:ID_FS_TYPE=vfat\n\
                     E:ID_FS_LABEL=my_disk\nE:ID_FS_LABEL_ENC=my\\x20disk\\x5c\n\
                     E:ID_FS_TYPE_X=no\n";
        let found = of_udev(known);
        assert_eq!(found.kind.as_deref(), Some("vfat"));
        assert_eq!(found.uuid.as_deref(), Some("0a1b-2c3d"));
        assert_eq!(found.label.as_deref(), Some("my disk\\"));
        assert_eq!(of_udev("E:ID_FS_TYPE=\nE:ID_FS_UUID\nID_FS_LABEL=x\n"), Content::default());
    }

    #[test]
    fn broken_escapes_stay() {
        assert_eq!(unescape("a\\x2"), "a\\x2");
        assert_eq!(unescape("\\xzz\\x41\\"), "\\xzzA\\");
        assert_eq!(unescape("\\x+1\\xff"), "\\x+1\u{fffd}".to_owned());
    }
}
