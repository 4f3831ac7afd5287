// SPDX-License-Identifier: Apache-2.0
//! What the agent and the process of a query say to each other: one request as JSON, then frames
//! of rows, then the end. Both sides are the same program, so there is no version; what comes
//! back is bounded all the same.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::host::HostSnapshot;
use crate::limits::{WORKER_FRAME_BYTES, WORKER_REQUEST_BYTES_MAX};
use crate::sql::{Answer, Cost, QueryError, QueryLimits, Sink};

/// What the process is to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// The statement.
    pub sql: String,
    /// Its bounds.
    pub limits: QueryLimits,
    /// What tables may know of the agent.
    pub host: HostSnapshot,
    /// Paths that no table may read, as bytes.
    protected: Vec<Vec<u8>>,
}

impl Request {
    /// A request.
    pub fn new(sql: &str, limits: QueryLimits, host: HostSnapshot, protected: &[PathBuf]) -> Self {
        let bytes = |path: &PathBuf| path.as_os_str().as_bytes().to_vec();
        let protected = protected.iter().map(bytes).collect();
        Self { sql: sql.to_owned(), limits, host, protected }
    }

    /// Paths that no table may read.
    pub fn protected(&self) -> impl Iterator<Item = PathBuf> {
        self.protected.iter().map(|bytes| Path::new(OsStr::from_bytes(bytes)).to_owned())
    }

    /// Sends the request.
    ///
    /// # Errors
    /// When the other side is gone.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        out.write_all(&(text.len() as u64).to_le_bytes())?;
        out.write_all(&text)?;
        out.flush()
    }

    /// Receives a request.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn read(input: &mut dyn Read) -> io::Result<Self> {
        let mut length = [0; 8];
        input.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        if length > WORKER_REQUEST_BYTES_MAX {
            return Err(invalid(format!("a request of {length} bytes")));
        }
        let mut text = Vec::new();
        input.take(length).read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text)?)
    }
}

/// Kinds of frames.
const COLUMNS: u8 = b'C';
const VALUES: u8 = b'V';
const END: u8 = b'E';
/// Stands in the length of a value that is a number; no value is that long.
const NUMBER: u32 = 1 << 31;

/// Sends rows.
pub struct FrameWriter<W: Write> {
    out: W,
    values: Vec<u8>,
}

impl<W: Write> FrameWriter<W> {
    /// A writer without rows.
    pub fn new(out: W) -> Self {
        Self { out, values: Vec::new() }
    }

    fn frame(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        self.out.write_all(&[kind])?;
        self.out.write_all(&length.to_le_bytes())?;
        self.out.write_all(payload)
    }

    fn flush_values(&mut self) -> io::Result<()> {
        let mut values = std::mem::take(&mut self.values);
        if !values.is_empty() {
            self.frame(VALUES, &values)?;
        }
        values.clear();
        self.values = values;
        Ok(())
    }

    fn send(&mut self, value: &str, kind: u32) -> io::Result<()> {
        let length = u32::try_from(value.len()).ok().filter(|length| *length < NUMBER);
        let length = length.ok_or_else(|| io::Error::other("a value is too long"))?;
        self.values.extend((length | kind).to_le_bytes());
        self.values.extend(value.as_bytes());
        if self.values.len() >= WORKER_FRAME_BYTES { self.flush_values() } else { Ok(()) }
    }

    /// Sends how it ended.
    ///
    /// # Errors
    /// When the agent is gone.
    pub fn end(mut self, outcome: &Result<Cost, QueryError>) -> io::Result<()> {
        self.flush_values()?;
        self.frame(END, &serde_json::to_vec(outcome)?)?;
        self.out.flush()
    }
}

impl<W: Write> Sink for FrameWriter<W> {
    fn columns(&mut self, names: Vec<String>) -> io::Result<()> {
        self.frame(COLUMNS, &serde_json::to_vec(&names)?)
    }

    fn value(&mut self, value: &str) -> io::Result<()> {
        self.send(value, 0)
    }

    fn number(&mut self, value: &str) -> io::Result<()> {
        self.send(value, NUMBER)
    }
}

