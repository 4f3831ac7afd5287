// SPDX-License-Identifier: Apache-2.0
//! The packet filter's rules as the kernel hands them out to `iptables`: one block of entries a
//! table (`linux/netfilter_ipv4/ip_tables.h`), taken apart here into chains and rules.
//!
//! The block is asked for with `getsockopt`, which needs `CAP_NET_ADMIN`. Everything in it is
//! read from offsets with bounds. What matches and targets hold is not understood, but for the
//! ports of the plain `tcp` and `udp` matches.

use std::collections::HashMap;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::record::{text_at, u16_at, u32_at, u64_at};
use crate::limits::IPTABLES_BYTES_MAX;

const IPT_SO_GET_INFO: libc::c_int = 64;
const IPT_SO_GET_ENTRIES: libc::c_int = 65;
/// Bytes of the name of a table.
const NAME_BYTES: usize = 32;
/// Bytes of `struct ipt_getinfo`, and of `struct ipt_get_entries` before its entries.
const INFO_BYTES: usize = 84;
const ENTRIES_HEADER_BYTES: usize = 40;
/// Bytes of `struct ipt_entry`, `struct xt_entry_match` and `struct xt_entry_target` before
/// what is particular to them.
const ENTRY_BYTES: usize = 112;
const EXTENSION_BYTES: usize = 32;
/// Bytes of the name of a match or target.
const EXTENSION_NAME_BYTES: usize = 29;
/// The places in the kernel at which chains of their own begin, by number.
const HOOKS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
/// The target that stands for the name of a chain, or for the end of the table.
const ERROR_TARGET: &str = "ERROR";
/// How often a table that changed between the two questions is asked for again.
const ATTEMPTS: usize = 5;

/// Bits of `Rule::inverted`.
pub const INVERTED_INPUT: u8 = 0x01;
/// See [`INVERTED_INPUT`].
pub const INVERTED_OUTPUT: u8 = 0x02;
/// See [`INVERTED_INPUT`].
pub const INVERTED_SOURCE: u8 = 0x08;
/// See [`INVERTED_INPUT`].
pub const INVERTED_DESTINATION: u8 = 0x10;
/// See [`INVERTED_INPUT`].
pub const INVERTED_PROTOCOL: u8 = 0x40;

/// A chain of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// What becomes of packets that no rule decides on; chains of users have none.
    pub policy: Option<Policy>,
    /// The rules in their order.
    pub rules: Vec<Rule>,
}

/// The end of a built-in chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// `ACCEPT` or `DROP`.
    pub verdict: &'static str,
    /// Packets that came so far.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What a rule says of one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// The address, which `mask` narrows.
    pub address: Ipv4Addr,
    /// Bits of the address that count.
    pub mask: Ipv4Addr,
    /// Name of the interface, or its beginning; empty for all.
    pub interface: String,
    /// Bytes of the interface's name that count, up to the first that does not.
    pub interface_mask: Vec<u8>,
    /// First and last port, with `!` before them when all others are meant.
    pub ports: Option<String>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Where packets come from.
    pub source: Side,
    /// Where they go to.
    pub destination: Side,
    /// IP protocol, 0 for all.
    pub protocol: u16,
    /// Which parts of the rule mean everything else.
    pub inverted: u8,
    /// The verdict, the extension or the chain that packets go to; empty for none.
    pub target: String,
}

