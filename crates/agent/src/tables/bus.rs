// SPDX-License-Identifier: Apache-2.0
//! A small client of the system's D-Bus: calls a method and reads its answer, one at a time. It
//! knows the few types that systemd's manager answers with, offers no method itself and ignores
//! signals. Every length in a message is checked against what is there; an answer that does not
//! come in time is an error.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::limits::{BUS_MESSAGE_BYTES_MAX, BUS_WAIT_MAX};

/// Bytes of a line while the bus and the client introduce themselves.
const LINE_BYTES_MAX: usize = 1_024;
/// Bytes of a message before its header fields.
const FIXED_BYTES: usize = 16;

/// Kinds of messages and header fields (D-Bus specification, "Message Format").
const METHOD_CALL: u8 = 1;
const METHOD_RETURN: u8 = 2;
const ERROR: u8 = 3;
const FIELD_PATH: u8 = 1;
const FIELD_INTERFACE: u8 = 2;
const FIELD_MEMBER: u8 = 3;
const FIELD_REPLY_SERIAL: u8 = 5;
const FIELD_DESTINATION: u8 = 6;
const FIELD_SIGNATURE: u8 = 8;

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The connection.
    #[error("the system bus cannot be used: {0}")]
    Io(#[from] io::Error),
    /// Something else than D-Bus came.
    #[error("the system bus sent what is no proper message")]
    Malformed,
    /// The method answered with an error.
    #[error("the method failed")]
    Method,
}

/// Whom to call, and what.
#[derive(Debug, Clone, Copy)]
pub struct Method<'m> {
    /// Name of the service on the bus.
    pub destination: &'m str,
    /// The object.
    pub path: &'m str,
    /// The interface.
    pub interface: &'m str,
    /// The method.
    pub member: &'m str,
}

/// A connection to a bus.
pub struct Bus {
    stream: UnixStream,
    serial: u32,
}

impl Bus {
    /// Connects as the user the agent runs as.
    ///
    /// # Errors
    /// When there is no bus or it refuses.
    pub fn connect(socket: &Path) -> Result<Self, BusError> {
        let mut bus = Self { stream: UnixStream::connect(socket)?, serial: 0 };
        bus.stream.set_write_timeout(Some(BUS_WAIT_MAX))?;
        let uid = hex::encode(nix::unistd::geteuid().to_string());
        bus.stream.write_all(format!("\0AUTH EXTERNAL {uid}\r\n").as_bytes())?;
        if !bus.line(deadline())?.starts_with("OK ") {
            return Err(io::Error::from(io::ErrorKind::PermissionDenied).into());
        }
        bus.stream.write_all(b"BEGIN\r\n")?;
        let hello = Method {
            destination: "org.freedesktop.DBus",
            path: "/org/freedesktop/DBus",
            interface: "org.freedesktop.DBus",
            member: "Hello",
        };
        bus.call(&hello, &[])?;
        Ok(bus)
    }

    /// Calls a method with texts as arguments and waits for the body of its answer.
    ///
    /// # Errors
    /// When the bus is gone or too slow, or the method fails.
    pub fn call(&mut self, method: &Method<'_>, arguments: &[&str]) -> Result<Body, BusError> {
        self.serial += 1;
        self.stream.write_all(&encode(method, arguments, self.serial))?;
        let deadline = deadline();
        loop {
            let message = self.message(deadline)?;
            match (message.kind, message.reply_to == Some(self.serial)) {
                (METHOD_RETURN, true) => return Ok(message.body),
                (ERROR, true) => return Err(BusError::Method),
                _ => {}
            }
        }
    }

