// SPDX-License-Identifier: Apache-2.0
//! Every metric of the server, by name, kind, labels and meaning, in one table from which the
//! reference page is made; the recorder behind them; and the text that `/metrics` answers.
//!
//! Code that counts uses the facade of crate `metrics` with the names from here. Labels take few,
//! fixed values: never a host, a user, an address or an id.

use std::fmt::Write;
use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations or sizes in buckets.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Full name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it counts, in one sentence, with the unit.
    pub help: &'static str,
}

macro_rules! metrics_table {
    ($($constant:ident: $kind:ident = $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: &str = $name;)*
        /// All metrics, in the order of the reference page.
        pub const ALL: &[Metric] = &[$(Metric {
            name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help,
        }),*];
    };
}

metrics_table! {
    POLLS: Counter = "mimir_polls_total" []
        "Reads of stock and Mimir agents (`distributed/read`).";
    POLL_HITS: Counter = "mimir_poll_hits_total" []
        "Reads answered with at least one query.";
    POLL_DATABASE_READS: Counter = "mimir_poll_database_reads_total" []
        "Database reads caused by reads of agents; stays 0 while polls find nothing to do.";
    POLLS_HELD: Gauge = "mimir_polls_held" []
        "Reads of Mimir agents held open at the moment.";
    DB_READS: Counter = "mimir_db_reads_total" []
        "Read transactions on the database.";
    DB_WRITES: Counter = "mimir_db_writes_total" []
        "Write transactions on the database.";
    ANSWERS: Counter = "mimir_answers_total" ["result"]
        "Results of queries received from agents, by what became of them.";
    UNKNOWN_ANSWERS: Counter = "mimir_unknown_answers_total" []
        "Results whose name the server never offered.";
    CLONES: Counter = "mimir_clones_total" []
        "Node keys seen from two machines, which were told to enrol again.";
    LANE_DEPTH: Gauge = "mimir_lane_depth" []
        "Answers waiting for the group commit.";
    LANE_BYTES: Gauge = "mimir_lane_bytes" []
        "Compressed bytes waiting for the group commit.";
    LANE_GROUP: Histogram = "mimir_lane_group_answers" []
        "Answers made durable by one group commit.";
    LANE_COMMIT_SECONDS: Histogram = "mimir_lane_commit_seconds" []
        "Seconds of one group commit, from the first statement to durability.";
    LANE_SHED: Counter = "mimir_lane_shed_total" []
        "Answers refused because the group commit was behind; agents keep and resend them.";
    ENROLMENTS: Counter = "mimir_enrolments_total" ["result"]
        "Enrolments, by result.";
    HTTP_REQUESTS: Counter = "mimir_http_requests_total" ["route", "status"]
        "HTTP requests by route pattern and status.";
    HTTP_PANICS: Counter = "mimir_http_panics_total" []
        "Requests that failed because of a defect in the server.";
    RATE_LIMITED: Counter = "mimir_rate_limited_total" ["limit"]
        "Requests refused by a rate limit, by the limit's name.";
    LOGINS: Counter = "mimir_logins_total" ["result"]
        "Attempts to log in, by result.";
    CONNECTIONS: Gauge = "mimir_connections" []
        "Connections open at the moment.";
    CONNECTIONS_REFUSED: Counter = "mimir_connections_refused_total" ["reason"]
        "Connections closed unanswered: `total` or `address` limit reached.";
    CONNECTIONS_CUT: Counter = "mimir_connections_cut_total" ["reason"]
        "Connections broken off: request head too slow or too large, stalled reader, shutdown.";
    ACCEPT_ERRORS: Counter = "mimir_accept_errors_total" []
        "Failures to accept a connection, such as a lack of file descriptors.";
    TLS_HANDSHAKES: Counter = "mimir_tls_handshakes_total" ["result"]
        "TLS handshakes, by result; `refused_by_client` means the client distrusts the certificate.";
    BODIES_REFUSED: Counter = "mimir_bodies_refused_total" ["reason"]
        "Request bodies not taken: too large, no memory, too slow, broken off or badly encoded.";
    BODY_BYTES_HELD: Gauge = "mimir_body_bytes_held" []
        "Bytes of request bodies in memory.";
    LIVE_QUERIES: Gauge = "mimir_live_queries" []
        "Live queries in progress.";
    CAMPAIGNS_ACTIVE: Gauge = "mimir_campaigns_active" []
        "Campaigns that are active.";
    SSE_WATCHERS: Gauge = "mimir_sse_watchers" []
        "Open event streams.";
    HOSTS: Gauge = "mimir_hosts" ["status"]
        "Hosts by status.";
    PROCESS_RSS: Gauge = "mimir_process_resident_memory_bytes" []
        "Resident memory of the server in bytes.";
    PROCESS_FDS: Gauge = "mimir_process_open_files" []
        "Files and sockets the server has open.";
    PROCESS_CPU: Counter = "mimir_process_cpu_seconds_total" []
        "Seconds of processor time the server has used.";
    PROCESS_THREADS: Gauge = "mimir_process_threads" []
        "Threads of the server.";
}

/// Upper bounds in seconds for durations, from a tenth of a millisecond to ten seconds.
const SECONDS_BUCKETS: [f64; 11] =
    [0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0, 10.0];
/// Upper bounds for counts of things handled together.
const GROUP_BUCKETS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0, 1024.0];

/// The recorder of this process.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

