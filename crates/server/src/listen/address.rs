// SPDX-License-Identifier: Apache-2.0
//! Who is at the other end: the peer of the connection, the client behind trusted proxies, and how
//! many connections each address has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;

/// The other end of the TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// The client's address: the peer's, or what trusted proxies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// The header by which proxies say whom they speak for.
const FORWARDED: &str = "x-forwarded-for";

/// The address without the IPv6 clothes of an IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// A network: an address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

/// A text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotANetwork;

impl FromStr for Network {
    type Err = NotANetwork;

    /// Reads `10.1.0.0/16`, `fd00::/8` or an address alone.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address = plain(address.parse().map_err(|_| NotANetwork)?);
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= most).ok_or(NotANetwork)?,
        };
        let network = Self { address, bits };
        // Bits behind the mask are a slip of the pen: which network is meant?
        if network.masked(address) == address { Ok(network) } else { Err(NotANetwork) }
    }
}

impl Network {
    fn masked(self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - self.bits.min(32)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - self.bits.min(128)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        }
    }

    /// Whether an address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        let address = plain(address);
        address.is_ipv4() == self.address.is_ipv4() && self.masked(address) == self.address
    }
}

/// The proxies that are believed: those on this machine and those in the networks named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    networks: Vec<Network>,
}

impl Proxies {
    /// Proxies on this machine and in these networks.
    pub fn new(networks: Vec<Network>) -> Self {
        Self { networks }
    }

    /// Whether what this address says of its clients is believed.
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = plain(address);
        address.is_loopback() || self.networks.iter().any(|network| network.contains(address))
    }
}

/// The client of a request that came from `peer`; without `proxies` nobody stands in front.
///
/// Only a trusted proxy is believed, and `X-Forwarded-For` is read from its end: each proxy
/// appends what it saw, so the last address that is not itself a trusted proxy is the client, and
/// whatever the client wrote before it is never reached.
pub fn client(peer: IpAddr, headers: &HeaderMap, proxies: Option<&Proxies>) -> ClientAddr {
    let mut client = plain(peer);
    let Some(proxies) = proxies.filter(|proxies| proxies.trust(client)) else {
        return ClientAddr(client);
    };
    let values = headers.get_all(FORWARDED).iter().rev();
    for value in values {
        for part in value.to_str().unwrap_or_default().rsplit(',') {
            let Some(address) = parse(part.trim()) else { return ClientAddr(client) };
            client = plain(address);
            if !proxies.trust(client) {
                return ClientAddr(client);
            }
        }
    }
    ClientAddr(client)
}

/// Whether a peer speaks like a proxy of one's own network without being a trusted one: the server
/// was told of a proxy, and its operator has probably forgotten to name it.
pub fn is_unnamed_proxy(peer: IpAddr, headers: &HeaderMap, proxies: Option<&Proxies>) -> bool {
    let near = match plain(peer) {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    };
    near && headers.contains_key(FORWARDED) && proxies.is_some_and(|proxies| !proxies.trust(peer))
}

/// An address with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let address = text.parse().ok();
    address.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

/// Connections by address. An IPv6 client owns at least a /64, so that is what counts.
#[derive(Debug, Clone)]
pub struct AddressCounts {
    max: usize,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl AddressCounts {
    /// Counts up to `max` for each address.
    pub fn new(max: usize) -> Self {
        Self { max, open: Arc::default() }
    }

    /// Counts one more connection until the answer is dropped; `None` when the address has its
    /// share. An exempt address is not counted.
    pub fn enter(&self, address: IpAddr, exempt: bool) -> Option<Counted> {
        if exempt {
            return Some(Counted { address: None, open: Arc::clone(&self.open) });
        }
        let address = network(address);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Counted { address: Some(address), open: Arc::clone(&self.open) })
    }
}

