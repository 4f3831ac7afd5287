// SPDX-License-Identifier: Apache-2.0
//! The body that delivers answers. Rows are already JSON on disk, so the body is put together
//! from texts: no tree of all cells is built.

use std::io::{self, Write};

use crate::state::Outgoing;

/// The body of `distributed/write` with the members in osquery's order, the key last.
///
/// # Errors
/// None in practice: it writes to memory.
pub fn write_body(outgoing: &[Outgoing], node_key: &str) -> io::Result<Vec<u8>> {
    let size: usize = outgoing.iter().map(|entry| entry.outcome.rows.len() + 256).sum();
    let mut body = Vec::with_capacity(size + 256);
    body.write_all(b"{\"queries\":")?;
    member(&mut body, outgoing, |out, entry| out.write_all(entry.outcome.rows.as_bytes()))?;
    body.write_all(b",\"statuses\":")?;
    member(&mut body, outgoing, |out, entry| write!(out, "{}", entry.outcome.status))?;
    body.write_all(b",\"messages\":")?;
    member(&mut body, outgoing, |out, entry| {
        Ok(serde_json::to_writer(out, &entry.outcome.message)?)
    })?;
    body.write_all(b",\"stats\":")?;
    member(&mut body, outgoing, |out, entry| match &entry.outcome.stats {
        Some(stats) => Ok(serde_json::to_writer(out, stats)?),
        None => out.write_all(b"{}"),
    })?;
    body.write_all(b",\"node_key\":")?;
    serde_json::to_writer(&mut body, node_key)?;
    body.write_all(b"}")?;
    Ok(body)
}

fn member(
    body: &mut Vec<u8>,
    outgoing: &[Outgoing],
    value: impl Fn(&mut Vec<u8>, &Outgoing) -> io::Result<()>,
) -> io::Result<()> {
    for (index, entry) in outgoing.iter().enumerate() {
        body.push(if index == 0 { b'{' } else { b',' });
        serde_json::to_writer(&mut *body, &entry.name)?;
        body.push(b':');
        value(body, entry)?;
    }
    if outgoing.is_empty() {
        body.push(b'{');
    }
    body.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use mimir_wire::osquery::{QueryStats, WriteRequest};

    use super::*;
    use crate::state::Outcome;

    #[test]
    fn the_body_is_osquerys() {
        let rows = Outcome {
            rows: "[{\"pid\":\"1\"}]".to_owned(),
            status: 0,
            message: String::new(),
            stats: Some(QueryStats { wall_time_ms: 12, ..QueryStats::default() }),
        };
        let outgoing = [
            Outgoing { name: "q1.2".to_owned(), outcome: rows, refusals: 0 },
            Outgoing {
                name: "a\"b".to_owned(),
                outcome: Outcome::failure("no such table: x".to_owned()),
                refusals: 1,
            },
        ];
        let body = write_body(&outgoing, "K").unwrap();
        assert!(body.ends_with(b",\"node_key\":\"K\"}"));
        let read: WriteRequest = serde_json::from_slice(&body).unwrap();
        assert_eq!(read.queries["q1.2"][0]["pid"], "1");
        assert_eq!((read.statuses["q1.2"], read.statuses["a\"b"]), (0, 1));
        assert_eq!(read.messages["a\"b"], "no such table: x");
        assert_eq!(read.stats["q1.2"].wall_time_ms, 12);
        assert_eq!(
            write_body(&[], "").unwrap(),
            br#"{"queries":{},"statuses":{},"messages":{},"stats":{},"node_key":""}"#
        );
    }
}
