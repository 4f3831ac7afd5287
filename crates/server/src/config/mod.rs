// SPDX-License-Identifier: Apache-2.0
//! What `mimir serve` is told at its start: defaults, then a TOML file, then the environment, then
//! flags, each later source winning key by key. Every value remembers where it came from, so that
//! `mimir config print` can say.
//!
//! Everything an operator may change while the server runs is a setting in the database and not
//! here. Reading the environment, and doing anything with the values, is the caller's business.

mod file;
mod keys;
mod sources;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use mimir_engine::limits;
use mimir_store::db::DatabaseUrl;
use rustls::pki_types::ServerName;

use crate::listen::{Network, NotANetwork};
pub use keys::{KEYS, Key, Kind};
use sources::Values;
pub use sources::{Origin, Sources};

/// Name of the embedded database in the data directory.
const DATABASE_FILE: &str = "mimir.db";
/// Shown for a key without value.
const NOT_SET: &str = "(not set)";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// One key as `mimir config print` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The key.
    pub key: &'static str,
    /// Its value, without secrets.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
}

/// Everything that is wrong with the configuration, one sentence each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The sentences.
    pub problems: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

/// A checked configuration. The meaning of each member is in [`KEYS`].
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the table of keys documents each member for all readers")]
pub struct Config {
    pub data_dir: PathBuf,
    pub database: DatabaseUrl,
    pub listen: SocketAddr,
    pub console_listen: Option<SocketAddr>,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub tls_names: Vec<String>,
    pub insecure_http: bool,
    pub behind_proxy: bool,
    pub trusted_proxies: Vec<Network>,
    pub connections_per_address: usize,
    pub public_url: Option<String>,
    pub metrics_public: bool,
    pub log_format: LogFormat,
    pub log_filter: String,
    pub print_bootstrap: Option<PathBuf>,
    /// Every key with its value and origin, in the order of [`KEYS`].
    pub shown: Vec<Shown>,
    /// Sentences about what is probably a mistake but stops nothing.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads and checks all sources.
    ///
    /// # Errors
    /// All problems found, each as a sentence that names the key and its origin.
    pub fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut values = Values::collect(sources)?;
        let config = Self::from_values(&mut values);
        match config {
            Some(config) if values.problems.is_empty() => Ok(config),
            _ => Err(ConfigError { problems: values.problems }),
        }
    }

    /// `None`, or problems noted in `values`, when something is wrong.
    fn from_values(values: &mut Values) -> Option<Self> {
        let data_dir = values.path("data_dir").unwrap_or_default();
        let database = database(values, &data_dir);
        let listen = values.parsed("listen", "an address and port such as 0.0.0.0:8443");
        let console_listen =
            values.parsed("console_listen", "an address and port such as 127.0.0.1:8444");
        let range = 1..=limits::CONNECTIONS_MAX;
        let connections_per_address = values.number("connections_per_address", range);
        let log_format =
            values.word("log_format", &[("text", LogFormat::Text), ("json", LogFormat::Json)]);
        let mut config = Self {
            database: database?,
            data_dir,
            listen: listen?,
            console_listen,
            tls_cert: values.path("tls_cert"),
            tls_key: values.path("tls_key"),
            tls_names: values.list("tls_names"),
            insecure_http: values.switch("insecure_http"),
            behind_proxy: values.switch("behind_proxy"),
            trusted_proxies: trusted_proxies(values),
            connections_per_address: connections_per_address?,
            public_url: values.text("public_url").map(|url| url.trim_end_matches('/').to_owned()),
            metrics_public: values.switch("metrics_public"),
            log_format: log_format?,
            log_filter: values.text("log_filter").unwrap_or_default(),
            print_bootstrap: values.path("print_bootstrap"),
            shown: Vec::new(),
            warnings: std::mem::take(&mut values.warnings),
        };
        check(&config, values);
        config.shown = show(&config, values);
        Some(config)
    }

    /// The address agents, kits and people are told: `public_url`, or else one made of the first
    /// extra TLS name or the machine's name, and the port of `listen`.
    pub fn public_url_or_default(&self, hostname: Option<&str>) -> String {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        let scheme = if self.insecure_http && !self.behind_proxy { "http" } else { "https" };
        let port = self.listen.port();
        let address = self.listen.ip();
        if !address.is_unspecified() {
            return format!("{scheme}://{}", SocketAddr::new(address, port));
        }
        let name = self.tls_names.first().map(String::as_str).or(hostname).unwrap_or("localhost");
        match name.parse::<IpAddr>() {
            Ok(address) => format!("{scheme}://{}", SocketAddr::new(address, port)),
            Err(_) => format!("{scheme}://{name}:{port}"),
        }
    }

    /// The names and addresses under which clients reach this server, which its certificate must
    /// cover besides `localhost`.
    pub fn certificate_names(&self, hostname: Option<&str>) -> Vec<String> {
        let mut names = self.tls_names.clone();
        names.extend(self.public_url.as_deref().and_then(host_of));
        names.extend(hostname.map(str::to_owned));
        let listens = [Some(self.listen), self.console_listen];
        let addresses = listens.into_iter().flatten().map(|listen| listen.ip());
        names.extend(addresses.filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string()));
        let mut seen = std::collections::HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        names
    }
}