/// Installs the process's recorder; later calls answer the same one. Handles made before the
/// first call count into nothing, so this comes first.
///
/// # Panics
/// When something else has installed another recorder, which is a programmer's mistake.
pub fn install() -> Metrics {
    static INSTALLED: OnceLock<PrometheusHandle> = OnceLock::new();
    let handle = INSTALLED.get_or_init(|| {
        let handle = builder().install_recorder().expect("no other recorder is installed");
        for metric in ALL {
            match metric.kind {
                Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
                Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
                Kind::Histogram => metrics::describe_histogram!(metric.name, metric.help),
            }
        }
        // A counter that must stay at zero has to be there to be seen at zero.
        for metric in ALL.iter().filter(|metric| metric.kind == Kind::Counter) {
            if metric.labels.is_empty() && metric.name != PROCESS_CPU {
                metrics::counter!(metric.name).absolute(0);
            }
        }
        handle
    });
    Metrics { handle: handle.clone() }
}

fn builder() -> PrometheusBuilder {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS_BUCKETS)
        .and_then(|builder| {
            let groups = Matcher::Full(LANE_GROUP.to_owned());
            builder.set_buckets_for_metric(groups, &GROUP_BUCKETS)
        })
        .expect("constant buckets are not empty")
}

impl Metrics {
    /// Folds samples into buckets. Call it every few seconds: samples pile up in between.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// All metrics in Prometheus' text format, the process's own included.
    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        for (name, value) in process_values() {
            let metric = ALL.iter().find(|metric| metric.name == name);
            let metric = metric.expect("every metric is in the table");
            let kind = if metric.kind == Kind::Counter { "counter" } else { "gauge" };
            // Writing into a string does not fail.
            let _ = write!(
                text,
                "# HELP {name} {}\n# TYPE {name} {kind}\n{name} {value}\n\n",
                metric.help
            );
        }
        text
    }
}

/// What the system says of this process; what it does not say is left out.
fn process_values() -> Vec<(&'static str, f64)> {
    let mut values = Vec::new();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| -> Option<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    };
    values.extend(field("VmRSS:").map(|kib| (PROCESS_RSS, kib * 1024.0)));
    values.extend(field("Threads:").map(|threads| (PROCESS_THREADS, threads)));
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        // One of them is the directory being read.
        let open = files.count().saturating_sub(1);
        values.push((PROCESS_FDS, u32::try_from(open).unwrap_or(u32::MAX).into()));
    }
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    values.extend(cpu_seconds(&stat).map(|seconds| (PROCESS_CPU, seconds)));
    values
}

/// User and system time from `/proc/self/stat`, whose second field may contain anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    /// Linux shows processor time to programs in hundredths of a second on every machine.
    const TICKS_PER_SECOND: f64 = 100.0;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_and_are_unique() {
        let mut seen = std::collections::HashSet::new();
        for metric in ALL {
            assert!(seen.insert(metric.name), "{} is there twice", metric.name);
            assert!(metric.name.starts_with("mimir_"), "{}", metric.name);
            let total = metric.name.ends_with("_total");
            assert_eq!(total, metric.kind == Kind::Counter, "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
        }
    }

    #[test]
    fn what_is_counted_is_rendered_with_its_help() {
        let metrics = install();
        metrics::counter!(HTTP_REQUESTS, "route" => "/x", "status" => "200").increment(3);
        metrics::histogram!(LANE_COMMIT_SECONDS).record(0.003);
        metrics.upkeep();
        let text = install().render();
        for line in [
            "mimir_http_requests_total{route=\"/x\",status=\"200\"} 3",
            "# TYPE mimir_lane_commit_seconds histogram",
            "mimir_lane_commit_seconds_bucket{le=\"0.0025\"} 0",
            "mimir_lane_commit_seconds_bucket{le=\"0.005\"} 1",
            "# HELP mimir_polls_total Reads of stock and Mimir agents (`distributed/read`).",
            "mimir_poll_database_reads_total 0",
            "# TYPE mimir_process_cpu_seconds_total counter",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }

    /// Names in the macros' calls of a source text, given as literals.
    fn counted_names(text: &str) -> Vec<&str> {
        let mut names = Vec::new();
        // Put together here, or this very line would be found.
        for call in ["counter", "gauge", "histogram"].map(|kind| format!("{kind}!(")) {
            for rest in text.split(&call).skip(1) {
                let literal = rest.trim_start().strip_prefix('"');
                names.extend(literal.and_then(|rest| rest.split('"').next()));
            }
        }
        names
    }

    #[test]
    fn nothing_is_counted_under_a_name_that_the_table_lacks() {
        let mut pending = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
        while let Some(path) = pending.pop() {
            if path.is_dir() {
                let entries = std::fs::read_dir(&path).unwrap();
                pending.extend(entries.map(|entry| entry.unwrap().path()));
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            for name in counted_names(&text) {
                let known = ALL.iter().any(|metric| metric.name == name);
                assert!(known, "{} counts {name}, which is not in the table", path.display());
            }
        }
        let text = "counter!( \"a\", gauge!(X) histogram!(\"b\")";
        assert_eq!(counted_names(text), ["a", "b"]);
    }

    #[test]
    fn the_process_is_measured() {
        let text = install().render();
        let value = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
            line.unwrap_or_else(|| panic!("{name} is missing")).parse().unwrap()
        };
        assert!(value(PROCESS_RSS) > 1e6);
        assert!(value(PROCESS_FDS) >= 3.0);
        assert!(value(PROCESS_THREADS) >= 1.0);
        assert!(value(PROCESS_CPU) >= 0.0);
        let stat = "7 (a) b) S 1 7 7 0 -1 4 100 0 0 0 250 50 0 0 20 0 1 0 9 9 9";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds(""), None);
    }
}
