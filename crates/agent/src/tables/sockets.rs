// SPDX-License-Identifier: Apache-2.0
//! The socket lists of `/proc/PID/net`, for the tables `process_open_sockets` and
//! `listening_ports`. One list a network namespace; which process holds a socket is found
//! through the links in `/proc/PID/fd`.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Scan, TableError, proc, read};
use crate::limits::SOCKET_LIST_BYTES_MAX;

/// `AF_UNIX`, `AF_INET` and `AF_INET6` of Linux.
pub const FAMILY_UNIX: i32 = 1;
const FAMILY_INET: i32 = 2;
const FAMILY_INET6: i32 = 10;

/// The internet lists: file, family, IP protocol number.
const LISTS: [(&str, i32, i32); 8] = [
    ("tcp", FAMILY_INET, PROTOCOL_TCP),
    ("tcp6", FAMILY_INET6, PROTOCOL_TCP),
    ("udp", FAMILY_INET, 17),
    ("udp6", FAMILY_INET6, 17),
    ("udplite", FAMILY_INET, 136),
    ("udplite6", FAMILY_INET6, 136),
    ("raw", FAMILY_INET, 255),
    ("raw6", FAMILY_INET6, 255),
];
const PROTOCOL_TCP: i32 = 6;

/// States of TCP by the kernel's number less one (`include/net/tcp_states.h`).
const TCP_STATES: [&str; 11] = [
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSED",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
];

/// One socket, once for each process that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Socket {
    /// The process, or -1 when none could be found.
    pub pid: i32,
    /// Its lowest descriptor for the socket, or -1.
    pub fd: i64,
    /// What the list says.
    pub entry: Entry,
    /// Inode of the network namespace.
    pub namespace: u64,
}

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Inode of the socket; 0 when the kernel has let go of it.
    pub inode: u64,
    /// Address family.
    pub family: i32,
    /// IP protocol, 0 for UNIX sockets.
    pub protocol: i32,
    /// Local address and port.
    pub local: (String, i64),
    /// Remote address and port.
    pub remote: (String, i64),
    /// Name of a UNIX socket.
    pub path: String,
    /// State of a TCP socket, else empty.
    pub state: &'static str,
}

/// Every socket of the given processes; all sockets of the machine when `pids` is `None`.
///
/// # Errors
/// When `/proc` cannot be listed or the query must end.
pub fn all(scan: &Scan<'_>, only: Option<&[i32]>) -> Result<Vec<Socket>, TableError> {
    let pids = match only {
        Some(pids) => pids.to_vec(),
        None => proc::pids(scan)?,
    };
    let mut holders: HashMap<u64, Vec<(i32, i64)>> = HashMap::new();
    // Any process of a namespace can show its lists.
    let mut namespaces: BTreeMap<u64, i32> = BTreeMap::new();
    for pid in pids {
        scan.check()?;
        for (inode, fd) in descriptors(pid) {
            holders.entry(inode).or_default().push((pid, fd));
        }
        let namespace = proc::link(pid, "ns/net").and_then(|link| proc::inode_of(&link, "net"));
        if let Some(namespace) = namespace {
            namespaces.entry(namespace).or_insert(pid);
        }
    }
    let mut sockets = Vec::new();
    for (namespace, pid) in namespaces {
        scan.check()?;
        for entry in entries(pid) {
            match holders.get(&entry.inode) {
                Some(held) => sockets.extend(held.iter().map(|(pid, fd)| Socket {
                    pid: *pid,
                    fd: *fd,
                    entry: entry.clone(),
                    namespace,
                })),
                None if only.is_none() => {
                    sockets.push(Socket { pid: -1, fd: -1, entry, namespace });
                }
                None => {}
            }
        }
    }
    Ok(sockets)
}

/// Inodes of the sockets a process holds, each with its lowest descriptor.
fn descriptors(pid: i32) -> BTreeMap<u64, i64> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(proc::directory(pid).join("fd")) else { return found };
    for entry in entries.flatten() {
        let link = fs::read_link(entry.path()).ok();
        let inode = link.and_then(|link| proc::inode_of(&link, "socket"));
        let fd = entry.file_name().to_str().and_then(|name| name.parse::<i64>().ok());
        if let (Some(inode), Some(fd)) = (inode, fd) {
            found
                .entry(inode)
                .and_modify(|lowest: &mut i64| *lowest = fd.min(*lowest))
                .or_insert(fd);
        }
    }
    found
}

