// SPDX-License-Identifier: Apache-2.0
//! `interface_details`: the network interfaces with their counters, as the kernel lists them
//! over rtnetlink; speed, slot and some flags are from `/sys/class/net`.
//!
//! As in osquery, `type` is the low byte of the kernel's type of hardware (so the loopback,
//! 772, is 4), `metric` is 0 and `last_change` is -1, because Linux knows neither, and
//! `link_speed` in Mbit/s is 0 where it is unknown. Counters are the kernel's 64-bit ones.

use std::path::{Path, PathBuf};

use super::netlink::{self, RTM_GETLINK, attributes};
use super::record::{text_at, u16_at, u32_at, u64_at};
use super::{Column, Scan, Table, TableError, bigint, integer, read, text};
use crate::limits::PROC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct InterfaceDetails;

const COLUMNS: &[Column] = &[
    text("interface"),
    text("mac").nocase(),
    integer("type"),
    integer("mtu"),
    integer("metric"),
    integer("flags"),
    bigint("ipackets"),
    bigint("opackets"),
    bigint("ibytes"),
    bigint("obytes"),
    bigint("ierrors"),
    bigint("oerrors"),
    bigint("idrops"),
    bigint("odrops"),
    bigint("collisions"),
    bigint("last_change"),
    bigint("link_speed"),
    text("pci_slot"),
    text("friendly_name").hidden(),
    text("description").hidden(),
    text("manufacturer").hidden(),
    text("connection_id").hidden(),
    text("connection_status").hidden(),
    integer("enabled").hidden(),
    integer("physical_adapter").hidden(),
    integer("speed").hidden(),
    text("service").hidden(),
    integer("dhcp_enabled").hidden(),
    text("dhcp_lease_expires").hidden(),
    text("dhcp_lease_obtained").hidden(),
    text("dhcp_server").hidden(),
    text("dns_domain").hidden(),
    text("dns_domain_suffix_search_order").hidden(),
    text("dns_host_name").hidden(),
    text("dns_server_search_order").hidden(),
];

/// The columns of `struct rtnl_link_stats64` in its order.
const COUNTERS: [&str; 10] = [
    "ipackets",
    "opackets",
    "ibytes",
    "obytes",
    "ierrors",
    "oerrors",
    "idrops",
    "odrops",
    "multicast",
    "collisions",
];
/// The counter that no column shows.
const COUNTER_UNSHOWN: &str = "multicast";

/// Bytes of `struct ifinfomsg`.
const LINK_BYTES: usize = 16;
/// Attributes of an interface (`rtnetlink(7)`).
const IFLA_ADDRESS: u16 = 1;
const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_STATS64: u16 = 23;

/// Flags (`netdevice(7)`) that the interface itself has, such as promiscuous: the kernel's
/// list shows what somebody asked for, sysfs what is.
const FLAGS_OF_SYSFS: u32 =
    0x1 | 0x4 | 0x20 | 0x80 | 0x100 | 0x200 | 0x1000 | 0x2000 | 0x4000 | 0x8000;

impl Table for InterfaceDetails {
    fn name(&self) -> &'static str {
        "interface_details"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for entry in netlink::dump(scan, RTM_GETLINK, 0, LINK_BYTES)? {
            if let Some(link) = Link::parse(&entry) {
                push_link(scan, &link)?;
            }
        }
        Ok(())
    }
}

fn push_link(scan: &mut Scan<'_>, link: &Link) -> Result<(), TableError> {
    let sysfs = Path::new("/sys/class/net").join(&link.name);
    let wants = |columns: &[&str]| scan.wants(columns);
    let flags = wants(&["flags"]).then(|| real_flags(&sysfs, link.flags));
    let speed = wants(&["link_speed"]).then(|| link_speed(&sysfs));
    let slot = wants(&["pci_slot"]).then(|| slot(&sysfs));
    let mut row = scan
        .row()
        .set("interface", link.name.as_str())
        .set("mac", link.mac.as_str())
        .set("type", i32::from(link.kind & 0xff))
        .set("mtu", link.mtu)
        .set("metric", 0)
        .set("flags", flags.map(u32::cast_signed));
    for (column, counter) in COUNTERS.into_iter().zip(link.counters) {
        if column != COUNTER_UNSHOWN {
            row = row.set(column, counter);
        }
    }
    let row = row.set("last_change", -1).set("link_speed", speed).set("pci_slot", slot);
    scan.push(row)
}

/// One interface.
#[derive(Debug, PartialEq)]
struct Link {
    name: String,
    mac: String,
    kind: u16,
    flags: u32,
    mtu: Option<u32>,
    counters: [Option<u64>; COUNTERS.len()],
}