/// What one holder of addresses surely has: an IPv4 address, or an IPv6 /64.
pub fn network(address: IpAddr) -> IpAddr {
    match plain(address) {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

/// One counted connection.
#[derive(Debug)]
pub struct Counted {
    address: Option<IpAddr>,
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(forwarded: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED, value.parse().unwrap());
        }
        headers
    }

    fn trusting(networks: &[&str]) -> Proxies {
        Proxies::new(networks.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn client_of(peer: &str, forwarded: &[&str], proxies: Option<&Proxies>) -> String {
        client(peer.parse().unwrap(), &headers(forwarded), proxies).0.to_string()
    }

    #[test]
    fn only_trusted_peers_are_believed_and_only_behind_a_proxy() {
        let (local, own) = (trusting(&[]), trusting(&["10.0.0.0/30", "fd00::1"]));
        let said = &["203.0.113.9"];
        assert_eq!(client_of("127.0.0.1", said, Some(&local)), "203.0.113.9");
        assert_eq!(client_of("::ffff:127.0.0.1", said, Some(&local)), "203.0.113.9");
        assert_eq!(client_of("127.0.0.1", said, None), "127.0.0.1");
        assert_eq!(client_of("10.0.0.1", said, Some(&local)), "10.0.0.1", "not every neighbour");
        assert_eq!(client_of("10.0.0.1", said, Some(&own)), "203.0.113.9");
        assert_eq!(client_of("10.0.0.4", said, Some(&own)), "10.0.0.4");
        assert_eq!(client_of("198.51.100.1", said, Some(&own)), "198.51.100.1");
        assert_eq!(client_of("fd00::1", &["[2001:db8::1]:443"], Some(&own)), "2001:db8::1");
    }

    #[test]
    fn a_client_cannot_forge_its_address() {
        let own = trusting(&["10.0.0.0/8"]);
        let client_of = |forwarded: &[&str]| client_of("127.0.0.1", forwarded, Some(&own));
        assert_eq!(client_of(&["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client_of(&["1.1.1.1", "203.0.113.9,10.0.0.7"]), "203.0.113.9");
        assert_eq!(client_of(&["1.1.1.1, junk, 10.0.0.7"]), "10.0.0.7");
        assert_eq!(client_of(&[""]), "127.0.0.1");
        assert_eq!(client_of(&["192.168.0.4:5000"]), "192.168.0.4");
        assert_eq!(client_of(&["1.1.1.1, 192.168.0.4"]), "192.168.0.4", "a host of the network");
    }

    #[test]
    fn networks_are_read_and_searched() {
        let is_in = |network: &str, address: &str| {
            network.parse::<Network>().unwrap().contains(address.parse().unwrap())
        };
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("192.0.2.128/25", "::ffff:192.0.2.129", "192.0.2.127"),
            ("0.0.0.0/0", "198.51.100.1", "::1"),
            ("2001:db8::/33", "2001:db8:7fff::1", "2001:db8:8000::1"),
            ("::/0", "fe80::1", "192.0.2.1"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.8"),
            ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.8"),
        ] {
            assert!(is_in(network, inside) && !is_in(network, outside), "{network}");
        }
        for text in ["", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "x", "::/129"] {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
    }

    #[test]
    fn a_proxy_that_nobody_named_is_noticed() {
        let is = |peer: &str, forwarded: &[&str], proxies: Option<&Proxies>| {
            is_unnamed_proxy(peer.parse().unwrap(), &headers(forwarded), proxies)
        };
        let (local, own) = (trusting(&[]), trusting(&["172.16.0.0/12"]));
        assert!(is("172.18.0.2", &["203.0.113.9"], Some(&local)));
        assert!(!is("172.18.0.2", &["203.0.113.9"], Some(&own)));
        assert!(!is("172.18.0.2", &["203.0.113.9"], None));
        assert!(!is("172.18.0.2", &[], Some(&local)));
        assert!(!is("198.51.100.1", &["203.0.113.9"], Some(&local)), "strangers may write that");
    }

    #[test]
    fn each_address_has_its_share_and_gets_it_back() {
        let counts = AddressCounts::new(2);
        let enter = |address: &str| counts.enter(address.parse().unwrap(), false);
        let (one, _two) = (enter("192.0.2.1").unwrap(), enter("::ffff:192.0.2.1").unwrap());
        assert!(enter("192.0.2.1").is_none());
        assert!(counts.enter("192.0.2.1".parse().unwrap(), true).is_some());
        drop(one);
        let _three = enter("192.0.2.1").unwrap();
        let _v6 = [enter("2001:db8:0:1::1").unwrap(), enter("2001:db8:0:1:2::1").unwrap()];
        assert!(enter("2001:db8:0:1:3::1").is_none());
        assert!(enter("2001:db8:0:2::1").is_some());
        assert_eq!(
            counts.open.lock().unwrap().len(),
            2,
            "addresses without connections are forgotten"
        );
    }
}
