// SPDX-License-Identifier: Apache-2.0
//! What the tables of the network and of its names say, compared with the machine and with what
//! its own tools say at the moment. A tool that is not installed is left out.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, UdpSocket};
use std::path::Path;

use serde_json::Value;

use crate::fixture::{error, rows, stable, tool, value};

/// The list that a tool prints; empty when the tool is not installed or cannot print it so.
fn list(name: &str, arguments: &[&str]) -> Vec<Value> {
    let text = tool(name, arguments).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

fn text<'v>(entry: &'v Value, name: &str) -> &'v str {
    entry[name].as_str().unwrap_or_default()
}

#[test]
fn routes_are_those_of_the_ip_tool() {
    for (family, default, sql) in [
        ("-4", "0.0.0.0", "SELECT * FROM routes WHERE destination NOT LIKE '%:%'"),
        ("-6", "::", "SELECT * FROM routes WHERE destination LIKE '%:%'"),
    ] {
        let asked = ["-j", family, "route", "show", "table", "all"];
        let (listed, found) = stable(|| list("ip", &asked), || rows(sql));
        let shown: BTreeSet<String> = found
            .iter()
            .map(|row| {
                let destination = match (row["destination"].as_str(), row["netmask"].as_str()) {
                    (destination, "0") if destination == default => "default".to_owned(),
                    (destination, "0") => destination.to_owned(),
                    (destination, netmask) => format!("{destination}/{netmask}"),
                };
                let part = |name: &str| row[name].clone();
                [destination, part("gateway"), part("interface"), part("source"), part("metric")]
                    .join(" ")
            })
            .collect();
        // Routes over several hops are told apart by them; such a machine compares the others.
        for route in listed.iter().filter(|route| route["nexthops"].is_null()) {
            let metric = route["metric"].as_i64().unwrap_or(0);
            let parts = ["dst", "gateway", "dev", "prefsrc"].map(|name| text(route, name));
            let line = format!("{} {metric}", parts.join(" "));
            assert!(shown.contains(&line), "{line} in {shown:?}");
        }
        if listed.iter().all(|route| route["nexthops"].is_null()) && !listed.is_empty() {
            assert_eq!(found.len(), listed.len(), "{family}");
        }
    }
}

#[test]
fn routes_of_the_loopback() {
    let row = &rows("SELECT * FROM routes WHERE destination = '127.0.0.1' AND type = 'local'")[0];
    let parts = ["netmask", "gateway", "source", "interface", "mtu", "hopcount"];
    assert_eq!(parts.map(|name| row[name].as_str()), ["0", "", "127.0.0.1", "lo", "0", "0"]);
    let kinds = rows("SELECT DISTINCT type FROM routes");
    let known = ["gateway", "local", "broadcast", "anycast", "other"];
    assert!(kinds.iter().all(|row| known.contains(&row["type"].as_str())), "{kinds:?}");
}

#[test]
fn neighbours_are_those_of_the_ip_tool() {
    let asked = ["-j", "-4", "neigh", "show"];
    let (listed, found) = stable(
        || {
            list("ip", &asked)
                .iter()
                .map(|entry| {
                    (
                        text(entry, "dst").to_owned(),
                        text(entry, "dev").to_owned(),
                        text(entry, "lladdr").to_owned(),
                    )
                })
                .collect::<BTreeSet<_>>()
        },
        || rows("SELECT * FROM arp_cache"),
    );
    let shown: BTreeSet<_> = found
        .iter()
        .map(|row| (row["address"].clone(), row["interface"].clone(), row["mac"].clone()))
        .collect();
    // Those without a known hardware address are listed with zeros, or not at all.
    for neighbour in listed.iter().filter(|(_, _, mac)| !mac.is_empty()) {
        assert!(shown.contains(neighbour), "{neighbour:?} in {shown:?}");
    }
    let lines = fs::read_to_string("/proc/net/arp").unwrap().lines().count();
    assert!(lines >= 1 && found.iter().all(|row| ["0", "1"].contains(&row["permanent"].as_str())));
    if let Some((address, _, mac)) = shown.first() {
        let upper = mac.to_uppercase();
        let sql = format!(
            "SELECT address FROM arp_cache WHERE mac = '{upper}' AND address = '{address}'"
        );
        assert_eq!(rows(&sql).len(), 1, "hardware addresses are compared without case");
    }
}