/// The chains of a table; `None` when it is no longer there.
///
/// # Errors
/// When the kernel refuses (mostly for lack of `CAP_NET_ADMIN`), when the table is larger than
/// [`IPTABLES_BYTES_MAX`], or when what comes is no table.
pub fn chains(table: &str) -> io::Result<Option<Vec<Chain>>> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    for _ in 0..ATTEMPTS {
        let mut info = vec![0; INFO_BYTES];
        name_into(table, &mut info)?;
        match get(&socket, IPT_SO_GET_INFO, &mut info) {
            Ok(()) => {}
            Err(Errno::ENOENT | Errno::ENOPROTOOPT) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let info = Info::parse(&info).ok_or_else(broken)?;
        if info.size > IPTABLES_BYTES_MAX {
            let message = format!("the table is larger than {IPTABLES_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let mut entries = vec![0; ENTRIES_HEADER_BYTES + info.size];
        name_into(table, &mut entries)?;
        let size = u32::try_from(info.size).map_err(|_| broken())?;
        entries[NAME_BYTES..NAME_BYTES + 4].copy_from_slice(&size.to_ne_bytes());
        match get(&socket, IPT_SO_GET_ENTRIES, &mut entries) {
            Ok(()) => {
                let chains = parse(&info, &entries[ENTRIES_HEADER_BYTES..]);
                return chains.ok_or_else(broken).map(Some);
            }
            // It changed in between.
            Err(Errno::EAGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "the table keeps changing; ask again"))
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the kernel's table has a form that is not known")
}

fn name_into(table: &str, buffer: &mut [u8]) -> io::Result<()> {
    let field = buffer.get_mut(..table.len()).filter(|field| field.len() < NAME_BYTES);
    field.ok_or_else(broken)?.copy_from_slice(table.as_bytes());
    Ok(())
}

/// Asks for an option that is as large as `buffer`, which also holds the question.
fn get(socket: &OwnedFd, option: libc::c_int, buffer: &mut [u8]) -> Result<(), Errno> {
    let mut length = libc::socklen_t::try_from(buffer.len()).map_err(|_| Errno::EINVAL)?;
    #[expect(unsafe_code, reason = "no library has this option; the kernel stays within `length`")]
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::IPPROTO_IP,
            option,
            buffer.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    Errno::result(result).map(drop)
}

/// Where a table's built-in chains begin.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Info {
    /// Offset and name.
    hooks: Vec<(usize, &'static str)>,
    size: usize,
}

impl Info {
    /// `struct ipt_getinfo`: the hooks in use at 32, their offsets from 36, the size at 80.
    fn parse(info: &[u8]) -> Option<Self> {
        let valid = u32_at(info, 32)?;
        let used = HOOKS.iter().enumerate().filter(|(hook, _)| valid >> hook & 1 == 1);
        let hooks = used.map(|(hook, name)| Some((u32_at(info, 36 + hook * 4)? as usize, *name)));
        Some(Self { hooks: hooks.collect::<Option<_>>()?, size: u32_at(info, 80)? as usize })
    }
}

/// One entry of the block: its offset and its bytes.
#[derive(Clone, Copy)]
struct Entry<'b> {
    offset: usize,
    bytes: &'b [u8],
}

impl<'b> Entry<'b> {
    /// The entries one after another; `None` when one lies about its size.
    fn all(block: &'b [u8]) -> Option<Vec<Self>> {
        let mut entries = Vec::new();
        let mut offset = 0;
        while offset < block.len() {
            let rest = &block[offset..];
            let size = usize::from(u16_at(rest, 90)?);
            let target = usize::from(u16_at(rest, 88)?);
            if size < ENTRY_BYTES + EXTENSION_BYTES
                || target < ENTRY_BYTES
                || target + EXTENSION_BYTES > size
            {
                return None;
            }
            entries.push(Self { offset, bytes: rest.get(..size)? });
            offset += size;
        }
        Some(entries)
    }

    fn target(&self) -> &'b [u8] {
        let at = u16_at(self.bytes, 88).map_or(self.bytes.len(), usize::from);
        self.bytes.get(at..).unwrap_or_default()
    }

    fn target_name(&self) -> String {
        extension_name(self.target())
    }

    /// What the standard target does: a verdict below 0, a place to go on otherwise.
    fn verdict(&self) -> i32 {
        u32_at(self.target(), EXTENSION_BYTES).unwrap_or_default().cast_signed()
    }

    /// The ports of the first plain match, of the source and of the destination.
    fn ports(&self) -> (Option<String>, Option<String>) {
        let matches = self.bytes.len() - self.target().len();
        let mut rest = self.bytes.get(ENTRY_BYTES..matches).unwrap_or_default();
        while let Some(size) = u16_at(rest, 0).map(usize::from) {
            let Some(content) = rest.get(EXTENSION_BYTES..size) else { break };
            let inverted = match extension_name(rest).as_str() {
                "tcp" => content.get(11),
                "udp" => content.get(8),
                _ => None,
            };
            if let Some(inverted) = inverted {
                let range = |at, bit| {
                    let sign = if inverted & bit == 0 { "" } else { "!" };
                    Some(format!("{sign}{}:{}", u16_at(content, at)?, u16_at(content, at + 2)?))
                };
                return (range(0, 1), range(4, 2));
            }
            rest = rest.get(size..).unwrap_or_default();
        }
        (None, None)
    }

    /// `struct ipt_ip` at the beginning, and the target.
    fn rule(&self, target: String) -> Option<Rule> {
        let bytes = self.bytes;
        let address = |at: usize| Some(Ipv4Addr::from(*bytes.get(at..)?.first_chunk::<4>()?));
        let (source_ports, destination_ports) = self.ports();
        let side = |address_at, mask_at, interface_at: usize, ports| {
            let mask = bytes.get(interface_at + 32..interface_at + 48)?;
            Some(Side {
                address: address(address_at)?,
                mask: address(mask_at)?,
                interface: text_at(bytes, interface_at, 16)?,
                interface_mask: mask.iter().copied().take_while(|byte| *byte != 0).collect(),
                ports,
            })
        };
        Some(Rule {
            source: side(0, 8, 16, source_ports)?,
            destination: side(4, 12, 32, destination_ports)?,
            protocol: u16_at(bytes, 80)?,
            inverted: *bytes.get(83)?,
            target,
        })
    }
}

/// The name of an extension; nothing where there is none.
fn extension_name(extension: &[u8]) -> String {
    text_at(extension, 2, EXTENSION_NAME_BYTES).unwrap_or_default()
}

fn verdict_name(verdict: i32) -> &'static str {
    match verdict {
        -1 => "DROP",
        -2 => "ACCEPT",
        -4 => "QUEUE",
        -5 => "RETURN",
        _ => "",
    }
}

