// SPDX-License-Identifier: Apache-2.0
//! `dns_resolvers`: how the C library resolves names, from `/etc/resolv.conf`
//! (`resolv.conf(5)`): name servers, search domains and the list to sort by.
//!
//! The file is read as the C library reads it: at most three servers, six domains and ten
//! entries to sort by, the local machine where no server is named, the domain of the host name
//! where none is searched. The environment (`LOCALDOMAIN`, `RES_OPTIONS`) is the agent's own
//! and says nothing about the machine. `netmask` of an entry to sort by is the length of its
//! prefix.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use super::{Column, NAMESPACE_COLUMN, Scan, Table, TableError, bigint, integer, read, text};
use crate::limits::ETC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct DnsResolvers;

const COLUMNS: &[Column] = &[
    integer("id"),
    text("type"),
    text("address"),
    text("netmask"),
    bigint("options"),
    integer(NAMESPACE_COLUMN).additional().hidden(),
];

/// `MAXNS`, `MAXDNSRCH` and `MAXRESOLVSORT` of `resolv.h`.
const SERVERS_MAX: usize = 3;
const DOMAINS_MAX: usize = 6;
const SORT_MAX: usize = 10;

/// Initialised, recursive, with default names and search: what is set without options.
const OPTIONS_DEFAULT: i64 = 0x1 | 0x40 | 0x80 | 0x200;
/// The options that are a bit each (`resolv.h`).
const OPTIONS: [(&str, i64); 11] = [
    ("use-vc", 0x8),
    ("rotate", 0x4000),
    ("edns0", 0x10_0000),
    ("single-request", 0x20_0000),
    ("single-request-reopen", 0x40_0000),
    ("no-tld-query", 0x100_0000),
    ("no_tld_query", 0x100_0000),
    ("no-reload", 0x200_0000),
    ("no_reload", 0x200_0000),
    ("trust-ad", 0x400_0000),
    ("no-aaaa", 0x800_0000),
];

impl Table for DnsResolvers {
    fn name(&self) -> &'static str {
        "dns_resolvers"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let conf = read::text_if_exists(Path::new("/etc/resolv.conf"), ETC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        let name = nix::unistd::gethostname().unwrap_or_default();
        let resolver = Resolver::parse(&conf, &name.to_string_lossy());
        let servers = resolver.servers.iter().map(|address| (address.to_string(), Some(32)));
        let sort = resolver.sort.iter().map(|(net, length)| (net.to_string(), Some(*length)));
        let domains = resolver.domains.iter().map(|domain| (domain.clone(), None));
        let rows = (servers.enumerate().map(|(id, row)| ("nameserver", id, row)))
            .chain(sort.enumerate().map(|(id, row)| ("sortlist", id, row)))
            .chain(domains.enumerate().map(|(id, row)| ("search", id, row)));
        for (kind, id, (address, netmask)) in rows {
            let row = scan
                .row()
                .set("id", id)
                .set("type", kind)
                .set("address", address)
                .set("netmask", netmask)
                .set("options", resolver.options)
                .set(NAMESPACE_COLUMN, 0);
            scan.push(row)?;
        }
        Ok(())
    }
}

/// What the file says.
#[derive(Debug, PartialEq)]
struct Resolver {
    servers: Vec<IpAddr>,
    /// Networks and the lengths of their prefixes.
    sort: Vec<(Ipv4Addr, u32)>,
    domains: Vec<String>,
    options: i64,
}

impl Resolver {
    fn parse(conf: &str, hostname: &str) -> Self {
        let mut found = Self {
            servers: Vec::new(),
            sort: Vec::new(),
            domains: Vec::new(),
            options: OPTIONS_DEFAULT,
        };
        for line in conf.lines().filter(|line| !line.starts_with(['#', ';'])) {
            // The keyword starts the line.
            let Some((keyword, rest)) = line.split_once([' ', '\t']) else { continue };
            let mut words = rest.split_ascii_whitespace();
            match keyword {
                "nameserver" => found.servers.extend(words.next().and_then(server)),
                // The last of these lines holds.
                "domain" => found.domains = words.take(1).map(str::to_owned).collect(),
                "search" => found.domains = words.take(DOMAINS_MAX).map(str::to_owned).collect(),
                "sortlist" => found.sort.extend(words.filter_map(network)),
                "options" => {
                    found.options |= words.filter_map(option).fold(0, |all, bit| all | bit)
                }
                _ => {}
            }
        }
        found.servers.truncate(SERVERS_MAX);
        found.sort.truncate(SORT_MAX);
        if found.servers.is_empty() {
            found.servers.push(Ipv4Addr::LOCALHOST.into());
        }
        if found.domains.is_empty() {
            let domain = hostname.split_once('.').map(|(_, domain)| domain.to_owned());
            found.domains.extend(domain.filter(|domain| !domain.is_empty()));
        }
        found
    }
}

/// An address, without the interface that may follow a link-local one.
fn server(word: &str) -> Option<IpAddr> {
    word.split('%').next()?.parse().ok()
}

/// `NETWORK[/MASK]`; without a mask it is that of the network's class.
fn network(word: &str) -> Option<(Ipv4Addr, u32)> {
    let (net, mask) = word.split_once(['/', '&']).map_or((word, None), |(n, m)| (n, Some(m)));
    let net: Ipv4Addr = net.parse().ok()?;
    let length = match mask {
        Some(mask) => mask.parse::<Ipv4Addr>().ok()?.to_bits().count_ones(),
        None => match net.octets()[0] {
            0..=127 => 8,
            128..=191 => 16,
            _ => 24,
        },
    };
    Some((net, length))
}

fn option(word: &str) -> Option<i64> {
    OPTIONS.iter().find(|(name, _)| *name == word).map(|(_, bit)| *bit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_file() {
        let conf = "# comment\n; another\nnameserver 192.0.2.1\nnameserver\tfe80::1%eth0\n\
                    nameserver nonsense\ndomain old.example\nsearch a.example  b.example\n\
                    sortlist 130.155.160.0/255.255.240.0 10.1.0.0 x/y\n\
                    options rotate timeout:1 edns0 unheard-of\nnameserver 192.0.2.3\n\
                    nameserver 192.0.2.4\n  nameserver 192.0.2.5\n";
        let found = Resolver::parse(conf, "web.example.org");
        let servers: Vec<_> = found.servers.iter().map(IpAddr::to_string).collect();
        assert_eq!(servers, ["192.0.2.1", "fe80::1", "192.0.2.3"]);
        assert_eq!(found.domains, ["a.example", "b.example"]);
        let sort = [(Ipv4Addr::new(130, 155, 160, 0), 20), (Ipv4Addr::new(10, 1, 0, 0), 8)];
        assert_eq!(found.sort, sort);
        assert_eq!(found.options, OPTIONS_DEFAULT | 0x4000 | 0x10_0000);
    }

    #[test]
    fn without_a_file_the_machine_asks_itself() {
        let found = Resolver::parse("nameserver\n\nsearch", "web.example.org");
        assert_eq!(found.servers, [IpAddr::from(Ipv4Addr::LOCALHOST)]);
        assert_eq!((found.domains, found.options), (vec!["example.org".to_owned()], 705));
        assert!(Resolver::parse("", "web").domains.is_empty());
    }
}
