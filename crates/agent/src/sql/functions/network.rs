// SPDX-License-Identifier: Apache-2.0
//! Addresses: `inet_aton` and `in_cidr_block`.
//!
//! `in_cidr_block` asks for the *hosts* of a network, as osquery does: for IPv4 the network and
//! broadcast addresses do not count (but a /32 is its own host, and a /31 has none); for IPv6 all
//! do. A block up to the very last IPv6 address has no hosts there, and so none here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rusqlite::functions::Context;
use rusqlite::{Connection, Result};

use super::{PURE, args, failure};

pub fn register(db: &Connection) -> Result<()> {
    db.create_scalar_function("inet_aton", 1, PURE, |context| {
        let text = args::c_text(context, 0);
        let address = text.and_then(|text| str::from_utf8(&text).ok()?.parse::<Ipv4Addr>().ok());
        Ok(address.map(|address| i64::from(u32::from(address))))
    })?;
    db.create_scalar_function("in_cidr_block", 2, PURE, in_cidr_block)
}

/// An address as osquery reads one; a zone (`%eth0`) is read and not compared.
pub fn address(text: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(text).ok()?;
    match text.split_once('%') {
        Some((address, zone)) if !zone.is_empty() => address.parse().ok().map(IpAddr::V6),
        _ => text.parse().ok(),
    }
}

fn in_cidr_block(context: &mut Context<'_>) -> Result<bool> {
    let block = args::only_text(context, 0).ok_or_else(|| failure("CIDR must be a string"))?;
    let ip = args::only_text(context, 1).ok_or_else(|| failure("IP address must be a string"))?;
    match address(&ip).ok_or_else(|| failure("IP address cannot be parsed"))? {
        IpAddr::V4(ip) => match block_of(&block, 32) {
            Some((IpAddr::V4(network), length)) => Ok(is_host_v4(network, length, ip)),
            _ => Err(failure("CIDR for IP address v4 cannot be parsed")),
        },
        IpAddr::V6(ip) => match block_of(&block, 128) {
            Some((IpAddr::V6(network), length)) => Ok(is_host_v6(network, length, ip)),
            _ => Err(failure("CIDR for IP address v6 cannot be parsed")),
        },
    }
}

/// `address/length` with a length up to `max`.
fn block_of(text: &[u8], max: u32) -> Option<(IpAddr, u32)> {
    let slash = text.iter().position(|byte| *byte == b'/')?;
    let length = &text[slash + 1..];
    if length.is_empty() || !length.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length = str::from_utf8(length).ok()?.parse().ok().filter(|length| *length <= max)?;
    Some((address(&text[..slash])?, length))
}

fn is_host_v4(network: Ipv4Addr, length: u32, ip: Ipv4Addr) -> bool {
    if length == 32 {
        // One past the last address is the first one, which leaves that block empty.
        return ip == network && network != Ipv4Addr::BROADCAST;
    }
    let host_bits = u32::MAX >> length;
    let (first, last) = (u32::from(network) & !host_bits, u32::from(network) | host_bits);
    first < u32::from(ip) && u32::from(ip) < last
}

fn is_host_v6(network: Ipv6Addr, length: u32, ip: Ipv6Addr) -> bool {
    let host_bits = u128::MAX.checked_shr(length).unwrap_or(0);
    let (first, last) = (u128::from(network) & !host_bits, u128::from(network) | host_bits);
    let past = last.wrapping_add(1);
    first <= u128::from(ip) && u128::from(ip) < past
}