    fn line(&mut self, deadline: Instant) -> Result<String, BusError> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            if line.len() >= LINE_BYTES_MAX {
                return Err(BusError::Malformed);
            }
            let mut byte = [0];
            self.fill(&mut byte, deadline)?;
            line.extend(byte);
        }
        String::from_utf8(line).map_err(|_| BusError::Malformed)
    }

    fn message(&mut self, deadline: Instant) -> Result<Message, BusError> {
        let mut fixed = [0; FIXED_BYTES];
        self.fill(&mut fixed, deadline)?;
        let (fields, body) = lengths(&fixed).ok_or(BusError::Malformed)?;
        let mut rest = vec![0; fields.next_multiple_of(8) + body];
        self.fill(&mut rest, deadline)?;
        decode(&fixed, rest, fields).ok_or(BusError::Malformed)
    }

    fn fill(&mut self, buffer: &mut [u8], deadline: Instant) -> io::Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
            match self.stream.read(&mut buffer[done..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn deadline() -> Instant {
    Instant::now() + BUS_WAIT_MAX
}

struct Message {
    kind: u8,
    reply_to: Option<u32>,
    body: Body,
}

/// Bytes of the header fields and of the body, within bounds.
fn lengths(fixed: &[u8; FIXED_BYTES]) -> Option<(usize, usize)> {
    let mut reader = Reader { bytes: fixed, at: 4, is_big_endian: fixed[0] == b'B' };
    let (body, _serial, fields) = (reader.number()?, reader.number()?, reader.number()?);
    let (body, fields) = (usize::try_from(body).ok()?, usize::try_from(fields).ok()?);
    let is_known = matches!(fixed[0], b'l' | b'B') && fixed[3] == 1;
    (is_known && body.checked_add(fields)? <= BUS_MESSAGE_BYTES_MAX).then_some((fields, body))
}

/// `rest` is what follows the fixed part; the header fields take `fields` bytes of it. Both begin
/// at a multiple of 8, so that offsets can count from their starts.
fn decode(fixed: &[u8; FIXED_BYTES], mut rest: Vec<u8>, fields: usize) -> Option<Message> {
    let is_big_endian = fixed[0] == b'B';
    let body = rest.split_off(fields.next_multiple_of(8));
    let mut reader = Reader { bytes: rest.get(..fields)?, at: 0, is_big_endian };
    let mut reply_to = None;
    while reader.at < fields {
        reader.align(8)?;
        let field = reader.byte()?;
        match reader.signature()? {
            "u" => {
                let number = reader.number()?;
                if field == FIELD_REPLY_SERIAL {
                    reply_to = Some(number);
                }
            }
            "s" | "o" => drop(reader.text()?),
            "g" => drop(reader.signature()?),
            _ => return None,
        }
    }
    Some(Message { kind: fixed[1], reply_to, body: Body { bytes: body, is_big_endian } })
}

/// The content of an answer.
pub struct Body {
    bytes: Vec<u8>,
    is_big_endian: bool,
}

impl Body {
    /// The values from the first on.
    pub fn reader(&self) -> Reader<'_> {
        Reader { bytes: &self.bytes, at: 0, is_big_endian: self.is_big_endian }
    }
}

/// Reads values one after the other; `None` when they are not there.
pub struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    is_big_endian: bool,
}

impl<'b> Reader<'b> {
    /// Steps to the next multiple of `boundary`.
    pub fn align(&mut self, boundary: usize) -> Option<()> {
        self.at = self.at.next_multiple_of(boundary);
        (self.at <= self.bytes.len()).then_some(())
    }

    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    /// A number of 32 bits.
    pub fn number(&mut self) -> Option<u32> {
        self.align(4)?;
        let bytes = self.take(4)?.try_into().ok()?;
        Some(match self.is_big_endian {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        })
    }

    /// A text or the path of an object.
    pub fn text(&mut self) -> Option<&'b str> {
        let length = usize::try_from(self.number()?).ok()?;
        self.terminated(length)
    }

    /// The types of what follows.
    pub fn signature(&mut self) -> Option<&'b str> {
        let length = usize::from(self.byte()?);
        self.terminated(length)
    }

    fn terminated(&mut self, length: usize) -> Option<&'b str> {
        let text = self.take(length)?;
        (self.byte()? == 0).then_some(())?;
        std::str::from_utf8(text).ok()
    }

    /// Where an array of structures ends, its first element being next.
    pub fn structures(&mut self) -> Option<usize> {
        let length = usize::try_from(self.number()?).ok()?;
        self.align(8)?;
        let end = self.at.checked_add(length)?;
        (end <= self.bytes.len()).then_some(end)
    }

    /// Whether there is more before `end`.
    pub const fn is_before(&self, end: usize) -> bool {
        self.at < end
    }
}

/// A call, in little-endian order.
fn encode(method: &Method<'_>, arguments: &[&str], serial: u32) -> Vec<u8> {
    let mut body = Vec::new();
    for argument in arguments {
        put_text(&mut body, argument);
    }
    let mut fields = Vec::new();
    let texts = [
        (FIELD_PATH, "o", method.path),
        (FIELD_INTERFACE, "s", method.interface),
        (FIELD_MEMBER, "s", method.member),
        (FIELD_DESTINATION, "s", method.destination),
    ];
    for (field, kind, value) in texts {
        pad(&mut fields, 8);
        fields.push(field);
        put_signature(&mut fields, kind);
        put_text(&mut fields, value);
    }
    if !arguments.is_empty() {
        pad(&mut fields, 8);
        fields.push(FIELD_SIGNATURE);
        put_signature(&mut fields, "g");
        put_signature(&mut fields, &"s".repeat(arguments.len()));
    }
    let mut message = vec![b'l', METHOD_CALL, 0, 1];
    message.extend(length_of(&body));
    message.extend(serial.to_le_bytes());
    message.extend(length_of(&fields));
    message.extend(fields);
    pad(&mut message, 8);
    message.extend(body);
    message
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    pad(bytes, 4);
    bytes.extend(length_of(text.as_bytes()));
    bytes.extend(text.as_bytes());
    bytes.push(0);
}

