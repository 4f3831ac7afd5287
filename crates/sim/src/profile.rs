// SPDX-License-Identifier: Apache-2.0
//! Who a virtual host is: platform, agent version, identity and peculiarities. Names, UUIDs and
//! serial numbers are derived from the seed when asked for, so that an idle host costs a few
//! dozen bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use mimir_wire::osquery::{EnrollRequest, Text};
use rand::RngExt as _;

use crate::seed;

/// Operating system family of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// Linux.
    Linux,
    /// macOS.
    Darwin,
    /// Windows.
    Windows,
}

impl Platform {
    /// `platform_type` of the enrolment: the decimal of osquery's bit mask
    /// (`osquery/utils/info/platform_type.h`).
    pub const fn platform_type(self) -> &'static str {
        match self {
            Self::Linux => "9",
            Self::Darwin => "21",
            Self::Windows => "2",
        }
    }

    /// `build_platform` of `osquery_info`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Darwin => "darwin",
            Self::Windows => "windows",
        }
    }
}

/// Version of an osqueryd; decides which quirks it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
}

impl Version {
    /// The release a host has unless told otherwise.
    pub const CURRENT: Self = Self::new(5, 23, 1);

    /// `major.minor.patch`.
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self { major, minor, patch }
    }

    /// Whether a worker's death denylists the query it ran (since 5.5.0).
    pub fn has_denylist(self) -> bool {
        self >= Self::new(5, 5, 0)
    }

    /// Whether requests carry `Authorization: NodeKey` (since 5.23.0).
    pub fn has_auth_header(self) -> bool {
        self >= Self::new(5, 23, 0)
    }

    /// Whether answers carry `messages` (since 4.4.0). Older agents are imitated with statuses
    /// as strings too, as some of them sent.
    pub fn has_messages(self) -> bool {
        self >= Self::new(4, 4, 0)
    }

    /// Whether answers carry `stats` (since 5.8.0).
    pub fn has_stats(self) -> bool {
        self >= Self::new(5, 8, 0)
    }

    /// Whether the logger waits longer after each failure (since 5.12.0).
    pub fn has_logger_backoff(self) -> bool {
        self >= Self::new(5, 12, 0)
    }

    /// Largest config it takes, in bytes: 1 MiB in every release to 5.23.1, then 4 MiB.
    pub fn config_cap(self) -> usize {
        if self > Self::CURRENT { 4 << 20 } else { 1 << 20 }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut numbers = text.split('.').map(str::parse::<u16>);
        match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => {
                Ok(Self::new(major, minor, patch))
            }
            _ => Err(format!("`{text}` is no version: write it as 5.23.1")),
        }
    }
}

/// Which program a virtual host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Product {
    /// Stock osqueryd.
    #[default]
    Osquery,
    /// `mimir-agent`, which servers let keep its connection.
    MimirAgent,
}

/// Who a virtual host is. Everything else about it follows from these few numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Place in the fleet, from 0.
    pub index: u32,
    /// Seed of the fleet.
    pub seed: u64,
    /// The host whose disk image this one was made from: its own index, unless it is a clone.
    pub image: u32,
    /// Operating system family.
    pub platform: Platform,
    /// The program it runs.
    pub product: Product,
    /// Version of the agent, or of the osquery that it imitates.
    pub version: Version,
    /// Every result with rows gets a cell that is not valid UTF-8.
    pub invalid_utf8: bool,
    /// When not 0, every successful result is blown up to about this many bytes.
    pub oversized_bytes: u32,
    /// Seconds by which the host's clock is fast (or slow, when negative).
    pub clock_skew_s: i32,
}

impl Profile {
    /// A current Linux host without peculiarities.
    pub const fn new(seed: u64, index: u32) -> Self {
        Self {
            index,
            seed,
            image: index,
            platform: Platform::Linux,
            product: Product::Osquery,
            version: Version::CURRENT,
            invalid_utf8: false,
            oversized_bytes: 0,
            clock_skew_s: 0,
        }
    }

    /// Host name, unique in the fleet: a clone has its own.
    pub fn hostname(&self) -> String {
        let kind = match self.platform {
            Platform::Linux => "srv",
            Platform::Darwin => "mac",
            Platform::Windows => "win",
        };
        format!("{kind}-{:06}", self.index)
    }

    /// Hardware UUID; a clone shows that of its image.
    pub fn uuid(&self) -> String {
        self.uuid_of("hardware uuid")
    }

    /// Random id of the agent's database; a clone shows that of its image.
    pub fn instance_id(&self) -> String {
        self.uuid_of("instance id")
    }

    /// Serial number of the machine, its own even for a clone.
    pub fn serial(&self) -> String {
        let number: u64 = seed::rng(self.seed, self.index.into(), "serial").random();
        format!("SN{:012X}", number & 0xFFFF_FFFF_FFFF)
    }

