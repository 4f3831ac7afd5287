// SPDX-License-Identifier: Apache-2.0
//! Any bytes as the body of an agent: no panic, every row that is handed on is one line of JSON
//! with texts alone, and what is counted is what was handed on.

use std::collections::BTreeMap;

use mimir_wire::osquery::{
    EnrollRequest, LogRequest, NodeRequest, QueryStatus, WRITE_NAMES_MAX, WriteRequest, WriteSink,
    read_write_body, repair_utf8,
};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Bodies that were bad for some server once, or could be.
const SEEDS: &[&str] = &[
    r#"{"queries":{"a.1":[{"pid":"1","name":"x"}]},"statuses":{"a.1":0},"messages":{"a.1":""},"node_key":"k"}"#,
    r#"{"queries":{"a":[{"x":"1"}],"a":[{"x":"2"}]},"statuses":{"a":0,"a":1},"node_key":"k","node_key":"l"}"#,
    r#"{"queries":{"a":[{"x":1,"y":null,"z":{"d":[1e999]},"w":[[[]]]}]},"node_key":5}"#,
    r#"{"queries":{"":[{"":""}],"\u0000":[{"\u0000":"\u0000"}]},"node_key":""}"#,
    r#"{"queries":{"a":[{"x":"\ud800"}]},"node_key":"k"}"#,
    r#"{"queries":{"a":"","b":{},"c":null,"d":[[]],"e":[null,1,"x"]},"statuses":[],"messages":7}"#,
    r#"{"statuses":{"a":"1","b":-1,"c":1e9,"d":18446744073709551616,"e":true},"queries":{}}"#,
    r#"{"stats":{"a":{"wall_time_ms":-1,"memory":"99999999999999999999"}},"queries":{"a":[]}}"#,
    r#"{"messages":{"a":"distributed query is denylisted"},"statuses":{"a":1},"queries":{"a":[]}}"#,
    "{\"queries\":{\"a\":[{\"x\":\"line\\nbreak\u{2028}\u{202e}\u{7f}\\u001b[2J\"}]},\"node_key\":\"k\"}",
    r#"{"host_details":{"system_info":{"uuid":5,"hostname":"a\u0000b"},"os_version":[]},"platform_type":21}"#,
    r#"{"log_type":"result","data":[1,"x",[],{"a":{"b":{}}}],"node_key":"k"}"#,
    r#"{"queries":{"a":[{"x":"1"},]}}"#,
    r#"{"queries":{"a":[{"x":"1"}]}}{"node_key":"k"}"#,
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    "\u{feff}{}",
    "",
    "null",
];

#[derive(Default, PartialEq, Debug)]
struct Rows {
    names: Vec<String>,
    lines: Vec<(usize, Vec<u8>)>,
    most: usize,
}

impl WriteSink for Rows {
    fn begin(&mut self, name: &str) -> bool {
        self.names.push(name.to_owned());
        true
    }

    fn row(&mut self, line: &[u8]) -> bool {
        self.lines.push((self.names.len(), line.to_vec()));
        self.lines.len() < self.most
    }
}

/// The property itself.
#[track_caller]
fn holds(body: &[u8], most: usize) {
    let text = repair_utf8(body);
    drop(serde_json::from_str::<EnrollRequest>(&text));
    drop(serde_json::from_str::<NodeRequest>(&text));
    drop(serde_json::from_str::<LogRequest>(&text));
    let (mut rows, mut again) = (Rows { most, ..Rows::default() }, Rows::default());
    again.most = most;
    let read = read_write_body(&text, &mut rows);
    let twice = read_write_body(&text, &mut again);
    assert_eq!(read.as_ref().ok(), twice.as_ref().ok());
    assert_eq!(rows, again, "the same body is the same rows");
    for (_, line) in &rows.lines {
        let line = std::str::from_utf8(line).expect("a row is text");
        assert!(!line.contains(['\n', '\r']), "a row is one line: {line:?}");
        let row: Map<String, Value> = serde_json::from_str(line).expect("a row is an object");
        assert!(row.values().all(Value::is_string), "{line}");
    }
    let Ok(read) = read else { return };
    assert!(read.entries.len() <= WRITE_NAMES_MAX);
    let counted: u64 = read.entries.iter().map(|entry| entry.row_count).sum();
    // Of a name that comes twice only one result counts.
    let repeated = rows.names.len() != read.entries.len();
    assert!(repeated || counted >= rows.lines.len() as u64, "{counted} {rows:?}");
    for (place, entry) in read.entries.iter().enumerate() {
        assert!(read.entries[..place].iter().all(|other| other.name != entry.name), "{read:?}");
    }
}