/// Signatures that this client writes have a few letters.
fn put_signature(bytes: &mut Vec<u8>, signature: &str) {
    bytes.push(u8::try_from(signature.len()).unwrap_or(u8::MAX));
    bytes.extend(signature.as_bytes());
    bytes.push(0);
}

fn pad(bytes: &mut Vec<u8>, boundary: usize) {
    bytes.resize(bytes.len().next_multiple_of(boundary), 0);
}

/// Paths and names are far below 4 GiB.
fn length_of(bytes: &[u8]) -> [u8; 4] {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHOD: Method<'static> =
        Method { destination: "a.b", path: "/c", interface: "d.e", member: "F" };

    fn fixed(message: &[u8]) -> [u8; FIXED_BYTES] {
        message[..FIXED_BYTES].try_into().unwrap()
    }

    #[test]
    fn a_call_can_be_read_back() {
        let message = encode(&METHOD, &["one", "two"], 7);
        let (fields, body) = lengths(&fixed(&message)).unwrap();
        assert_eq!(message.len(), FIXED_BYTES + fields.next_multiple_of(8) + body);
        let rest = message[FIXED_BYTES..].to_vec();
        let decoded = decode(&fixed(&message), rest, fields).unwrap();
        assert_eq!((decoded.kind, decoded.reply_to), (METHOD_CALL, None));
        let mut reader = decoded.body.reader();
        assert_eq!((reader.text(), reader.text()), (Some("one"), Some("two")));
        assert_eq!(reader.text(), None);
    }

    #[test]
    fn broken_messages_are_no_messages() {
        let good = encode(&METHOD, &["one"], 7);
        let (fields, _) = lengths(&fixed(&good)).unwrap();
        for cut in FIXED_BYTES..good.len() {
            // Whatever is cut off or changed, nothing is read beyond the end.
            let mut rest = good[FIXED_BYTES..cut].to_vec();
            rest.resize(rest.len().max(fields.next_multiple_of(8)), 0xff);
            if let Some(message) = decode(&fixed(&good), rest, fields) {
                let mut reader = message.body.reader();
                while reader.text().is_some() {}
            }
        }
        let mut huge = fixed(&good);
        huge[4..8].fill(0xff);
        assert_eq!(lengths(&huge), None);
        let mut other = fixed(&good);
        other[0] = b'x';
        assert_eq!(lengths(&other), None);
    }

    #[test]
    fn arrays_end_within_the_body() {
        let body = Body { bytes: vec![255, 255, 255, 255, 0, 0, 0, 0, 1], is_big_endian: false };
        assert_eq!(body.reader().structures(), None);
        let body = Body { bytes: vec![0, 0, 0, 1, 0, 0, 0, 0, 1], is_big_endian: true };
        assert_eq!(body.reader().structures(), Some(9));
    }

    /// Ends with the test, however that ends.
    struct Daemon(std::process::Child);

    impl Drop for Daemon {
        fn drop(&mut self) {
            drop(self.0.kill().and_then(|()| self.0.wait()));
        }
    }

    #[test]
    fn a_real_bus_answers() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("bus");
        let daemon = std::process::Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--nopidfile", "--print-address"])
            .arg(format!("--address=unix:path={}", socket.display()))
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn();
        let Ok(daemon) = daemon else { return };
        let mut daemon = Daemon(daemon);
        // The address comes when the bus listens, or nothing when it cannot.
        let mut address = [0];
        if daemon.0.stdout.as_mut().unwrap().read(&mut address).unwrap() == 0 {
            return;
        }
        let mut bus = Bus::connect(&socket).unwrap();
        let method = |member| Method {
            destination: "org.freedesktop.DBus",
            path: "/org/freedesktop/DBus",
            interface: "org.freedesktop.DBus",
            member,
        };
        let owner = bus.call(&method("GetNameOwner"), &["org.freedesktop.DBus"]).unwrap();
        assert_eq!(owner.reader().text(), Some("org.freedesktop.DBus"));
        let error = bus.call(&method("GetNameOwner"), &["not.there"]).err();
        assert!(matches!(error, Some(BusError::Method)));
    }
}
