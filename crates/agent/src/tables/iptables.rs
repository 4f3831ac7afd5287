// SPDX-License-Identifier: Apache-2.0
//! `iptables`: the IPv4 rules of the packet filter, for the tables that the kernel says are in
//! use. Rules of nftables are elsewhere, also those that a newer `iptables` command translates
//! to it; osquery does not see them either.
//!
//! As in osquery, each chain ends with a row of its own, `match` is always `yes`, packets and
//! bytes are those of the chain's policy, and a `!` before a value means everything else;
//! `protocol` is a number and therefore empty then.

use std::path::Path;

use super::xtables::{self, Chain, Rule, Side};
use super::{Column, Scan, Table, TableError, integer, read, text};
use crate::limits::PROC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct Iptables;

const COLUMNS: &[Column] = &[
    text("filter_name"),
    text("chain"),
    text("policy"),
    text("target"),
    integer("protocol"),
    text("src_port"),
    text("dst_port"),
    text("src_ip"),
    text("src_mask"),
    text("iniface"),
    text("iniface_mask"),
    text("dst_ip"),
    text("dst_mask"),
    text("outiface"),
    text("outiface_mask"),
    text("match"),
    integer("packets"),
    integer("bytes"),
];

/// The tables in use. Asking for another one would bring it into use.
const NAMES: &str = "/proc/thread-self/net/ip_tables_names";

impl Table for Iptables {
    fn name(&self) -> &'static str {
        "iptables"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let names = read::text_if_exists(Path::new(NAMES), PROC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        for table in names.lines().map(str::trim).filter(|name| !name.is_empty()) {
            scan.check()?;
            let chains = xtables::chains(table).map_err(|error| scan.unreadable(error))?;
            for chain in chains.unwrap_or_default() {
                for rule in chain.rules.iter().map(Some).chain([None]) {
                    push_row(scan, table, &chain, rule)?;
                }
            }
        }
        Ok(())
    }
}

/// The row of a rule, or of a chain itself.
fn push_row(
    scan: &mut Scan<'_>,
    table: &str,
    chain: &Chain,
    rule: Option<&Rule>,
) -> Result<(), TableError> {
    let policy = chain.policy.as_ref();
    let mut row = scan
        .row()
        .set("filter_name", table)
        .set("chain", chain.name.as_str())
        .set("policy", policy.map_or("", |policy| policy.verdict));
    if let Some(rule) = rule {
        let sign = |bit| if rule.inverted & bit == 0 { "" } else { "!" };
        let (source, destination) = (&rule.source, &rule.destination);
        let is_plain = rule.inverted & xtables::INVERTED_PROTOCOL == 0;
        let (from, to) = (sign(xtables::INVERTED_SOURCE), sign(xtables::INVERTED_DESTINATION));
        let (input, output) = (sign(xtables::INVERTED_INPUT), sign(xtables::INVERTED_OUTPUT));
        row = row
            .set("target", rule.target.as_str())
            .set("protocol", is_plain.then(|| i32::from(rule.protocol)))
            .set("src_port", source.ports.as_deref().unwrap_or(""))
            .set("dst_port", destination.ports.as_deref().unwrap_or(""))
            .set("src_ip", format!("{from}{}", source.address))
            .set("src_mask", source.mask.to_string())
            .set("iniface", interface(source, input))
            .set("iniface_mask", hex::encode_upper(&source.interface_mask))
            .set("dst_ip", format!("{to}{}", destination.address))
            .set("dst_mask", destination.mask.to_string())
            .set("outiface", interface(destination, output))
            .set("outiface_mask", hex::encode_upper(&destination.interface_mask))
            .set("match", "yes");
    }
    let packets = policy.map_or(0, |policy| policy.packets);
    let bytes = policy.map_or(0, |policy| policy.bytes);
    scan.push(row.set("packets", packets).set("bytes", bytes))
}

fn interface(side: &Side, sign: &str) -> String {
    match side.interface.as_str() {
        "" => "all".to_owned(),
        name => format!("{sign}{name}"),
    }
}