/// The lists of the namespace that `pid` lives in. Lists that do not exist (no IPv6) are empty.
fn entries(pid: i32) -> Vec<Entry> {
    let list = |name: &str| {
        let path = proc::directory(pid).join("net").join(name);
        read::text(&path, SOCKET_LIST_BYTES_MAX).unwrap_or_default()
    };
    let mut entries = Vec::new();
    for (name, family, protocol) in LISTS {
        let text = list(name);
        entries.extend(text.lines().skip(1).filter_map(|line| internet(line, family, protocol)));
    }
    let unix = list("unix");
    entries.extend(unix.lines().skip(1).filter_map(unix_entry));
    entries
}

/// A line of `tcp`, `udp` and their kin (`proc_net(5)`).
fn internet(line: &str, family: i32, protocol: i32) -> Option<Entry> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let state = usize::from_str_radix(fields.get(3)?, 16).ok()?;
    let state = match protocol {
        PROTOCOL_TCP => TCP_STATES.get(state.checked_sub(1)?).copied().unwrap_or("UNKNOWN"),
        _ => "",
    };
    Some(Entry {
        inode: fields.get(9)?.parse().ok()?,
        family,
        protocol,
        local: endpoint(fields.get(1)?)?,
        remote: endpoint(fields.get(2)?)?,
        path: String::new(),
        state,
    })
}

/// `ADDRESS:PORT` in hexadecimal: the address in 32-bit words of the machine's byte order.
fn endpoint(text: &str) -> Option<(String, i64)> {
    let (address, port) = text.split_once(':')?;
    let words: Vec<u32> = (0..address.len() / 8)
        .map(|word| u32::from_str_radix(address.get(word * 8..word * 8 + 8)?, 16).ok())
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let address = if let Ok(bytes) = <[u8; 4]>::try_from(bytes.as_slice()) {
        IpAddr::V4(Ipv4Addr::from(bytes))
    } else {
        IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?))
    };
    Some((address.to_string(), i64::from_str_radix(port, 16).ok()?))
}

/// A line of `unix`; the name is last, may hold spaces and is missing for nameless sockets.
fn unix_entry(line: &str) -> Option<Entry> {
    let mut rest = line;
    let mut inode = None;
    for _ in 0..7 {
        let (field, after) = rest.trim_start().split_once(' ').unwrap_or((rest.trim_start(), ""));
        (inode, rest) = (Some(field), after);
    }
    Some(Entry {
        inode: inode?.parse().ok()?,
        family: FAMILY_UNIX,
        protocol: 0,
        local: (String::new(), 0),
        remote: (String::new(), 0),
        path: rest.trim_start().to_owned(),
        state: "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn addresses_are_in_the_byte_order_of_the_machine() {
        assert_eq!(endpoint("0100007F:1F90"), Some(("127.0.0.1".to_owned(), 8_080)));
        assert_eq!(
            endpoint("B80D01200000000067452301EFCDAB89:0016"),
            Some(("2001:db8::123:4567:89ab:cdef".to_owned(), 22))
        );
        assert_eq!(endpoint("0100007F"), None);
        assert_eq!(endpoint("0100:0016"), None);
    }

    #[test]
    fn a_tcp_line() {
        let line = "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000 \
                    0        0 5312 1 0000000000000000 100 0 0 10 0";
        let entry = internet(line, FAMILY_INET, PROTOCOL_TCP).unwrap();
        assert_eq!((entry.inode, entry.state), (5_312, "LISTEN"));
        assert_eq!(entry.local, ("0.0.0.0".to_owned(), 22));
        assert_eq!(internet(line, FAMILY_INET, 17).unwrap().state, "");
        assert_eq!(internet("garbage", FAMILY_INET, 17), None);
    }

    #[test]
    fn unix_lines_with_and_without_a_name() {
        let named = "0000000000000000: 00000002 00000000 00010000 0001 01 17112 /run/a b.sock";
        let entry = unix_entry(named).unwrap();
        assert_eq!((entry.inode, entry.path.as_str()), (17_112, "/run/a b.sock"));
        let nameless = "0000000000000000: 00000003 00000000 00000000 0001 03 17113";
        let entry = unix_entry(nameless).unwrap();
        assert_eq!((entry.inode, entry.path.as_str()), (17_113, ""));
        assert_eq!(unix_entry("short"), None);
    }
}