    /// `User-Agent` of its requests.
    pub fn user_agent(&self) -> String {
        match self.product {
            Product::Osquery => format!("osquery/{}", self.version),
            Product::MimirAgent => concat!("mimir-agent/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// The body of its enrolment.
    pub fn enrolment(&self, secret: &str, worker: u32, started_s: i64) -> EnrollRequest {
        EnrollRequest {
            enroll_secret: secret.into(),
            host_identifier: self.hostname().into(),
            platform_type: self.platform.platform_type().into(),
            host_details: self.host_details(worker, started_s),
        }
    }

    /// First rows of the four tables that osquery sends at enrolment.
    fn host_details(
        &self,
        worker: u32,
        started_s: i64,
    ) -> BTreeMap<String, BTreeMap<String, Text>> {
        let row = |cells: Vec<(&'static str, String)>| {
            cells.into_iter().map(|(column, value)| (column.to_owned(), Text(value))).collect()
        };
        let mut details = BTreeMap::new();
        details.insert("os_version".to_owned(), row(self.os_version()));
        details.insert("osquery_info".to_owned(), row(self.osquery_info(worker, started_s)));
        details.insert("system_info".to_owned(), row(self.system_info()));
        details.insert("platform_info".to_owned(), row(self.platform_info()));
        details
    }

    /// The row of `os_version`.
    pub fn os_version(&self) -> Vec<(&'static str, String)> {
        let [name, version, major, minor, platform, like, arch] = match self.platform {
            Platform::Linux => {
                ["Debian GNU/Linux", "12 (bookworm)", "12", "0", "debian", "debian", "x86_64"]
            }
            Platform::Darwin => ["macOS", "14.6.1", "14", "6", "darwin", "darwin", "arm64"],
            Platform::Windows => [
                "Microsoft Windows 11 Enterprise",
                "10.0.22631",
                "10",
                "0",
                "windows",
                "windows",
                "64-bit",
            ],
        };
        pairs(&[
            ("name", name),
            ("version", version),
            ("major", major),
            ("minor", minor),
            ("platform", platform),
            ("platform_like", like),
            ("arch", arch),
        ])
    }

    /// The row of `osquery_info` for the worker process number `worker`, started at `started_s`
    /// (seconds since 1970).
    pub fn osquery_info(&self, worker: u32, started_s: i64) -> Vec<(&'static str, String)> {
        vec![
            ("pid", (800 + u64::from(worker) * 7).to_string()),
            ("uuid", self.uuid()),
            ("instance_id", self.instance_id()),
            ("version", self.version.to_string()),
            ("config_valid", "1".to_owned()),
            ("extensions", "active".to_owned()),
            ("build_platform", self.platform.name().to_owned()),
            ("start_time", started_s.to_string()),
            ("watcher", "799".to_owned()),
            ("platform_mask", self.platform.platform_type().to_owned()),
        ]
    }

    /// The row of `system_info`.
    pub fn system_info(&self) -> Vec<(&'static str, String)> {
        let (vendor, model, cpu) = match self.platform {
            Platform::Linux => ("Dell Inc.", "PowerEdge R650", "Intel(R) Xeon(R) Gold 6330"),
            Platform::Darwin => ("Apple Inc.", "MacBookPro18,3", "Apple M1 Pro"),
            Platform::Windows => ("LENOVO", "20XW004GGE", "11th Gen Intel(R) Core(TM) i7-1165G7"),
        };
        vec![
            ("hostname", self.hostname()),
            ("uuid", self.uuid()),
            ("cpu_brand", cpu.to_owned()),
            ("cpu_logical_cores", "8".to_owned()),
            ("physical_memory", "16673742848".to_owned()),
            ("hardware_vendor", vendor.to_owned()),
            ("hardware_model", model.to_owned()),
            ("hardware_serial", self.serial()),
            ("computer_name", self.hostname()),
        ]
    }

    /// The row of `platform_info`.
    fn platform_info(&self) -> Vec<(&'static str, String)> {
        pairs(&[("vendor", "Simulated"), ("version", "1.4.2"), ("date", "03/01/2025")])
    }

    fn uuid_of(&self, purpose: &str) -> String {
        let id: u128 = seed::rng(self.seed, self.image.into(), purpose).random();
        let hex = format!("{id:032x}");
        // Version and variant digits of a random UUID.
        format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}

fn pairs(cells: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    cells.iter().map(|(column, value)| (*column, (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_order_by_number_and_read_back() {
        assert!(Version::new(5, 9, 0) < Version::new(5, 22, 1));
        assert_eq!("5.22.1".parse(), Ok(Version::new(5, 22, 1)));
        assert!("5.22".parse::<Version>().is_err());
        assert!(!Version::new(5, 22, 9).has_auth_header() && Version::CURRENT.has_auth_header());
        assert!(!Version::new(5, 4, 0).has_denylist() && Version::new(5, 5, 0).has_denylist());
    }

    #[test]
    fn a_clone_shares_image_ids_but_not_serial_and_name() {
        let original = Profile::new(7, 1);
        let clone = Profile { image: 1, ..Profile::new(7, 2) };
        assert_eq!(original.uuid(), clone.uuid());
        assert_eq!(original.instance_id(), clone.instance_id());
        assert_ne!(original.serial(), clone.serial());
        assert_ne!(original.hostname(), clone.hostname());
        assert_ne!(original.uuid(), original.instance_id());
    }

    #[test]
    fn the_enrolment_holds_the_four_tables_as_strings() {
        let profile = Profile { platform: Platform::Darwin, ..Profile::new(7, 3) };
        let body = profile.enrolment("s", 1, 1_790_000_000);
        assert_eq!(body.platform_type.0, "21");
        assert_eq!(body.host_details.len(), 4);
        assert_eq!(body.detail("system_info", "hostname"), Some("mac-000003"));
        assert_eq!(body.detail("osquery_info", "version"), Some("5.23.1"));
    }
}