/// Takes a block apart. A chain begins where a hook enters or behind an entry with its name,
/// and its last entry is its end: the policy, or the way back from a chain of a user.
fn parse(info: &Info, block: &[u8]) -> Option<Vec<Chain>> {
    let entries = Entry::all(block)?;
    let mut groups: Vec<(String, bool, Vec<Entry<'_>>)> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if entry.target_name() == ERROR_TARGET {
            if index + 1 < entries.len() {
                let name = text_at(entry.target(), EXTENSION_BYTES, 30)?;
                groups.push((name, false, Vec::new()));
            }
            continue;
        }
        if let Some((_, name)) = info.hooks.iter().find(|(offset, _)| *offset == entry.offset) {
            groups.push(((*name).to_owned(), true, Vec::new()));
        }
        groups.last_mut()?.2.push(*entry);
    }
    let starts: HashMap<usize, &str> = groups
        .iter()
        .filter_map(|(name, _, entries)| Some((entries.first()?.offset, name.as_str())))
        .collect();
    let chain = |(name, is_built_in, entries): &(String, bool, Vec<Entry<'_>>)| {
        let (end, rules) = entries.split_last()?;
        let policy = is_built_in.then(|| Policy {
            verdict: verdict_name(end.verdict()),
            packets: u64_at(end.bytes, 96).unwrap_or_default(),
            bytes: u64_at(end.bytes, 104).unwrap_or_default(),
        });
        let rules = rules.iter().map(|entry| entry.rule(target(*entry, &starts)));
        Some(Chain { name: name.clone(), policy, rules: rules.collect::<Option<_>>()? })
    };
    groups.iter().map(chain).collect()
}

