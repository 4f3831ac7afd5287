// SPDX-License-Identifier: Apache-2.0
//! The table of keys: names, defaults and meanings, for the reader, the command line's help and
//! the reference page.

/// What values of a key look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text, in TOML a string.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`; a flag without value means `true`.
    Switch,
    /// Several texts: in TOML a list of strings, elsewhere separated by commas.
    List,
}

/// One key of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its name in the file. The variable is `MIMIR_` and the name in capitals; the flag is the
    /// name with dashes.
    pub name: &'static str,
    /// What its values look like.
    pub kind: Kind,
    /// The value when no source gives one; empty for none.
    pub default: &'static str,
    /// What it does, for operators.
    pub help: &'static str,
}

impl Key {
    /// The key of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Its environment variable.
    pub fn variable(&self) -> String {
        format!("MIMIR_{}", self.name.to_ascii_uppercase())
    }

    /// Its flag, with the dashes in front.
    pub fn flag(&self) -> String {
        format!("--{}", self.name.replace('_', "-"))
    }
}

const fn key(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Key {
    Key { name, kind, default, help }
}

/// All keys, in the order in which they are shown.
pub const KEYS: &[Key] = &[
    key(
        "data_dir",
        Kind::Text,
        "mimir-data",
        "Directory for the embedded database, certificates and keys; made when it is missing.",
    ),
    key(
        "database",
        Kind::Text,
        "",
        "Address of the database: sqlite:PATH or postgres://user:password@host/name. Without it, \
         a SQLite file in the data directory.",
    ),
    key(
        "database_file",
        Kind::Text,
        "",
        "File that holds the database's address, for passwords that must not be in the \
         environment or on a command line.",
    ),
    key("listen", Kind::Text, "0.0.0.0:8443", "Address and port for agents, API and console."),
    key(
        "console_listen",
        Kind::Text,
        "",
        "Second address and port that serves API and console but no agents.",
    ),
    key(
        "tls_cert",
        Kind::Text,
        "",
        "PEM file with the server's certificate chain, leaf first. Without it, the server makes \
         a certificate in the data directory.",
    ),
    key("tls_key", Kind::Text, "", "PEM file with the private key of tls_cert."),
    key(
        "tls_names",
        Kind::List,
        "",
        "More DNS names and IP addresses that a certificate made by the server covers.",
    ),
    key(
        "insecure_http",
        Kind::Switch,
        "false",
        "Serve plain HTTP: on loopback, or behind a proxy that speaks TLS (behind_proxy).",
    ),
    key(
        "behind_proxy",
        Kind::Switch,
        "false",
        "A proxy stands in front: believe X-Forwarded-For of proxies on this machine and of \
         those that trusted_proxies names.",
    ),
    key(
        "trusted_proxies",
        Kind::List,
        "",
        "Addresses and networks of the proxies in front, such as 10.1.0.0/24, that are believed \
         besides those on this machine (behind_proxy).",
    ),
    key(
        "connections_per_address",
        Kind::Number,
        "4096",
        "Connections one address may have open; raise it when more agents stand behind one \
         address.",
    ),
    key(
        "public_url",
        Kind::Text,
        "",
        "Address by which agents and people reach the server, such as \
         https://mimir.example.org:8443; it is written into enrolment kits.",
    ),
    key("metrics_public", Kind::Switch, "false", "Answer /metrics without an API key."),
    key("log_format", Kind::Text, "text", "Log lines for people (text) or programs (json)."),
    key(
        "log_filter",
        Kind::Text,
        "info",
        "What is logged: a level, or levels by module such as info,mimir_server=debug.",
    ),
    key(
        "print_bootstrap",
        Kind::Text,
        "",
        "File to which a first start writes address, CA, first password, API key and enrolment \
         secret as JSON, readable by its owner only.",
    ),
];