/// The networks of the proxies in front.
fn trusted_proxies(values: &mut Values) -> Vec<Network> {
    let mut networks = Vec::new();
    for text in values.list("trusted_proxies") {
        match text.parse() {
            Ok(network) => networks.push(network),
            Err(NotANetwork) => values.problem(format!(
                "trusted_proxies has `{text}`, which is neither an address nor a network such as \
                 10.1.0.0/24 or fd00:1::/64."
            )),
        }
    }
    networks
}

/// The database's address, from the key itself or from a file that only the server can read.
fn database(values: &mut Values, data_dir: &std::path::Path) -> Option<DatabaseUrl> {
    let text = match (values.text("database"), values.path("database_file")) {
        (None, None) => return Some(DatabaseUrl::Sqlite(data_dir.join(DATABASE_FILE))),
        (Some(_), Some(_)) => {
            values.problem("database and database_file are both set; give one of them.");
            return None;
        }
        (Some(text), None) => text,
        (None, Some(path)) => match std::fs::read_to_string(&path) {
            Ok(text) => text.trim().to_owned(),
            Err(error) => {
                values
                    .problem(format!("database_file {} cannot be read: {error}.", path.display()));
                return None;
            }
        },
    };
    match text.parse() {
        Ok(url) => Some(url),
        // The text is not repeated: it may hold a password.
        Err(error) => {
            values.problem(format!("database is no address of a database: {error}."));
            None
        }
    }
}

/// Relations between keys, and values that need more than their form.
fn check(config: &Config, values: &mut Values) {
    if config.tls_cert.is_some() != config.tls_key.is_some() {
        values.problem(
            "tls_cert and tls_key belong together; give both, or neither for a certificate that \
             the server makes.",
        );
    }
    if config.insecure_http && config.tls_cert.is_some() {
        values
            .problem("insecure_http serves no TLS, so give up either it or tls_cert and tls_key.");
    }
    for (key, listen) in
        [("listen", Some(config.listen)), ("console_listen", config.console_listen)]
    {
        let Some(listen) = listen else { continue };
        if config.insecure_http && !config.behind_proxy && !listen.ip().is_loopback() {
            values.problem(format!(
                "insecure_http is for loopback only, but {key} is {listen}. Listen on 127.0.0.1, \
                 or set behind_proxy when a proxy in front speaks TLS, or give up insecure_http."
            ));
        }
    }
    if !config.trusted_proxies.is_empty() && !config.behind_proxy {
        values.problem(
            "trusted_proxies is given but behind_proxy is not, so nobody would be believed; set \
             behind_proxy, or leave trusted_proxies out.",
        );
    }
    if config.console_listen == Some(config.listen) && config.listen.port() != 0 {
        values.problem(format!(
            "console_listen and listen are both {}; the console is served on listen anyway, so \
             leave console_listen out or give it another port.",
            config.listen
        ));
    }
    for name in &config.tls_names {
        if ServerName::try_from(name.as_str()).is_err() {
            values.problem(format!(
                "tls_names has `{name}`, which is neither a DNS name nor an IP address."
            ));
        }
    }
    if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&config.log_filter) {
        values.problem(format!(
            "log_filter `{}` is no filter ({error}); write a level such as `info`, or \
             `info,mimir_server=debug`.",
            config.log_filter
        ));
    }
    check_public_url(config, values);
}

fn check_public_url(config: &Config, values: &mut Values) {
    let Some(url) = &config.public_url else { return };
    let plain_for_agents = config.insecure_http && !config.behind_proxy;
    if host_of(url).is_none() {
        values.problem(format!(
            "public_url `{url}` is no address; write it like https://mimir.example.org:8443, \
             without path, query or login."
        ));
    } else if url.starts_with("http://") && !plain_for_agents {
        values.problem(format!(
            "public_url `{url}` must begin with https://, because agents speak nothing else."
        ));
    }
}

/// The host of `http(s)://host[:port]`; `None` for anything else.
fn host_of(url: &str) -> Option<String> {
    let uri: axum::http::Uri = url.parse().ok()?;
    let authority = uri.authority()?;
    let plain = matches!(uri.scheme_str(), Some("http" | "https"))
        && matches!(uri.path(), "" | "/")
        && uri.query().is_none()
        && !authority.as_str().contains('@');
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    (plain && ServerName::try_from(host).is_ok()).then(|| host.to_owned())
}

fn show(config: &Config, values: &Values) -> Vec<Shown> {
    let show = |key: &Key| {
        let value = match key.name {
            "database" => config.database.to_string(),
            _ => values.shown(key.name).unwrap_or_else(|| NOT_SET.to_owned()),
        };
        // A database address from a file came from wherever the file was named.
        let source = match key.name {
            "database" if values.shown("database").is_none() => "database_file",
            name => name,
        };
        Shown { key: key.name, value, origin: values.origin(source) }
    };
    KEYS.iter().map(show).collect()
}
