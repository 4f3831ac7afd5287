// SPDX-License-Identifier: Apache-2.0
//! `process_open_sockets`: the sockets of all network namespaces and who holds them.

use super::{Column, Scan, Table, TableError, bigint, integer, proc, sockets, text};

/// See the head of this file.
pub struct ProcessOpenSockets;

const COLUMNS: &[Column] = &[
    integer("pid").additional(),
    bigint("fd"),
    bigint("socket"),
    integer("family"),
    integer("protocol"),
    text("local_address"),
    text("remote_address"),
    integer("local_port"),
    integer("remote_port"),
    text("path"),
    text("state"),
    text("net_namespace"),
];

impl Table for ProcessOpenSockets {
    fn name(&self) -> &'static str {
        "process_open_sockets"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        // `pid = -1` asks for the sockets that nobody holds, so everybody must be looked at.
        let wanted = scan.equals("pid");
        let only = match wanted.is_empty() || wanted.contains(&"-1") {
            true => None,
            false => Some(proc::pids(scan)?),
        };
        for socket in sockets::all(scan, only.as_deref())? {
            let row = scan
                .row()
                .set("pid", socket.pid)
                .set("fd", socket.fd)
                .set("socket", socket.entry.inode)
                .set("family", socket.entry.family)
                .set("protocol", socket.entry.protocol)
                .set("local_address", socket.entry.local.0)
                .set("remote_address", socket.entry.remote.0)
                .set("local_port", socket.entry.local.1)
                .set("remote_port", socket.entry.remote.1)
                .set("path", socket.entry.path)
                .set("state", socket.entry.state)
                .set("net_namespace", socket.namespace.to_string());
            scan.push(row)?;
        }
        Ok(())
    }
}
