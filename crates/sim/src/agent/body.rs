// SPDX-License-Identifier: Apache-2.0
//! Bodies as osquery writes them: `node_key` last, results by name, cells unescaped.

use mimir_wire::osquery::{DENYLISTED_MESSAGE, QueryStats};
use sha2::{Digest as _, Sha256};

use super::Delivered;
use crate::profile::Version;
use crate::rows::{Rows, push_string};

/// A query that came to an end, with what the agent has to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// The query's name as offered.
    pub name: String,
    /// Its rows; none unless it succeeded.
    pub rows: Rows,
    /// 0 is success; every failure of a current agent is 1.
    pub status: i64,
    /// Empty on success.
    pub message: String,
    /// Cost, when it was measured.
    pub stats: Option<QueryStats>,
}

impl Finished {
    /// It succeeded. The cost is made up from the text, so that it repeats.
    pub(super) fn rows(name: String, sql: &str, rows: Rows) -> Self {
        let hash = Sha256::digest(sql.as_bytes());
        let stats = QueryStats {
            wall_time_ms: 1 + u64::from(hash[0]) / 4,
            user_time: u64::from(hash[1]) / 8,
            system_time: u64::from(hash[2]) / 16,
            memory: u64::from(hash[3]) * 4096,
        };
        Self { name, rows, status: 0, message: String::new(), stats: Some(stats) }
    }

    /// It failed.
    pub(super) fn failure(name: String, message: String) -> Self {
        Self { name, rows: Rows::new(), status: 1, message, stats: None }
    }

    /// What an observer of a fleet wants to know of it.
    pub(super) fn delivered(&self) -> Delivered {
        Delivered {
            name: self.name.clone(),
            status: self.status,
            denylisted: self.status != 0 && self.message == DENYLISTED_MESSAGE,
            rows: self.rows.count(),
            row_bytes: self.rows.byte_len(),
        }
    }

    /// It was refused, because a worker died of it.
    pub(super) fn denylisted(name: String) -> Self {
        Self::failure(name, DENYLISTED_MESSAGE.to_owned())
    }
}

/// Body of a config fetch and of a distributed read.
pub(super) fn node(node_key: &str) -> Vec<u8> {
    let mut body = b"{\"node_key\":".to_vec();
    push_string(&mut body, node_key.as_bytes());
    body.push(b'}');
    body
}

/// Body of a distributed write.
pub(super) fn write(version: Version, results: &[Finished], node_key: &str) -> Vec<u8> {
    let rows: usize = results.iter().map(|result| result.rows.byte_len()).sum();
    let mut body = Vec::with_capacity(rows + 256 * results.len() + 256);
    body.push(b'{');
    member(&mut body, "queries", results, |body, result| result.rows.write_array(body));
    member(&mut body, "statuses", results, |body, result| {
        let number = result.status.to_string();
        match version.has_messages() {
            true => body.extend_from_slice(number.as_bytes()),
            false => push_string(body, number.as_bytes()),
        }
    });
    if version.has_messages() {
        member(&mut body, "messages", results, |body, result| {
            push_string(body, result.message.as_bytes());
        });
    }
    if version.has_stats() {
        member(&mut body, "stats", results, |body, result| match &result.stats {
            None => body.extend_from_slice(b"{}"),
            Some(stats) => {
                serde_json::to_writer(&mut *body, stats).expect("numbers are always writable");
            }
        });
    }
    body.extend_from_slice(b"\"node_key\":");
    push_string(&mut body, node_key.as_bytes());
    body.push(b'}');
    body
}

/// Body of the logger.
pub(super) fn log<'l>(
    log_type: &str,
    lines: impl Iterator<Item = &'l str>,
    node_key: &str,
) -> Vec<u8> {
    let mut body = b"{\"data\":[".to_vec();
    for (at, line) in lines.enumerate() {
        if at > 0 {
            body.push(b',');
        }
        body.extend_from_slice(line.as_bytes());
    }
    body.extend_from_slice(b"],\"log_type\":");
    push_string(&mut body, log_type.as_bytes());
    body.extend_from_slice(b",\"node_key\":");
    push_string(&mut body, node_key.as_bytes());
    body.push(b'}');
    body
}

/// One member of a write body: an object from query name to whatever `value` appends.
fn member(
    body: &mut Vec<u8>,
    name: &str,
    results: &[Finished],
    value: impl Fn(&mut Vec<u8>, &Finished),
) {
    push_string(body, name.as_bytes());
    body.extend_from_slice(b":{");
    for (at, result) in results.iter().enumerate() {
        if at > 0 {
            body.push(b',');
        }
        push_string(body, result.name.as_bytes());
        body.push(b':');
        value(body, result);
    }
    body.extend_from_slice(b"},");
}

#[cfg(test)]
mod tests {
    use mimir_wire::osquery::{QueryStatus, WriteSink, read_write_body, repair_utf8};
    use serde_json::{Value, json};

    use super::*;

    struct Lines(Vec<String>);

    impl WriteSink for Lines {
        fn begin(&mut self, _name: &str) -> bool {
            true
        }

        fn row(&mut self, line: &[u8]) -> bool {
            self.0.push(String::from_utf8(line.to_vec()).unwrap());
            true
        }
    }

    fn results() -> Vec<Finished> {
        let rows = Rows::new().row([("pid", b"1".as_slice()), ("path", b"/\xff\n")]);
        vec![
            Finished::rows("b".into(), "SELECT 1", rows),
            Finished::failure("a".into(), "no such table: foo".into()),
            Finished::denylisted("c".into()),
        ]
    }

    #[test]
    fn the_server_reads_what_is_written() {
        let body = write(Version::CURRENT, &results(), "K");
        assert!(body.ends_with(b"\"node_key\":\"K\"}"));
        let mut lines = Lines(Vec::new());
        let read = read_write_body(&repair_utf8(&body), &mut lines).unwrap();
        let statuses: Vec<_> = read.entries.iter().map(|e| (&*e.name, e.status)).collect();
        assert_eq!(
            statuses,
            [
                ("b", QueryStatus::Success),
                ("a", QueryStatus::Failure),
                ("c", QueryStatus::Denylisted)
            ]
        );
        assert_eq!(lines.0, results()[0].rows.lines());
        assert!(read.entries[0].stats.is_some() && read.entries[1].stats.is_none());
    }

    #[test]
    fn older_agents_leave_members_out() {
        let members = |version| {
            let text = write(version, &results()[1..], "K");
            let body: Value = serde_json::from_slice(&text).unwrap();
            let names: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
            (names.join(" "), body["statuses"]["a"].clone())
        };
        assert_eq!(
            members(Version::CURRENT),
            ("queries statuses messages stats node_key".into(), json!(1))
        );
        assert_eq!(
            members(Version::new(5, 7, 0)),
            ("queries statuses messages node_key".into(), json!(1))
        );
        assert_eq!(
            members(Version::new(4, 3, 0)),
            ("queries statuses node_key".into(), json!("1"))
        );
    }

    #[test]
    fn log_and_node_bodies_are_json() {
        let body: Value =
            serde_json::from_slice(&log("result", ["{}", "[1]"].into_iter(), "\"K")).unwrap();
        assert_eq!(body, json!({"data": [{}, [1]], "log_type": "result", "node_key": "\"K"}));
        assert_eq!(node("K"), br#"{"node_key":"K"}"#);
    }
}
