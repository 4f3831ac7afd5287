// SPDX-License-Identifier: Apache-2.0
//! `routes`: the routes of all routing tables, IPv4 and IPv6, as the kernel lists them over
//! rtnetlink.
//!
//! As in osquery, `netmask` is the length of the prefix, but 0 for the route to a single host,
//! and `type` has osquery's words: `gateway` for any route to elsewhere. A route over several
//! hops is a row for each of them; osquery shows one row without hop.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nix::net::if_::if_indextoname;

use super::netlink::{self, RTM_GETROUTE, attributes};
use super::record::{u16_at, u32_at};
use super::{Column, Scan, Table, TableError, integer, text};

/// See the head of this file.
pub struct Routes;

const COLUMNS: &[Column] = &[
    text("destination"),
    integer("netmask"),
    text("gateway"),
    text("source"),
    integer("flags"),
    text("interface"),
    integer("mtu"),
    integer("metric"),
    text("type").additional(),
    integer("hopcount"),
];

/// Address families (`address_families(7)`).
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// Bytes of `struct rtmsg` and of `struct rtnexthop`.
const ROUTE_BYTES: usize = 12;
const HOP_BYTES: usize = 8;
/// Attributes of a route (`rtnetlink(7)`).
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;
const RTA_METRICS: u16 = 8;
const RTA_MULTIPATH: u16 = 9;
const RTA_VIA: u16 = 18;
/// Attributes within `RTA_METRICS`.
const RTAX_MTU: u16 = 2;
const RTAX_HOPLIMIT: u16 = 10;

impl Table for Routes {
    fn name(&self) -> &'static str {
        "routes"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for family in [AF_INET, AF_INET6] {
            for entry in netlink::dump(scan, RTM_GETROUTE, family, ROUTE_BYTES)? {
                // A kernel without IPv6 answers for all families instead.
                let route = Route::parse(&entry).filter(|_| entry.first() == Some(&family));
                let Some(route) = route else { continue };
                for hop in &route.hops {
                    push_hop(scan, &route, hop)?;
                }
            }
        }
        Ok(())
    }
}

fn push_hop(scan: &mut Scan<'_>, route: &Route, hop: &Hop) -> Result<(), TableError> {
    // An interface that has gone has no name.
    let interface = hop.interface.and_then(|index| if_indextoname(index).ok());
    let row = scan
        .row()
        .set("destination", route.destination.to_string())
        .set("netmask", route.netmask())
        .set("gateway", hop.gateway.map(|address| address.to_string()))
        .set("source", route.source.map(|address| address.to_string()))
        .set("flags", route.flags.cast_signed())
        .set("interface", interface.map(|name| name.to_string_lossy().into_owned()))
        .set("mtu", route.mtu.cast_signed())
        .set("metric", route.metric.cast_signed())
        .set("type", type_name(route.kind))
        .set("hopcount", route.hopcount.cast_signed());
    scan.push(row)
}

/// osquery's words for the types of routes.
fn type_name(kind: u8) -> &'static str {
    match kind {
        1 => "gateway",
        2 => "local",
        3 => "broadcast",
        4 => "anycast",
        _ => "other",
    }
}

/// Where a route leads next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Hop {
    interface: Option<u32>,
    gateway: Option<IpAddr>,
}

/// One route.
#[derive(Debug, PartialEq, Eq)]
struct Route {
    kind: u8,
    flags: u32,
    destination: IpAddr,
    prefix: u8,
    source: Option<IpAddr>,
    metric: u32,
    mtu: u32,
    hopcount: u32,
    /// At least one.
    hops: Vec<Hop>,
}

impl Route {
    /// `struct rtmsg` (family at 0, prefix at 1, type at 7, flags at 8) and its attributes.
    fn parse(entry: &[u8]) -> Option<Self> {
        let [family, prefix, .., kind] = *entry.first_chunk::<8>()?;
        let unspecified: IpAddr = match family {
            AF_INET => Ipv4Addr::UNSPECIFIED.into(),
            AF_INET6 => Ipv6Addr::UNSPECIFIED.into(),
            _ => return None,
        };
        let mut route = Self {
            kind,
            flags: u32_at(entry, 8)?,
            destination: unspecified,
            prefix,
            source: None,
            metric: 0,
            mtu: 0,
            hopcount: 0,
            hops: Vec::new(),
        };
        let (mut single, mut several) = (Hop::default(), Vec::new());
        for (attribute, content) in attributes(entry.get(ROUTE_BYTES..)?) {
            match attribute {
                RTA_DST => route.destination = address(content)?,
                RTA_PREFSRC => route.source = address(content),
                RTA_PRIORITY => route.metric = u32_at(content, 0)?,
                RTA_METRICS => route.take_metrics(content),
                RTA_MULTIPATH => several = hops(content),
                _ => single.take(attribute, content),
            }
        }
        route.hops = if several.is_empty() { vec![single] } else { several };
        Some(route)
    }

    fn take_metrics(&mut self, content: &[u8]) {
        for (metric, value) in attributes(content) {
            let value = u32_at(value, 0).unwrap_or_default();
            match metric {
                RTAX_MTU => self.mtu = value,
                RTAX_HOPLIMIT => self.hopcount = value,
                _ => {}
            }
        }
    }

