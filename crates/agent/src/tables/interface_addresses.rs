// SPDX-License-Identifier: Apache-2.0
//! `interface_addresses`: the IP addresses of the network interfaces.

use nix::ifaddrs::getifaddrs;
use nix::sys::socket::SockaddrStorage;

use super::{Column, Scan, Table, TableError, text};

/// See the head of this file.
pub struct InterfaceAddresses;

const COLUMNS: &[Column] = &[
    text("interface"),
    text("address"),
    text("mask"),
    text("broadcast"),
    text("point_to_point"),
    text("type"),
    text("friendly_name").hidden(),
];

impl Table for InterfaceAddresses {
    fn name(&self) -> &'static str {
        "interface_addresses"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let interfaces = getifaddrs().map_err(|error| scan.unreadable(error.into()))?;
        for interface in interfaces {
            let Some(address) = ip(interface.address) else { continue };
            let row = scan
                .row()
                .set("interface", interface.interface_name)
                .set("address", address)
                .set("mask", ip(interface.netmask))
                .set("broadcast", ip(interface.broadcast))
                .set("point_to_point", ip(interface.destination))
                .set("type", "unknown");
            scan.push(row)?;
        }
        Ok(())
    }
}

/// The address without port and scope; `None` for families other than IP.
fn ip(address: Option<SockaddrStorage>) -> Option<String> {
    let address = address?;
    let v4 = address.as_sockaddr_in().map(|address| address.ip().to_string());
    v4.or_else(|| address.as_sockaddr_in6().map(|address| address.ip().to_string()))
}
