// SPDX-License-Identifier: Apache-2.0
//! `arp_cache`: which hardware address the machine believes an IPv4 neighbour to have, as
//! `/proc/net/arp` lists it. IPv6 neighbours are not there, as in osquery.

use std::path::Path;

use super::{Column, Scan, Table, TableError, read, text};
use crate::limits::SOCKET_LIST_BYTES_MAX;

/// See the head of this file.
pub struct ArpCache;

const COLUMNS: &[Column] =
    &[text("address"), text("mac").nocase(), text("interface"), text("permanent")];

/// `ATF_COM | ATF_PERM` (`arp(7)`): complete, and set by hand.
const FLAGS_PERMANENT: &str = "0x6";

impl Table for ArpCache {
    fn name(&self) -> &'static str {
        "arp_cache"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let list = read::text_if_exists(Path::new("/proc/net/arp"), SOCKET_LIST_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        for neighbour in list.lines().skip(1).filter_map(Neighbour::parse) {
            let row = scan
                .row()
                .set("address", neighbour.address)
                .set("mac", neighbour.mac)
                .set("interface", neighbour.interface)
                .set("permanent", i32::from(neighbour.is_permanent));
            scan.push(row)?;
        }
        Ok(())
    }
}

/// One line of the list.
#[derive(Debug, PartialEq)]
struct Neighbour<'l> {
    address: &'l str,
    mac: &'l str,
    interface: &'l str,
    is_permanent: bool,
}

impl<'l> Neighbour<'l> {
    /// Address, hardware type, flags, hardware address, mask, interface.
    fn parse(line: &'l str) -> Option<Self> {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [address, _, flags, mac, _, interface] = fields[..] else { return None };
        Some(Self { address, mac, interface, is_permanent: flags == FLAGS_PERMANENT })
    }
}

#[cfg(test)]
mod tests {
    use super::Neighbour;

    #[test]
    fn entries_set_by_hand_are_permanent() {
        let line = "192.0.2.1    0x1         0x2         02:fc:00:00:00:05     *        eth0";
        let neighbour = Neighbour::parse(line).unwrap();
        assert_eq!((neighbour.address, neighbour.mac), ("192.0.2.1", "02:fc:00:00:00:05"));
        assert_eq!((neighbour.interface, neighbour.is_permanent), ("eth0", false));
        assert!(
            Neighbour::parse("192.0.2.1 0x1 0x6 02:fc:00:00:00:05 * eth0").unwrap().is_permanent
        );
        assert_eq!(Neighbour::parse("192.0.2.1 0x1 0x2 * eth0"), None);
        assert_eq!(Neighbour::parse(""), None);
    }
}