    /// The length of the prefix; 0 for a single host, as in osquery.
    fn netmask(&self) -> i32 {
        match self.prefix {
            32 | 128 => 0,
            prefix => prefix.into(),
        }
    }
}

impl Hop {
    fn take(&mut self, attribute: u16, content: &[u8]) {
        match attribute {
            RTA_OIF => self.interface = u32_at(content, 0),
            RTA_GATEWAY => self.gateway = address(content),
            // A gateway of another family: the family stands before the address.
            RTA_VIA => self.gateway = content.get(2..).and_then(address),
            _ => {}
        }
    }
}

/// The hops of a route over several: each `struct rtnexthop` (length at 0, interface at 4) and
/// its attributes.
fn hops(content: &[u8]) -> Vec<Hop> {
    let mut hops = Vec::new();
    let mut rest = content;
    while let (Some(length), Some(interface)) = (u16_at(rest, 0), u32_at(rest, 4)) {
        let length = usize::from(length);
        let Some(inner) = rest.get(HOP_BYTES..length) else { break };
        let mut hop = Hop { interface: Some(interface), gateway: None };
        for (attribute, content) in attributes(inner) {
            hop.take(attribute, content);
        }
        hops.push(hop);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    hops
}

/// An address of either family, told by its size.
fn address(content: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(content) {
        return Some(IpAddr::from(bytes));
    }
    <[u8; 16]>::try_from(content).ok().map(IpAddr::from)
}

#[cfg(test)]
mod tests {
    use super::super::netlink::tests::attribute;
    use super::*;

    fn entry(family: u8, prefix: u8, kind: u8, parts: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![family, prefix, 0, 0, 254, 3, 0, kind, 0, 0, 0, 0];
        bytes.extend(parts.concat());
        bytes
    }

    #[test]
    fn a_route_with_everything() {
        let metrics = [attribute(RTAX_MTU, &1_400_u32.to_ne_bytes())].concat();
        let bytes = entry(
            AF_INET,
            24,
            1,
            &[
                attribute(RTA_DST, &[192, 0, 2, 0]),
                attribute(RTA_OIF, &7_u32.to_ne_bytes()),
                attribute(RTA_GATEWAY, &[192, 0, 2, 1]),
                attribute(RTA_PREFSRC, &[192, 0, 2, 2]),
                attribute(RTA_PRIORITY, &100_u32.to_ne_bytes()),
                attribute(RTA_METRICS | 0x8000, &metrics),
            ],
        );
        let route = Route::parse(&bytes).unwrap();
        let gateway = Some(IpAddr::from([192, 0, 2, 1]));
        assert_eq!(route.hops, [Hop { interface: Some(7), gateway }]);
        assert_eq!((route.netmask(), route.metric, route.mtu), (24, 100, 1_400));
        assert_eq!(route.source, Some(IpAddr::from([192, 0, 2, 2])));
        assert_eq!(type_name(route.kind), "gateway");
    }

    #[test]
    fn defaults_and_single_hosts_have_netmask_0() {
        let default = Route::parse(&entry(AF_INET6, 0, 1, &[])).unwrap();
        assert_eq!((default.destination.to_string().as_str(), default.netmask()), ("::", 0));
        assert_eq!(default.hops, [Hop::default()]);
        let host = [attribute(RTA_DST, &[127, 0, 0, 1])];
        let host = Route::parse(&entry(AF_INET, 32, 2, &host)).unwrap();
        assert_eq!((host.netmask(), type_name(host.kind)), (0, "local"));
    }

    #[test]
    fn several_hops() {
        let via = [vec![10, 0], [0xfe; 16].to_vec()].concat();
        let first = attribute(RTA_GATEWAY, &[192, 0, 2, 1]);
        let second = attribute(RTA_VIA, &via);
        let mut content = Vec::new();
        for (index, inner) in [(3_u32, first), (4, second)] {
            let length = u16::try_from(HOP_BYTES + inner.len()).unwrap();
            content.extend(length.to_ne_bytes());
            content.extend([0, 0]);
            content.extend(index.to_ne_bytes());
            content.extend(inner);
        }
        let found = hops(&content);
        assert_eq!(found[0], Hop { interface: Some(3), gateway: Some([192, 0, 2, 1].into()) });
        assert_eq!(found[1], Hop { interface: Some(4), gateway: Some([0xfe; 16].into()) });
        let route = Route::parse(&entry(AF_INET, 0, 1, &[attribute(RTA_MULTIPATH, &content)]));
        assert_eq!(route.unwrap().hops, found);
        // Lengths that lie end the list.
        for length in [0_u16, 7, 200] {
            content[..2].copy_from_slice(&length.to_ne_bytes());
            assert!(hops(&content).is_empty(), "{length}");
        }
    }

    #[test]
    fn what_is_no_route_is_none() {
        assert_eq!(Route::parse(&[]), None);
        assert_eq!(Route::parse(&[AF_INET, 24, 0, 0, 0, 0, 0, 1]), None);
        assert_eq!(Route::parse(&entry(128, 0, 1, &[])), None);
        assert_eq!(Route::parse(&entry(AF_INET, 8, 1, &[attribute(RTA_DST, &[1])])), None);
    }
}