#[test]
fn interfaces_are_those_of_the_ip_tool() {
    let (listed, found) =
        stable(|| list("ip", &["-j", "link", "show"]), || rows("SELECT * FROM interface_details"));
    for link in &listed {
        let row = found.iter().find(|row| row["interface"] == text(link, "ifname")).unwrap();
        assert_eq!(row["mtu"], link["mtu"].to_string());
        if !text(link, "address").is_empty() {
            assert_eq!(row["mac"], text(link, "address"));
        }
        let flags: u32 = row["flags"].parse().unwrap();
        let names = link["flags"].as_array().unwrap();
        for (name, bit) in [("UP", 0x1), ("LOOPBACK", 0x8), ("NOARP", 0x80), ("MULTICAST", 0x1000)]
        {
            assert_eq!(names.contains(&name.into()), flags & bit != 0, "{name} {link}");
        }
    }
    assert!(listed.is_empty() || listed.len() == found.len());
    let row = found.iter().find(|row| row["interface"] == "lo").unwrap();
    let parts = ["mac", "type", "metric", "last_change", "link_speed", "pci_slot"];
    let expected = ["00:00:00:00:00:00", "4", "0", "-1", "0", "-1"];
    assert_eq!(parts.map(|name| row[name].as_str()), expected);
}

#[test]
fn counters_grow_with_the_kernels() {
    let counter = |name: &str| -> u64 {
        let path = Path::new("/sys/class/net/lo/statistics").join(name);
        fs::read_to_string(path).unwrap().trim().parse().unwrap()
    };
    let names = ["rx_packets", "tx_bytes", "rx_errors", "tx_dropped"];
    let before = names.map(counter);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"to itself", socket.local_addr().unwrap()).unwrap();
    let row = rows("SELECT * FROM interface_details WHERE interface = 'lo'").remove(0);
    let after = names.map(counter);
    for (at, column) in ["ipackets", "obytes", "ierrors", "odrops"].into_iter().enumerate() {
        let found: u64 = row[column].parse().unwrap();
        assert!((before[at]..=after[at]).contains(&found), "{column} {found}");
    }
    assert!(row["ipackets"].parse::<u64>().unwrap() > before[0]);
}

#[test]
fn services_and_protocols_are_those_of_the_files() {
    let lines = |sql: &str| -> BTreeSet<String> {
        rows(sql).into_iter().map(|mut row| row.remove("line").unwrap()).collect()
    };
    // Of the aliases of a protocol the first is shown.
    let tidy = |text: String, words_max: usize| -> BTreeSet<String> {
        let line = |line: &str| {
            let words = line.split_whitespace().take(words_max);
            words.collect::<Vec<_>>().join(" ")
        };
        text.lines().map(line).collect()
    };
    let services = lines(
        "SELECT trim(name || ' ' || port || '/' || protocol || ' ' || aliases) AS line
         FROM etc_services",
    );
    let protocols = lines(
        "SELECT trim(name || ' ' || number || ' ' || coalesce(alias, '')) AS line
         FROM etc_protocols",
    );
    for (path, found, (database, words_max)) in [
        ("/etc/services", &services, ("services", usize::MAX)),
        ("/etc/protocols", &protocols, ("protocols", 3)),
    ] {
        if !Path::new(path).exists() {
            assert!(found.is_empty(), "{path}");
        } else if let Some(shown) = tool("getent", &[database]) {
            assert_eq!(found, &tidy(shown, words_max), "{path}");
        }
    }
    if Path::new("/etc/services").exists() {
        let sql = "SELECT port FROM etc_services WHERE name = 'ssh' AND protocol = 'tcp'";
        assert_eq!(value(sql), "22");
    }
}

#[test]
fn resolvers_are_those_of_the_file() {
    let conf = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let named = conf.lines().filter_map(|line| line.strip_prefix("nameserver "));
    let mut expected: Vec<String> = named
        .filter_map(|word| word.trim().split('%').next()?.parse::<IpAddr>().ok())
        .map(|address| address.to_string())
        .take(3)
        .collect();
    if expected.is_empty() {
        expected.push("127.0.0.1".to_owned());
    }
    let found = rows("SELECT * FROM dns_resolvers WHERE type = 'nameserver' ORDER BY id");
    let addresses: Vec<&String> = found.iter().map(|row| &row["address"]).collect();
    assert_eq!(addresses, expected.iter().collect::<Vec<_>>());
    assert_eq!((found[0]["id"].as_str(), found[0]["netmask"].as_str()), ("0", "32"));
    // What every resolver has: initialised, recursive, default names, search.
    assert_eq!(found[0]["options"].parse::<u32>().unwrap() & 0x2c1, 0x2c1);
    let elsewhere = error("SELECT * FROM dns_resolvers WHERE pid_with_namespace = 1");
    assert!(elsewhere.contains("drop pid_with_namespace"), "{elsewhere}");
}
