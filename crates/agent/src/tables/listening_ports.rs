// SPDX-License-Identifier: Apache-2.0
//! `listening_ports`: internet sockets without a peer, and UNIX sockets that have a name.

use super::sockets::{self, FAMILY_UNIX};
use super::{Column, Scan, Table, TableError, bigint, integer, text};

/// See the head of this file.
pub struct ListeningPorts;

const COLUMNS: &[Column] = &[
    integer("pid"),
    integer("port"),
    integer("protocol"),
    integer("family"),
    text("address"),
    bigint("fd"),
    bigint("socket"),
    text("path"),
    text("net_namespace"),
];

impl Table for ListeningPorts {
    fn name(&self) -> &'static str {
        "listening_ports"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for socket in sockets::all(scan, None)? {
            let entry = socket.entry;
            let is_unix = entry.family == FAMILY_UNIX;
            let is_listed = if is_unix { !entry.path.is_empty() } else { entry.remote.1 == 0 };
            if !is_listed {
                continue;
            }
            let row = scan
                .row()
                .set("pid", socket.pid)
                .set("port", entry.local.1)
                .set("protocol", entry.protocol)
                .set("family", entry.family)
                .set("address", entry.local.0)
                .set("fd", socket.fd)
                .set("socket", entry.inode)
                .set("path", entry.path)
                .set("net_namespace", socket.namespace.to_string());
            scan.push(row)?;
        }
        Ok(())
    }
}
