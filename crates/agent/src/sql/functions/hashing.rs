// SPDX-License-Identifier: Apache-2.0
//! Digests of texts and the Community ID of a connection (version 1 of its specification, with
//! osquery's plain ports for every protocol, ICMP too).

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use rusqlite::functions::Context;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Result};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{PURE, args, failure, network};

pub fn register(db: &Connection) -> Result<()> {
    db.create_scalar_function("md5", 1, PURE, digest::<Md5>)?;
    db.create_scalar_function("sha1", 1, PURE, digest::<Sha1>)?;
    db.create_scalar_function("sha256", 1, PURE, digest::<Sha256>)?;
    for arguments in [5, 6] {
        db.create_scalar_function("community_id_v1", arguments, PURE, |context| {
            Ok(community_id(context).ok())
        })?;
        db.create_scalar_function("community_id_v1_strict", arguments, PURE, |context| {
            community_id(context).map_err(failure)
        })?;
    }
    Ok(())
}

/// Of the text up to its first NUL, as in osquery.
fn digest<D: Digest>(context: &mut Context<'_>) -> Result<Option<String>> {
    Ok(args::c_text(context, 0).map(|text| hex::encode(D::digest(&text))))
}

fn community_id(context: &Context<'_>) -> std::result::Result<String, &'static str> {
    let seed = match context.len() {
        6 => i16::try_from(integer(context, 5, "Community ID seed must be an integer")?)
            .map_err(|_| "Community ID seed must fit in 2 bytes")?,
        _ => 0,
    };
    let texts = args::only_text(context, 0).zip(args::only_text(context, 1));
    let (from, to) = texts.ok_or("Community ID IPs must be strings")?;
    let from = network::address(&from).ok_or("Community ID saddr cannot be parsed as IP")?;
    let to = network::address(&to).ok_or("Community ID daddr cannot be parsed as IP")?;
    let port = |index| {
        let number = integer(context, index, "Community ID ports must be integers")?;
        u16::try_from(number).map_err(|_| "Community ID ports must fit in 2 bytes")
    };
    let (from_port, to_port) = (port(2)?, port(3)?);
    let protocol = integer(context, 4, "Community ID protocol must be an integer")?;
    let protocol =
        u8::try_from(protocol).map_err(|_| "Community ID protocol must fit in 1 byte")?;

    // Both directions of a connection have the same id: the smaller end comes first.
    let mut ends = [(from, from_port), (to, to_port)];
    ends.sort_unstable();
    let mut message = seed.to_be_bytes().to_vec();
    for (address, _) in ends {
        match address {
            IpAddr::V4(address) => message.extend(address.octets()),
            IpAddr::V6(address) => message.extend(address.octets()),
        }
    }
    message.extend([protocol, 0]);
    for (_, port) in ends {
        message.extend(port.to_be_bytes());
    }
    Ok(format!("1:{}", STANDARD.encode(Sha1::digest(&message))))
}

fn integer(
    context: &Context<'_>,
    index: usize,
    otherwise: &'static str,
) -> std::result::Result<i64, &'static str> {
    match context.get_raw(index) {
        ValueRef::Integer(number) => Ok(number),
        _ => Err(otherwise),
    }
}
