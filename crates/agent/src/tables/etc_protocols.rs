// SPDX-License-Identifier: Apache-2.0
//! `etc_protocols`: the names of IP protocols in `/etc/protocols`, a row a line. Of several
//! aliases the first is shown, as in osquery.

use std::path::Path;

use super::etc_services::split_comment;
use super::{Column, Scan, Table, TableError, integer, read, text};
use crate::limits::ETC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct EtcProtocols;

const COLUMNS: &[Column] = &[text("name"), integer("number"), text("alias"), text("comment")];

impl Table for EtcProtocols {
    fn name(&self) -> &'static str {
        "etc_protocols"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let protocols = read::text_if_exists(Path::new("/etc/protocols"), ETC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        for protocol in protocols.lines().filter_map(Protocol::parse) {
            let row = scan
                .row()
                .set("name", protocol.name)
                .set("number", protocol.number)
                .set("alias", protocol.alias)
                .set("comment", protocol.comment);
            scan.push(row)?;
        }
        Ok(())
    }
}

/// One line of the file.
#[derive(Debug, PartialEq)]
struct Protocol<'l> {
    name: &'l str,
    number: u32,
    alias: Option<&'l str>,
    comment: Option<String>,
}

impl<'l> Protocol<'l> {
    fn parse(line: &'l str) -> Option<Self> {
        let (entry, comment) = split_comment(line);
        let mut words = entry.split_ascii_whitespace();
        let (name, number) = (words.next()?, words.next()?.parse().ok()?);
        Some(Self { name, number, alias: words.next(), comment })
    }
}

#[cfg(test)]
mod tests {
    use super::Protocol;

    #[test]
    fn lines_with_and_without_an_alias() {
        let protocol = Protocol::parse("ipv6-icmp 58\tIPv6-ICMP\t# ICMP for IPv6").unwrap();
        assert_eq!((protocol.name, protocol.number), ("ipv6-icmp", 58));
        assert_eq!(protocol.alias, Some("IPv6-ICMP"));
        assert_eq!(protocol.comment.as_deref(), Some("ICMP for IPv6"));
        assert_eq!(Protocol::parse("x 7").unwrap().alias, None);
        for line in ["", "#", "# tcp 6", "tcp", "tcp six TCP"] {
            assert_eq!(Protocol::parse(line), None, "{line}");
        }
    }
}
