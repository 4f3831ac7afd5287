// SPDX-License-Identifier: Apache-2.0
//! Who is at the other end: the peer of the connection, the client behind trusted proxies, and how
//! many connections each address has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::HeaderMap;

/// The other end of the TCP connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeerAddr(pub SocketAddr);

/// The client's address: the peer's, or what trusted proxies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// The address without the IPv6 clothes of an IPv4 address.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Whether the address is the machine's own or one of a private network.
pub fn is_near(address: IpAddr) -> bool {
    match plain(address) {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// The client of a request that came from `peer`.
///
/// Only a near peer is believed, and `X-Forwarded-For` is read from its end: each proxy appends
/// what it saw, so the last address that is not itself near is the client, and whatever the client
/// wrote before it is never reached.
pub fn client(peer: IpAddr, headers: &HeaderMap, behind_proxy: bool) -> ClientAddr {
    let mut client = plain(peer);
    if !behind_proxy || !is_near(client) {
        return ClientAddr(client);
    }
    let values = headers.get_all("x-forwarded-for").iter().rev();
    for value in values {
        for part in value.to_str().unwrap_or_default().rsplit(',') {
            let Some(address) = parse(part.trim()) else { return ClientAddr(client) };
            client = plain(address);
            if !is_near(client) {
                return ClientAddr(client);
            }
        }
    }
    ClientAddr(client)
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

    fn client_of(peer: &str, forwarded: &[&str], behind_proxy: bool) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        client(peer.parse().unwrap(), &headers, behind_proxy).0.to_string()
    }

    #[test]
    fn only_near_peers_are_believed_and_only_behind_a_proxy() {
        assert_eq!(client_of("10.0.0.1", &["203.0.113.9"], true), "203.0.113.9");
        assert_eq!(client_of("10.0.0.1", &["203.0.113.9"], false), "10.0.0.1");
        assert_eq!(client_of("198.51.100.1", &["203.0.113.9"], true), "198.51.100.1");
        assert_eq!(client_of("::ffff:127.0.0.1", &["203.0.113.9"], true), "203.0.113.9");
        assert_eq!(client_of("fd00::1", &["[2001:db8::1]:443"], true), "2001:db8::1");
    }

    #[test]
    fn a_client_cannot_forge_its_address() {
        assert_eq!(client_of("127.0.0.1", &["1.1.1.1, 203.0.113.9"], true), "203.0.113.9");
        assert_eq!(
            client_of("127.0.0.1", &["1.1.1.1", "203.0.113.9,10.0.0.7"], true),
            "203.0.113.9"
        );
        assert_eq!(client_of("127.0.0.1", &["1.1.1.1, junk, 10.0.0.7"], true), "10.0.0.7");
        assert_eq!(client_of("127.0.0.1", &[""], true), "127.0.0.1");
        assert_eq!(client_of("127.0.0.1", &["192.168.0.4:5000"], true), "192.168.0.4");
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