#[test]
fn the_property_holds_for_the_seeds_and_for_each_of_their_beginnings() {
    for seed in SEEDS {
        for end in 0..=seed.len() {
            holds(&seed.as_bytes()[..end], 2);
        }
    }
    let deep = "[".repeat(100_000);
    holds(deep.as_bytes(), 1);
    holds(format!("{{\"queries\":{{\"a\":[{{\"x\":{deep}").as_bytes(), 1);
    let names: Vec<String> =
        (0..WRITE_NAMES_MAX + 9).map(|n| format!("\"{n}\":[{{\"x\":\"1\"}}]")).collect();
    holds(format!("{{\"queries\":{{{}}}}}", names.join(",")).as_bytes(), usize::MAX);
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let cut = |(seed, from, to): (&str, prop::sample::Index, prop::sample::Index)| {
        let (from, to) = (from.index(seed.len() + 1), to.index(seed.len() + 1));
        seed.as_bytes()[from.min(to)..from.max(to)].to_vec()
    };
    prop_oneof![
        4 => (prop::sample::select(SEEDS), any::<prop::sample::Index>(), any::<prop::sample::Index>())
            .prop_map(cut),
        1 => prop::collection::vec(any::<u8>(), 0..6),
        2 => prop::sample::select(vec!["{", "}", "[", "]", "\"", ":", ",", "\\", "\\u", "0", " "])
            .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

proptest! {
    #[test]
    fn the_property_holds_for_pieces_put_together(
        pieces in prop::collection::vec(piece(), 0..12), most in 0..5_usize,
    ) {
        holds(&pieces.concat(), most);
    }

    #[test]
    fn the_property_holds_for_a_seed_with_other_bytes(
        seed in prop::sample::select(SEEDS),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut body = seed.as_bytes().to_vec();
        for (at, byte) in changes {
            if !body.is_empty() {
                let at = at.index(body.len());
                body[at] = byte;
            }
        }
        holds(&body, usize::MAX);
    }

    #[test]
    fn what_an_agent_wrote_is_read_with_every_cell(
        results in prop::collection::btree_map(
            ".{1,9}",
            (prop::collection::vec(prop::collection::btree_map(".{0,5}", ".{0,12}", 0..4), 0..4), 0..3_i64),
            0..4,
        ),
        node_key in ".{0,9}",
    ) {
        let row = |row: &BTreeMap<String, String>| {
            row.iter().map(|(name, cell)| (name.clone(), Value::from(cell.clone()))).collect()
        };
        let rows = |(rows, _): &(Vec<BTreeMap<String, String>>, i64)| rows.iter().map(row).collect();
        let request = WriteRequest {
            queries: results.iter().map(|(name, result)| (name.clone(), rows(result))).collect(),
            statuses: results.iter().map(|(name, (_, status))| (name.clone(), *status)).collect(),
            node_key,
            ..WriteRequest::default()
        };
        let body = serde_json::to_string(&request).unwrap();
        let mut sink = Rows { most: usize::MAX, ..Rows::default() };
        let read = read_write_body(&body, &mut sink).unwrap();
        prop_assert_eq!(&read.node_key, &request.node_key);
        prop_assert_eq!(read.entries.len(), results.len());
        let mut lines = sink.lines.iter();
        for (entry, (name, (rows, status))) in read.entries.iter().zip(&results) {
            prop_assert_eq!(&entry.name, name);
            prop_assert_eq!(entry.row_count, rows.len() as u64);
            prop_assert_eq!(entry.status == QueryStatus::Success, *status == 0);
            for row in rows {
                let (_, line) = lines.next().unwrap();
                let read: BTreeMap<String, String> = serde_json::from_slice(line).unwrap();
                prop_assert_eq!(&read, row);
            }
        }
        prop_assert!(lines.next().is_none());
    }
}
