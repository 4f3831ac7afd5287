// SPDX-License-Identifier: Apache-2.0
//! Asking the kernel for a list over rtnetlink (`rtnetlink(7)`): the request, the parts of the
//! answer, and the attributes in them. What the lists mean is told by the tables.
//!
//! Everything is taken from offsets with bounds: a message that lies about its length ends
//! the list of its attributes, nothing else.

use std::io;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recvfrom, sendto,
    setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use super::record::{u16_at, u32_at};
use super::{Scan, TableError};
use crate::limits::{NETLINK_BYTES_MAX, NETLINK_WAIT_MAX};

/// Asks for the network interfaces.
pub const RTM_GETLINK: u16 = 18;
/// Asks for the routes.
pub const RTM_GETROUTE: u16 = 26;

const HEADER_BYTES: usize = 16;
const ATTRIBUTE_HEADER_BYTES: usize = 4;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;
/// The list changed while it was read.
const NLM_F_DUMP_INTR: u16 = 0x10;
/// The kernel's parts are 32 KiB at the most.
const PART_BYTES: usize = 64 * 1024;
/// How often a list that changed while it was read is asked for again.
const ATTEMPTS: usize = 5;

/// The entries of a list: what follows the header of each message of the answer.
///
/// `question` is the kind, `family` an address family (0 for all), `body_bytes` the size of
/// the kind's fixed part, which is sent with nothing but the family in it.
///
/// # Errors
/// When the kernel refuses or does not answer, the answer is larger than
/// [`NETLINK_BYTES_MAX`], or the query must end.
pub fn dump(
    scan: &Scan<'_>,
    question: u16,
    family: u8,
    body_bytes: usize,
) -> Result<Vec<Vec<u8>>, TableError> {
    let mut last = Vec::new();
    for _ in 0..ATTEMPTS {
        let (entries, is_consistent) = dump_once(scan, question, family, body_bytes)?;
        if is_consistent {
            return Ok(entries);
        }
        last = entries;
    }
    // Busy for good: entries may be missing or twice, as for any list of a moving thing.
    Ok(last)
}

fn dump_once(
    scan: &Scan<'_>,
    question: u16,
    family: u8,
    body_bytes: usize,
) -> Result<(Vec<Vec<u8>>, bool), TableError> {
    let unreadable = |error: Errno| scan.unreadable(error.into());
    let kernel = NetlinkAddr::new(0, 0);
    let protocol = SockProtocol::NetlinkRoute;
    let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)
        .map_err(unreadable)?;
    let wait = TimeVal::seconds(NETLINK_WAIT_MAX.as_secs().cast_signed());
    setsockopt(&socket, sockopt::ReceiveTimeout, &wait).map_err(unreadable)?;
    let request = request(question, family, body_bytes);
    sendto(socket.as_raw_fd(), &request, &kernel, MsgFlags::empty()).map_err(unreadable)?;
    let mut answer = Answer::default();
    let mut part = vec![0; PART_BYTES];
    let mut bytes = 0;
    while !answer.is_done {
        scan.check()?;
        let (length, from) = match recvfrom::<NetlinkAddr>(socket.as_raw_fd(), &mut part) {
            Err(Errno::EINTR) => continue,
            other => other.map_err(unreadable)?,
        };
        // Only the kernel is asked.
        if from.is_some_and(|from| from.pid() != 0) {
            continue;
        }
        bytes += length;
        if bytes > NETLINK_BYTES_MAX {
            return Err(scan.too_much(format!("{NETLINK_BYTES_MAX} bytes over netlink")));
        }
        answer.take(&part[..length]).map_err(|error| scan.unreadable(error))?;
    }
    Ok((answer.entries, !answer.is_interrupted))
}

