// SPDX-License-Identifier: Apache-2.0
//! The textual form of keys and certificates (RFC 7468, with the headers of RFC 1421), read
//! leniently: anything may stand between the blocks, and a broken block does not end the file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// One block between its `BEGIN` and `END` lines.
#[derive(Debug, PartialEq, Eq)]
pub struct Block<'t> {
    /// What the block says it is, such as `CERTIFICATE`.
    pub label: &'t str,
    /// Lines `Name: value` before the content.
    pub headers: Vec<&'t str>,
    /// The content.
    pub content: Vec<u8>,
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The blocks of a text. Those that have no end or no proper content are left out.
pub fn blocks(text: &str) -> impl Iterator<Item = Block<'_>> {
    let mut lines = text.lines().map(str::trim);
    std::iter::from_fn(move || {
        loop {
            let begin = lines.by_ref().find_map(|line| line.strip_prefix(BEGIN))?;
            let Some(label) = begin.strip_suffix(DASHES) else { continue };
            if let Some(block) = block(label, &mut lines) {
                return Some(block);
            }
        }
    })
}

fn block<'t>(label: &'t str, lines: &mut impl Iterator<Item = &'t str>) -> Option<Block<'t>> {
    let (mut headers, mut encoded) = (Vec::new(), String::new());
    for line in lines {
        if let Some(end) = line.strip_prefix(END) {
            let is_same = end.strip_suffix(DASHES) == Some(label);
            let content = STANDARD.decode(&encoded).ok().filter(|_| is_same)?;
            return Some(Block { label, headers, content });
        }
        match line.contains(':') {
            true if encoded.is_empty() => headers.push(line),
            _ => encoded.push_str(line),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_blocks_do_not_end_the_file() {
        let text = "noise\n-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAQID\r\n-----END A-----\n\
                    -----BEGIN B-----\n!!!\n-----END B-----\n-----BEGIN \n\
                    -----BEGIN C-----\nAQID\n-----END D-----\n\
                    -----BEGIN E-----\nBA==\n-----END E-----\n-----BEGIN F-----\nAQID\n";
        let found: Vec<_> = blocks(text).collect();
        let block = |label, headers: &[&'static str], content: &[u8]| Block {
            label,
            headers: headers.to_vec(),
            content: content.to_vec(),
        };
        let expected = [block("A", &["Proc-Type: 4,ENCRYPTED"], &[1, 2, 3]), block("E", &[], &[4])];
        assert_eq!(found, expected);
        assert_eq!(blocks("-----BEGIN -----").count(), 0);
    }
}