/// The name of what a rule does. Going on with the next rule is nothing.
fn target(entry: Entry<'_>, starts: &HashMap<usize, &str>) -> String {
    let name = entry.target_name();
    if !name.is_empty() {
        return name;
    }
    match usize::try_from(entry.verdict()) {
        Err(_) => verdict_name(entry.verdict()).to_owned(),
        Ok(next) if next == entry.offset + entry.bytes.len() => String::new(),
        Ok(place) => starts.get(&place).copied().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry as the kernel writes it: what a rule says, its matches, its target.
    fn entry(rule: &[(usize, &[u8])], matches: &[Vec<u8>], target: &[u8]) -> Vec<u8> {
        let matches = matches.concat();
        let target_at = ENTRY_BYTES + matches.len();
        let mut bytes = vec![0; ENTRY_BYTES];
        for (at, content) in rule {
            bytes[*at..at + content.len()].copy_from_slice(content);
        }
        let size = |length: usize| u16::try_from(length).unwrap().to_ne_bytes();
        bytes[88..90].copy_from_slice(&size(target_at));
        bytes[90..92].copy_from_slice(&size(target_at + target.len()));
        [bytes, matches, target.to_owned()].concat()
    }

    fn extension(name: &str, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; EXTENSION_BYTES];
        let size = (EXTENSION_BYTES + content.len()).next_multiple_of(8);
        bytes[..2].copy_from_slice(&u16::try_from(size).unwrap().to_ne_bytes());
        bytes[2..2 + name.len()].copy_from_slice(name.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(size, 0);
        bytes
    }

    fn standard(verdict: i32) -> Vec<u8> {
        extension("", &verdict.to_ne_bytes())
    }

    fn head(name: &str) -> Vec<u8> {
        let mut content = name.as_bytes().to_owned();
        content.resize(30, 0);
        entry(&[], &[], &extension(ERROR_TARGET, &content))
    }

    /// Two built-in chains and one of a user: the rules, where they go, and the policies.
    fn table() -> (Info, Vec<u8>) {
        let ports = [22_u16, 22, 0, 65_535].map(u16::to_ne_bytes).concat();
        let tcp = extension("tcp", &[ports.as_slice(), &[0, 0, 0, 0x1]].concat());
        let rule: &[(usize, &[u8])] = &[
            (0, &[192, 0, 2, 0]),
            (8, &[255, 255, 255, 0]),
            (16, b"eth"),
            (48, &[0xff; 3]),
            (80, &6_u16.to_ne_bytes()),
            (83, &[INVERTED_SOURCE]),
        ];
        let counters: &[(usize, &[u8])] =
            &[(96, &7_u64.to_ne_bytes()), (104, &900_u64.to_ne_bytes())];
        let first = entry(rule, &[extension("conntrack", &[0; 5]), tcp], &standard(-1));
        let jump = |place: usize| entry(&[], &[], &standard(i32::try_from(place).unwrap()));
        let small = jump(0).len();
        let user = first.len() + 5 * small + head("x").len();
        let parts = [
            first.clone(),
            jump(user),
            jump(first.len() + 2 * small),
            entry(counters, &[], &standard(-2)),
            entry(&[], &[], &extension("LOG", &[0; 4])),
            entry(&[], &[], &standard(-1)),
            head("from_outside"),
            entry(&[], &[], &standard(-5)),
            entry(&[], &[], &standard(-5)),
            head(ERROR_TARGET),
        ];
        let block = parts.concat();
        let log = first.len() + 3 * small;
        let hooks = vec![(0, "INPUT"), (log, "OUTPUT")];
        (Info { hooks, size: block.len() }, block)
    }

    #[test]
    fn chains_with_their_rules_and_policies() {
        let (info, block) = table();
        let chains = parse(&info, &block).unwrap();
        let shown: Vec<_> = chains
            .iter()
            .map(|chain| {
                let targets = chain.rules.iter().map(|rule| rule.target.as_str());
                let policy = chain.policy.as_ref().map(|policy| policy.verdict);
                (chain.name.as_str(), policy, targets.collect::<Vec<_>>())
            })
            .collect();
        let expected = [
            ("INPUT", Some("ACCEPT"), vec!["DROP", "from_outside", ""]),
            ("OUTPUT", Some("DROP"), vec!["LOG"]),
            ("from_outside", None, vec!["RETURN"]),
        ];
        assert_eq!(shown, expected);
        let policy = chains[0].policy.as_ref().unwrap();
        assert_eq!((policy.packets, policy.bytes), (7, 900));
    }

    #[test]
    fn what_a_rule_says() {
        let (info, block) = table();
        let rule = &parse(&info, &block).unwrap()[0].rules[0];
        assert_eq!(rule.source.address, Ipv4Addr::new(192, 0, 2, 0));
        assert_eq!(rule.source.mask, Ipv4Addr::new(255, 255, 255, 0));
        assert_eq!((rule.source.interface.as_str(), rule.source.interface_mask.len()), ("eth", 3));
        assert_eq!(rule.source.ports.as_deref(), Some("!22:22"));
        assert_eq!(rule.destination.ports.as_deref(), Some("0:65535"));
        assert_eq!(rule.destination.address, Ipv4Addr::UNSPECIFIED);
        assert_eq!((rule.protocol, rule.inverted), (6, INVERTED_SOURCE));
    }

    #[test]
    fn broken_blocks_are_no_tables() {
        let (info, block) = table();
        for (at, value) in [(90, 0_u16), (90, 111), (90, u16::MAX), (88, 0), (88, u16::MAX)] {
            let mut broken = block.clone();
            broken[at..at + 2].copy_from_slice(&value.to_ne_bytes());
            assert_eq!(parse(&info, &broken), None, "{at} {value}");
        }
        for length in 1..block.len() {
            // No cut may do worse than leave chains out.
            let _ = parse(&info, &block[..length]);
        }
        let nowhere = Info { hooks: vec![(3, "INPUT")], size: block.len() };
        assert_eq!(parse(&nowhere, &block), None);
        assert_eq!(parse(&info, &[]), Some(Vec::new()));
        assert_eq!(Info::parse(&[0; 83]), None);
        assert!(chains("a name that is longer than any table's").is_err());
    }
}