/// Receives rows until the end.
///
/// # Errors
/// When the process ended before it said so, or what it says makes no sense.
pub fn read_answer(
    input: &mut dyn Read,
    bytes_max: u64,
) -> io::Result<Result<(Answer, Cost), QueryError>> {
    let mut answer = Answer::default();
    let mut payload = Vec::new();
    let mut total = 0;
    loop {
        let mut head = [0; 5];
        input.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u64::from(u32::from_le_bytes(length));
        total += length;
        // Values travel with four bytes each; in JSON they would take at least as many.
        if total > bytes_max.saturating_mul(2).saturating_add(WORKER_REQUEST_BYTES_MAX) {
            return Err(invalid(format!("more than {bytes_max} bytes of rows")));
        }
        payload.clear();
        input.take(length).read_to_end(&mut payload)?;
        if payload.len() as u64 != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match kind {
            COLUMNS => answer = Answer::new(serde_json::from_slice(&payload)?),
            VALUES => take_values(&payload, &mut answer)?,
            END => {
                let outcome: Result<Cost, QueryError> = serde_json::from_slice(&payload)?;
                return Ok(outcome.map(|cost| (answer, cost)));
            }
            other => return Err(invalid(format!("a frame of kind {other}"))),
        }
    }
}

fn take_values(mut payload: &[u8], answer: &mut Answer) -> io::Result<()> {
    while let Some((length, rest)) = payload.split_first_chunk::<4>() {
        let length = u32::from_le_bytes(*length);
        let (length, is_number) = ((length & !NUMBER) as usize, length & NUMBER != 0);
        let value = rest.get(..length).and_then(|value| str::from_utf8(value).ok());
        let value = value.ok_or_else(|| invalid("a value that is no text".to_owned()))?;
        if is_number {
            answer.push_number(value);
        } else {
            answer.push(value);
        }
        payload = &rest[length..];
    }
    Ok(())
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the process of a query sent {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(rows: usize, outcome: &Result<Cost, QueryError>) -> Vec<u8> {
        let mut out = Vec::new();
        let mut writer = FrameWriter::new(&mut out);
        writer.columns(vec!["a".into(), "b".into()]).unwrap();
        for row in 0..rows {
            writer.value(&row.to_string()).unwrap();
            writer.value("é").unwrap();
        }
        writer.end(outcome).unwrap();
        out
    }

    #[test]
    fn rows_arrive_as_they_were_sent() {
        let cost = Cost { memory: 7, ..Cost::default() };
        let bytes = sent(20_000, &Ok(cost));
        let (answer, told) = read_answer(&mut bytes.as_slice(), 1 << 20).unwrap().unwrap();
        assert_eq!(
            (answer.len(), answer.columns.as_slice(), told),
            (20_000, &["a".into(), "b".into()][..], cost)
        );
        assert_eq!(answer.rows().last().unwrap(), ["19999", "é"]);
        let error = QueryError::Sql("no such table: x".into());
        let bytes = sent(1, &Err(error.clone()));
        assert_eq!(read_answer(&mut bytes.as_slice(), 1 << 20).unwrap().unwrap_err(), error);
    }

    #[test]
    fn an_answer_that_is_cut_off_anywhere_is_no_answer() {
        let bytes = sent(3, &Ok(Cost::default()));
        for end in 0..bytes.len() {
            assert!(read_answer(&mut &bytes[..end], 1 << 20).is_err(), "{end}");
        }
        let mut odd = bytes;
        odd[0] = b'?';
        assert!(read_answer(&mut odd.as_slice(), 1 << 20).is_err());
    }

    #[test]
    fn requests_arrive_as_they_were_sent() {
        let host = crate::host::Host::new(crate::host::Identity::ephemeral(), 5).snapshot(true);
        let path = PathBuf::from(OsStr::from_bytes(b"/state/\xff"));
        let request =
            Request::new("SELECT 'é'", QueryLimits::default(), host, std::slice::from_ref(&path));
        let mut bytes = Vec::new();
        request.write(&mut bytes).unwrap();
        let read = Request::read(&mut bytes.as_slice()).unwrap();
        assert_eq!((read.sql.as_str(), read.limits), ("SELECT 'é'", QueryLimits::default()));
        assert_eq!(read.protected().collect::<Vec<_>>(), [path]);
        assert_eq!(read.host.started_at, 5);
        assert!(Request::read(&mut &u64::MAX.to_le_bytes()[..]).is_err());
        assert!(Request::read(&mut &bytes[..20]).is_err());
    }
}
