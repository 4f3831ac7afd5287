// SPDX-License-Identifier: Apache-2.0
//! Versions: the function `version_compare` and the collations `version`, `version_arch`,
//! `version_dpkg` and `version_rhel`.
//!
//! The order is osquery's own, so that a policy means the same on every host. It is not the order
//! of the package managers: it compares texts segment by segment, and an epoch by its length.

use std::cmp::Ordering;

use rusqlite::functions::Context;
use rusqlite::{Connection, Result};

use super::{PURE, args, failure};

/// What a kind of version pays attention to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flavor {
    /// A version with an epoch (`1:`) is newer than one without.
    epoch: bool,
    /// Delimiters have an order of their own.
    delimiters: bool,
    /// What one version has beyond the other decides by its first character.
    rest: bool,
    /// If that says nothing, a text that ends in a digit is decided by length alone.
    rest_by_length: bool,
}

impl Flavor {
    /// Dotted versions of anything.
    pub const PLAIN: Self =
        Self { epoch: false, delimiters: false, rest: false, rest_by_length: false };
    /// Arch Linux.
    pub const ARCH: Self =
        Self { epoch: true, delimiters: false, rest: true, rest_by_length: true };
    /// Debian.
    pub const DPKG: Self =
        Self { epoch: true, delimiters: true, rest: false, rest_by_length: false };
    /// Red Hat.
    pub const RHEL: Self =
        Self { epoch: true, delimiters: true, rest: true, rest_by_length: false };

    fn named(name: &[u8]) -> Option<Self> {
        let names: [(&[u8], Self); 3] =
            [(b"ARCH", Self::ARCH), (b"DPKG", Self::DPKG), (b"RHEL", Self::RHEL)];
        names
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, flavor)| flavor)
    }
}

pub fn register(db: &Connection) -> Result<()> {
    for (name, flavor) in [
        ("version", Flavor::PLAIN),
        ("version_arch", Flavor::ARCH),
        ("version_dpkg", Flavor::DPKG),
        ("version_rhel", Flavor::RHEL),
    ] {
        db.create_collation(name, move |left, right| {
            compare(left.as_bytes(), right.as_bytes(), flavor)
        })?;
    }
    db.create_scalar_function("version_compare", -1, PURE, version_compare)
}

fn version_compare(context: &mut Context<'_>) -> Result<i32> {
    let versions = (context.len() >= 2)
        .then(|| args::only_text(context, 0).zip(args::only_text(context, 1)))
        .flatten();
    let (left, right) =
        versions.ok_or_else(|| failure("Must provide two version strings to compare."))?;
    let mut flavor = Flavor::PLAIN;
    if context.len() > 2 {
        let name = args::only_text(context, 2)
            .ok_or_else(|| failure("The optional third parameter is not a string."))?;
        flavor = Flavor::named(&name).ok_or_else(|| {
            failure("The optional third parameter does not match one of: (ARCH, DPKG, RHEL).")
        })?;
    }
    Ok(compare(&left, &right, flavor) as i32)
}

/// Which of two versions is newer.
pub fn compare(left: &[u8], right: &[u8], flavor: Flavor) -> Ordering {
    if left == right || left.is_empty() || right.is_empty() {
        return left.len().cmp(&right.len());
    }
    if flavor.epoch {
        let epoch = |version: &[u8]| version.iter().position(|byte| *byte == b':');
        let order = epoch(left).cmp(&epoch(right));
        if order != Ordering::Equal {
            return order;
        }
    }
    // The first difference within the current segment; it counts once the segment has ended.
    let mut difference = Ordering::Equal;
    for (l, r) in left.iter().zip(right) {
        match (rank(*l), rank(*r)) {
            // Bytes compare as C's signed characters.
            (0, 0) => difference = difference.then(l.cast_signed().cmp(&r.cast_signed())),
            (0, _) => return Ordering::Greater,
            (_, 0) => return Ordering::Less,
            _ if difference != Ordering::Equal => return difference,
            (l, r) if flavor.delimiters && l != r => return l.cmp(&r),
            _ => {}
        }
    }
    match left.len().cmp(&right.len()) {
        Ordering::Equal => difference,
        Ordering::Less => rest(left, right, difference.reverse(), flavor).reverse(),
        Ordering::Greater => rest(right, left, difference, flavor),
    }
}

/// The order of a version that goes on where `short` has ended, given how it differed before.
fn rest(short: &[u8], long: &[u8], difference: Ordering, flavor: Flavor) -> Ordering {
    let next = long[short.len()];
    let last_is_digit = short.last().is_some_and(u8::is_ascii_digit);
    let is_decided = match (flavor.rest, next) {
        (true, b'~') => return Ordering::Less,
        (true, b'-') => return Ordering::Equal,
        (true, b'^') => return Ordering::Greater,
        (true, _) => !flavor.rest_by_length || !last_is_digit,
        (false, next) => rank(next) > 0,
    };
    if is_decided && difference != Ordering::Equal { difference } else { Ordering::Greater }
}

/// The order among delimiters; 0 for other characters.
const fn rank(byte: u8) -> u8 {
    match byte {
        b'~' => 1,
        b'-' => 2,
        b'^' => 3,
        b'.' => 4,
        b':' => 5,
        _ => 0,
    }
}
