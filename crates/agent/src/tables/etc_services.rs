// SPDX-License-Identifier: Apache-2.0
//! `etc_services`: the names of ports in `/etc/services`, a row a line.

use std::path::Path;

use super::{Column, Scan, Table, TableError, integer, read, text};
use crate::limits::ETC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct EtcServices;

const COLUMNS: &[Column] =
    &[text("name"), integer("port"), text("protocol"), text("aliases"), text("comment")];

impl Table for EtcServices {
    fn name(&self) -> &'static str {
        "etc_services"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let services = read::text_if_exists(Path::new("/etc/services"), ETC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        for service in services.lines().filter_map(Service::parse) {
            let row = scan
                .row()
                .set("name", service.name)
                .set("port", i32::from(service.port))
                .set("protocol", service.protocol)
                .set("aliases", service.aliases)
                .set("comment", service.comment);
            scan.push(row)?;
        }
        Ok(())
    }
}

/// One line of the file.
#[derive(Debug, PartialEq)]
struct Service<'l> {
    name: &'l str,
    port: u16,
    protocol: &'l str,
    aliases: String,
    comment: Option<String>,
}

impl<'l> Service<'l> {
    fn parse(line: &'l str) -> Option<Self> {
        let (entry, comment) = split_comment(line);
        let mut words = entry.split_ascii_whitespace();
        let (name, (port, protocol)) = (words.next()?, words.next()?.split_once('/')?);
        let port = port.parse().ok()?;
        if protocol.is_empty() || protocol.contains('/') {
            return None;
        }
        let aliases = words.collect::<Vec<_>>().join(" ");
        Some(Self { name, port, protocol, aliases, comment })
    }
}

/// What stands before the first `#` of a line, and its comment. A comment of several parts is
/// shown with ` # ` between them, as osquery does.
pub(super) fn split_comment(line: &str) -> (&str, Option<String>) {
    let Some((entry, comment)) = line.split_once('#') else { return (line, None) };
    let parts: Vec<&str> =
        comment.split('#').map(str::trim).filter(|part| !part.is_empty()).collect();
    (entry, (!parts.is_empty()).then(|| parts.join(" # ")))
}

#[cfg(test)]
mod tests {
    use super::{Service, split_comment};

    #[test]
    fn a_line_with_everything() {
        let service = Service::parse("http\t80/tcp\twww  www-http # WorldWideWeb #HTTP").unwrap();
        assert_eq!((service.name, service.port, service.protocol), ("http", 80, "tcp"));
        assert_eq!(service.aliases, "www www-http");
        assert_eq!(service.comment.as_deref(), Some("WorldWideWeb # HTTP"));
        let bare = Service::parse("  echo 7/udp").unwrap();
        assert_eq!((bare.name, bare.aliases.as_str(), bare.comment), ("echo", "", None));
    }

    #[test]
    fn broken_lines_are_passed_over() {
        let lines = [
            "",
            "# http 80/tcp",
            "http",
            "http 80",
            "http x/tcp",
            "http 65536/tcp",
            "http 80/",
            "h 1/t/u",
        ];
        for line in lines {
            assert_eq!(Service::parse(line), None, "{line}");
        }
        assert_eq!(split_comment("a ##  #"), ("a ", None));
    }
}