fn request(question: u16, family: u8, body_bytes: usize) -> Vec<u8> {
    let mut request = vec![0; HEADER_BYTES + body_bytes];
    let length = u32::try_from(request.len()).expect("a request is a few bytes");
    request[..4].copy_from_slice(&length.to_ne_bytes());
    request[4..6].copy_from_slice(&question.to_ne_bytes());
    request[6..8].copy_from_slice(&(NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    request[HEADER_BYTES] = family;
    request
}

/// The answer as far as it has come.
#[derive(Debug, Default)]
struct Answer {
    entries: Vec<Vec<u8>>,
    is_interrupted: bool,
    is_done: bool,
}

impl Answer {
    /// Takes a part: several messages, each with its length first.
    fn take(&mut self, part: &[u8]) -> io::Result<()> {
        let mut rest = part;
        while let (Some(length), Some(kind), Some(flags)) =
            (u32_at(rest, 0), u16_at(rest, 4), u16_at(rest, 6))
        {
            let length = length as usize;
            let Some(body) = rest.get(HEADER_BYTES..length) else { break };
            self.is_interrupted |= flags & NLM_F_DUMP_INTR != 0;
            match kind {
                NLMSG_DONE => {
                    self.is_done = true;
                    return Ok(());
                }
                NLMSG_ERROR => {
                    let code = u32_at(body, 0).map_or(Errno::EPROTO as i32, u32::cast_signed);
                    return Err(io::Error::from_raw_os_error(code.saturating_neg()));
                }
                _ => self.entries.push(body.to_owned()),
            }
            rest = rest.get(aligned(length)..).unwrap_or_default();
        }
        Ok(())
    }
}

/// The attributes in `bytes`: kinds without their flags, and contents.
pub fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (length, kind) = (u16_at(rest, 0)?.into(), u16_at(rest, 2)?);
        let content = rest.get(ATTRIBUTE_HEADER_BYTES..length)?;
        rest = rest.get(aligned(length)..).unwrap_or_default();
        // The two upper bits say that it is nested, and in which byte order.
        Some((kind & 0x3fff, content))
    })
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An attribute with its header and padding.
    pub fn attribute(kind: u16, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len() + 4).unwrap();
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend_from_slice(content);
        bytes.resize(aligned(bytes.len()), 0);
        bytes
    }

    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER_BYTES + body.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([kind.to_ne_bytes(), flags.to_ne_bytes()].concat());
        bytes.extend([0; 8]);
        bytes.extend_from_slice(body);
        bytes.resize(aligned(bytes.len()), 0);
        bytes
    }

    #[test]
    fn a_part_holds_several_messages() {
        let mut answer = Answer::default();
        let part = [message(24, 2, b"one"), message(24, 2 | NLM_F_DUMP_INTR, b"three")].concat();
        answer.take(&part).unwrap();
        assert_eq!(answer.entries, [b"one".to_vec(), b"three".to_vec()]);
        assert!(answer.is_interrupted && !answer.is_done);
        answer.take(&message(NLMSG_DONE, 2, &[0; 4])).unwrap();
        assert!(answer.is_done);
    }

    #[test]
    fn a_refusal_is_an_error() {
        let refusal = message(NLMSG_ERROR, 0, &(-1_i32).to_ne_bytes());
        let error = Answer::default().take(&refusal).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        assert!(Answer::default().take(&message(NLMSG_ERROR, 0, &[])).is_err());
    }

    #[test]
    fn lies_about_lengths_end_the_list() {
        for length in [0_u32, 3, 15, 400, u32::MAX] {
            let mut part = message(24, 2, b"body");
            part[..4].copy_from_slice(&length.to_ne_bytes());
            let mut answer = Answer::default();
            answer.take(&part).unwrap();
            assert!(answer.entries.is_empty(), "{length}");
        }
        let mut bytes = attribute(3, b"eth0\0");
        bytes.extend(attribute(0x8004, &[1, 2, 3, 4]));
        let found: Vec<_> = attributes(&bytes).collect();
        assert_eq!(found, [(3, b"eth0\0".as_slice()), (4, &[1, 2, 3, 4])]);
        for length in [0_u16, 3, 200] {
            bytes[..2].copy_from_slice(&length.to_ne_bytes());
            assert_eq!(attributes(&bytes).count(), 0, "{length}");
        }
    }
}
