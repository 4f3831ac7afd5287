// SPDX-License-Identifier: Apache-2.0
//! SQL functions that osquery adds to SQLite: hashes, texts, addresses and mathematics. The ones
//! that need regular expressions, encodings and version comparison are not here.
//! `concat` and `concat_ws` come with SQLite.

use std::net::Ipv4Addr;

use md5::Md5;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result};
use sha1::Sha1;
use sha2::{Digest, Sha256};

const PURE: FunctionFlags = FunctionFlags::SQLITE_UTF8
    .union(FunctionFlags::SQLITE_DETERMINISTIC)
    .union(FunctionFlags::SQLITE_INNOCUOUS);

/// Adds the functions to a connection.
pub fn register(db: &Connection) -> Result<()> {
    db.create_scalar_function("md5", 1, PURE, digest::<Md5>)?;
    db.create_scalar_function("sha1", 1, PURE, digest::<Sha1>)?;
    db.create_scalar_function("sha256", 1, PURE, digest::<Sha256>)?;
    db.create_scalar_function("split", 3, PURE, split)?;
    db.create_scalar_function("inet_aton", 1, PURE, inet_aton)?;
    register_math(db)
}

/// A function of one number.
type Unary = fn(f64) -> f64;

/// osquery's own mathematics: `log` is natural, unlike SQLite's.
fn register_math(db: &Connection) -> Result<()> {
    let functions: [(&str, Unary); 16] = [
        ("sqrt", f64::sqrt),
        ("acos", f64::acos),
        ("asin", f64::asin),
        ("atan", f64::atan),
        ("cos", f64::cos),
        ("sin", f64::sin),
        ("tan", f64::tan),
        ("cot", |x| 1.0 / x.tan()),
        ("exp", f64::exp),
        ("log", f64::ln),
        ("log10", f64::log10),
        ("ceil", f64::ceil),
        ("floor", f64::floor),
        ("degrees", f64::to_degrees),
        ("radians", f64::to_radians),
        ("square", |x| x * x),
    ];
    for (name, function) in functions {
        db.create_scalar_function(name, 1, PURE, move |context| {
            Ok(real(context, 0)?.map(function))
        })?;
    }
    db.create_scalar_function("power", 2, PURE, |context| {
        Ok(real(context, 0)?.zip(real(context, 1)?).map(|(base, exponent)| base.powf(exponent)))
    })?;
    db.create_scalar_function("pi", 0, PURE, |_| Ok(std::f64::consts::PI))
}

/// A number, from any value that SQLite would read as one.
fn real(context: &Context<'_>, index: usize) -> Result<Option<f64>> {
    Ok(match context.get_raw(index) {
        ValueRef::Null | ValueRef::Blob(_) => None,
        ValueRef::Integer(number) => Some(number as f64),
        ValueRef::Real(number) => Some(number),
        ValueRef::Text(text) => str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok()),
    })
}

/// The bytes of a value as SQL would cast it to a text; `None` for NULL.
fn bytes(context: &Context<'_>, index: usize) -> Option<Vec<u8>> {
    match context.get_raw(index) {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string().into_bytes()),
        ValueRef::Real(number) => Some(crate::tables::format_real(number).into_bytes()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
    }
}

fn string(context: &Context<'_>, index: usize) -> Option<String> {
    bytes(context, index).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn digest<D: Digest>(context: &mut Context<'_>) -> Result<Option<String>> {
    Ok(bytes(context, 0).map(|bytes| hex::encode(D::digest(bytes))))
}

/// `split(text, characters, index)`: the text is cut at any of the characters, blank pieces are
/// dropped, and the piece with that number (from 0) is the value, NULL when there is none.
fn split(context: &mut Context<'_>) -> Result<Option<String>> {
    let (Some(text), Some(cuts)) = (string(context, 0), string(context, 1)) else {
        return Ok(None);
    };
    let Some(index) = string(context, 2) else { return Ok(None) };
    if cuts.is_empty() {
        let message = "split needs at least one character to split at".to_owned();
        return Err(Error::UserFunctionError(message.into()));
    }
    let Ok(index) = index.parse::<usize>() else { return Ok(None) };
    let mut pieces = text.split(|c| cuts.contains(c)).map(str::trim).filter(|s| !s.is_empty());
    Ok(pieces.nth(index).map(str::to_owned))
}

/// The IPv4 address as a number, NULL for any other text.
fn inet_aton(context: &mut Context<'_>) -> Result<Option<i64>> {
    let address = string(context, 0).and_then(|text| text.parse::<Ipv4Addr>().ok());
    Ok(address.map(|address| u32::from(address).into()))
}
