// SPDX-License-Identifier: Apache-2.0
//! A stand-in for the system bus with systemd on it: speaks as much D-Bus as a list of units and
//! their properties need, over a socket at a path of the test's choice.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

/// How the bus behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Answers every call.
    Proper,
    /// Refuses the caller.
    Refusing,
    /// Hangs up after the introduction.
    HangingUp,
    /// Announces more than it sends, and sends what is no message.
    Garbage,
    /// Answers calls with errors.
    Failing,
}

/// Serves on `socket` until the test ends.
pub fn serve(socket: &Path, manner: Manner) {
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            // What breaks off here breaks off in the test.
            drop(stream.and_then(|stream| talk(stream, manner)));
        }
    });
}

fn talk(mut stream: UnixStream, manner: Manner) -> std::io::Result<()> {
    let mut line = Vec::new();
    read_until(&mut stream, &mut line, b"\r\n")?;
    assert!(line.starts_with(b"\0AUTH EXTERNAL "), "{line:?}");
    if manner == Manner::Refusing {
        return stream.write_all(b"REJECTED EXTERNAL\r\n");
    }
    stream.write_all(b"OK 0123456789abcdef\r\n")?;
    line.clear();
    read_until(&mut stream, &mut line, b"BEGIN\r\n")?;
    match manner {
        Manner::HangingUp => return Ok(()),
        Manner::Garbage => {
            return stream.write_all(&[b'l', 2, 0, 1, 255, 255, 255, 255, 7, 7, 7, 7]);
        }
        _ => {}
    }
    let mut next_serial = 100;
    loop {
        let mut fixed = [0; 16];
        stream.read_exact(&mut fixed)?;
        let number = |at: usize| u32::from_le_bytes(fixed[at..at + 4].try_into().unwrap());
        let (body, serial, fields) = (number(4) as usize, number(8), number(12) as usize);
        let mut rest = vec![0; fields.next_multiple_of(8) + body];
        stream.read_exact(&mut rest)?;
        let text = String::from_utf8_lossy(&rest).into_owned();
        // A signal in between must not confuse the caller.
        next_serial += 1;
        stream.write_all(&message(4, next_serial, None, "s", &text_value("noise")))?;
        next_serial += 1;
        let answer = match answer(&text) {
            Some((signature, body)) if manner == Manner::Proper || text.contains("Hello") => {
                message(2, next_serial, Some(serial), signature, &body)
            }
            _ => message(3, next_serial, Some(serial), "s", &text_value("no")),
        };
        stream.write_all(&answer)?;
    }
}

fn read_until(stream: &mut UnixStream, line: &mut Vec<u8>, end: &[u8]) -> std::io::Result<()> {
    while !line.ends_with(end) {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        line.extend(byte);
    }
    Ok(())
}

/// Signature and body of the answer to a call, by what its text mentions.
fn answer(call: &str) -> Option<(&'static str, Vec<u8>)> {
    if call.contains("Hello") {
        return Some(("s", text_value(":1.1")));
    }
    if call.contains("ListUnits") {
        return Some(("a(ssssssouso)", units()));
    }
    let is_cron = call.contains("/unit/cron");
    let value = match () {
        () if call.contains("FragmentPath") && is_cron => "/lib/systemd/system/cron.service",
        () if call.contains("UnitFileState") && is_cron => "enabled",
        () if call.contains("SourcePath") && is_cron => "",
        () if call.contains("User") && is_cron => "cron",
        () => return None,
    };
    // A variant: its signature, then its value at the next multiple of four.
    let mut body = vec![1, b's', 0, 0];
    body.extend(text_value(value));
    Some(("v", body))
}

fn units() -> Vec<u8> {
    let mut units = Vec::new();
    for (id, job) in [("cron.service", 7_u32), ("dev-sda.device", 0)] {
        pad(&mut units, 8);
        for text in [id, "Something\u{e9}", "loaded", "active", "running", ""] {
            put_text(&mut units, text);
        }
        put_text(&mut units, &format!("/unit/{}", id.split('.').next().unwrap()));
        pad(&mut units, 4);
        units.extend(job.to_le_bytes());
        put_text(&mut units, "start");
        put_text(&mut units, "/job/7");
    }
    let mut body = u32::try_from(units.len()).unwrap().to_le_bytes().to_vec();
    pad(&mut body, 8);
    body.extend(units);
    body
}

fn message(kind: u8, serial: u32, reply_to: Option<u32>, signature: &str, body: &[u8]) -> Vec<u8> {
    let mut fields = Vec::new();
    if let Some(reply_to) = reply_to {
        fields.extend([5, 1, b'u', 0]);
        fields.extend(reply_to.to_le_bytes());
    }
    fields.extend([8, 1, b'g', 0, u8::try_from(signature.len()).unwrap()]);
    fields.extend(signature.as_bytes());
    fields.push(0);
    let mut message = vec![b'l', kind, 0, 1];
    for number in [body.len(), serial as usize, fields.len()] {
        message.extend(u32::try_from(number).unwrap().to_le_bytes());
    }
    message.extend(fields);
    pad(&mut message, 8);
    message.extend(body);
    message
}

fn text_value(text: &str) -> Vec<u8> {
    let mut value = Vec::new();
    put_text(&mut value, text);
    value
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    pad(bytes, 4);
    bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.push(0);
}

fn pad(bytes: &mut Vec<u8>, boundary: usize) {
    bytes.resize(bytes.len().next_multiple_of(boundary), 0);
}
