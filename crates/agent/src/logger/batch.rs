// SPDX-License-Identifier: Apache-2.0
//! The body of a request to the log. Lines are JSON already, so it is put together from texts.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::schedule::json;
use crate::state::{LogKind, LogLine};

/// The body with the members in osquery's order, the key last.
pub fn body(kind: LogKind, lines: &[LogLine], node_key: &str) -> Vec<u8> {
    let size: usize = lines.iter().map(|line| line.text.len() + 1).sum();
    let mut body = String::with_capacity(size + node_key.len() + 128);
    body.push_str("{\"data\":[");
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            body.push(',');
        }
        body.push_str(&line.text);
    }
    body.push_str("],\"log_type\":\"");
    body.push_str(kind.name());
    body.push_str("\",\"node_key\":");
    body.push_str(&json(node_key));
    body.push('}');
    body.into_bytes()
}

/// The body as gzip.
///
/// # Errors
/// None in practice: it writes to memory.
pub fn compressed(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use mimir_wire::osquery::LogRequest;

    use super::*;

    #[test]
    fn the_body_is_osquerys() {
        let line = |seq| LogLine { seq, text: format!("{{\"name\":\"q{seq}\"}}") };
        let plain = body(LogKind::Result, &[line(1), line(2)], "K\"");
        let mut text = Vec::new();
        let packed = compressed(&plain).unwrap();
        flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut text).unwrap();
        assert_eq!(text, plain);
        let read: LogRequest = serde_json::from_slice(&plain).unwrap();
        assert_eq!((read.log_type.0.as_str(), read.node_key.0.as_str()), ("result", "K\""));
        assert_eq!(read.data[1]["name"], "q2");
    }
}