impl Link {
    /// `struct ifinfomsg` (type at 2, flags at 8) and its attributes. `None` without a name
    /// that could be a file's.
    fn parse(entry: &[u8]) -> Option<Self> {
        let mut link = Self {
            name: String::new(),
            mac: mac(&[0; 6]),
            kind: u16_at(entry, 2)?,
            flags: u32_at(entry, 8)?,
            mtu: None,
            counters: [None; COUNTERS.len()],
        };
        for (attribute, content) in attributes(entry.get(LINK_BYTES..)?) {
            match attribute {
                IFLA_IFNAME => link.name = text_at(content, 0, content.len())?,
                IFLA_ADDRESS if !content.is_empty() => link.mac = mac(content),
                IFLA_MTU => link.mtu = u32_at(content, 0),
                IFLA_STATS64 => link.counters = std::array::from_fn(|at| u64_at(content, at * 8)),
                _ => {}
            }
        }
        let is_file_name = !link.name.contains('/') && !["", ".", ".."].contains(&&*link.name);
        is_file_name.then_some(link)
    }
}

fn mac(address: &[u8]) -> String {
    let bytes: Vec<String> = address.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}

/// A one-line file of the interface; `None` where it has none or it cannot be read.
fn fact(sysfs: &Path, name: &str) -> Option<String> {
    let content = read::text(&sysfs.join(name), PROC_FILE_BYTES_MAX).ok()?;
    Some(content.trim().to_owned())
}

fn real_flags(sysfs: &Path, listed: u32) -> u32 {
    let real = fact(sysfs, "flags");
    let real = real.and_then(|text| u32::from_str_radix(text.strip_prefix("0x")?, 16).ok());
    real.map_or(listed, |real| listed & !FLAGS_OF_SYSFS | real & FLAGS_OF_SYSFS)
}

fn link_speed(sysfs: &Path) -> i64 {
    let speed = fact(sysfs, "speed").and_then(|text| text.parse::<i64>().ok());
    speed.filter(|speed| *speed > 0).unwrap_or(0)
}

/// Where on its bus the device is; `-1` for an interface without one, as in osquery. What
/// stands on a virtio bus has the slot of the bus.
fn slot(sysfs: &Path) -> String {
    let Ok(device) = sysfs.join("device").canonicalize() else { return "-1".to_owned() };
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let slot = name(&device).filter(|name| !name.starts_with("virtio"));
    let above = || device.parent().map(Path::to_owned);
    slot.or_else(|| above().as_ref().and_then(name)).unwrap_or_else(|| "-1".to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::netlink::tests::attribute;
    use super::*;

    fn entry(parts: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![0; LINK_BYTES];
        bytes[2..4].copy_from_slice(&772_u16.to_ne_bytes());
        bytes[8..12].copy_from_slice(&0x1_0049_u32.to_ne_bytes());
        bytes.extend(parts.concat());
        bytes
    }

    #[test]
    fn an_interface() {
        let counters: Vec<u8> = (1..=23_u64).flat_map(u64::to_ne_bytes).collect();
        let link = Link::parse(&entry(&[
            attribute(IFLA_IFNAME, b"eth0\0"),
            attribute(IFLA_ADDRESS, &[2, 0xfc, 0, 0, 0, 5]),
            attribute(IFLA_MTU, &1_500_u32.to_ne_bytes()),
            attribute(IFLA_STATS64, &counters),
        ]));
        let link = link.unwrap();
        assert_eq!((link.name.as_str(), link.mac.as_str()), ("eth0", "02:fc:00:00:00:05"));
        assert_eq!((link.kind, link.flags, link.mtu), (772, 0x1_0049, Some(1_500)));
        assert_eq!(link.counters, std::array::from_fn(|at| Some(at as u64 + 1)));
    }

    #[test]
    fn what_is_missing_or_hostile() {
        let bare = Link::parse(&entry(&[attribute(IFLA_IFNAME, b"tun0")])).unwrap();
        assert_eq!((bare.mac.as_str(), bare.mtu), ("00:00:00:00:00:00", None));
        assert_eq!(bare.counters, [None; 10]);
        for name in [b"".as_slice(), b"..", b"../x", b"a/b", b"\0"] {
            assert_eq!(Link::parse(&entry(&[attribute(IFLA_IFNAME, name)])), None, "{name:?}");
        }
        assert_eq!(Link::parse(&[0; 15]), None);
    }

    #[test]
    fn facts_of_sysfs() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        assert_eq!((link_speed(path), real_flags(path, 0x43)), (0, 0x43));
        assert_eq!(slot(path), "-1");
        std::fs::write(path.join("speed"), "-1\n").unwrap();
        std::fs::write(path.join("flags"), "0x1103\n").unwrap();
        assert_eq!((link_speed(path), real_flags(path, 0x1_0043)), (0, 0x1_1143));
        std::fs::write(path.join("speed"), "10000\n").unwrap();
        assert_eq!(link_speed(path), 10_000);
        std::fs::create_dir_all(path.join("pci0/0000:00:03.0/virtio1")).unwrap();
        std::os::unix::fs::symlink("pci0/0000:00:03.0/virtio1", path.join("device")).unwrap();
        assert_eq!(slot(path), "0000:00:03.0");
    }
}
