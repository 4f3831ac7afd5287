// SPDX-License-Identifier: Apache-2.0
//! Runs a statement through an installed `osqueryi --json`, under the same bounds as the agent's
//! own tables: for hosts that have osquery's program and want its tables.
//!
//! What it prints is not trusted: it is read as it comes, bounded, and anything but an array of
//! flat objects is an error. Tables about the agent itself are not asked of it.

use std::fmt;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::sync_channel;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::child::{Running, Stuck};
use super::isolated::launcher;
use super::{Answer, Cost, QueryError, QueryLimits, statement};
use crate::limits::OSQUERYI_SQL_BYTES_MAX;

/// Options with which it neither starts publishers nor loads or keeps anything.
const ARGUMENTS: [&str; 4] = ["--json", "--ephemeral", "--disable_events", "--disable_extensions"];

/// An installed `osqueryi`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Osqueryi {
    path: PathBuf,
}

/// Why a program cannot serve as `osqueryi`.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be used as osqueryi: {reason}")]
pub struct UnusableProgram {
    path: PathBuf,
    reason: String,
}

impl Osqueryi {
    /// The program at `path`. It will run with the agent's rights, so nobody else may be able to
    /// change it.
    ///
    /// # Errors
    /// When there is no such program, or others could replace it.
    pub fn at(path: &Path) -> Result<Self, UnusableProgram> {
        let unusable = |reason: String| UnusableProgram { path: path.to_owned(), reason };
        if !path.is_absolute() {
            return Err(unusable("give an absolute path".to_owned()));
        }
        let real = path.canonicalize().map_err(|error| unusable(error.to_string()))?;
        let found = real.metadata().map_err(|error| unusable(error.to_string()))?;
        if !found.is_file() || found.mode() & 0o111 == 0 {
            return Err(unusable("it is no program".to_owned()));
        }
        let own = nix::unistd::geteuid().as_raw();
        if found.mode() & 0o022 != 0 || ![0, own].contains(&found.uid()) {
            return Err(unusable(
                "others could change it; let it belong to root and be writable for nobody else"
                    .to_owned(),
            ));
        }
        Ok(Self { path: real })
    }

    /// Runs one statement; `program` is this agent's own, which bounds the other one.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn run(
        &self,
        program: &Path,
        sql: &str,
        limits: QueryLimits,
        stop: &AtomicBool,
        stuck: &Stuck,
    ) -> Result<(Answer, Cost), QueryError> {
        let sql = statement::single(sql)?;
        if sql.len() > OSQUERYI_SQL_BYTES_MAX {
            return Err(QueryError::Sql(format!(
                "the SQL is longer than {OSQUERYI_SQL_BYTES_MAX} bytes"
            )));
        }
        let mut command = launcher(program, limits);
        command.arg("--exec").arg(&self.path).arg("--").args(ARGUMENTS).arg(sql);
        let mut running = Running::start(&mut command, limits, stuck)?;
        let Some((input, output)) = running.pipes() else {
            return Err(QueryError::Unavailable("it has no pipes".to_owned()));
        };
        drop(input);
        let (sender, receiver) = sync_channel(1);
        std::thread::Builder::new()
            .name("query".to_owned())
            .spawn(move || drop(sender.send(read_rows(output, limits))))
            .map_err(|error| QueryError::Unavailable(format!("no thread for it: {error}")))?;
        let read = running.wait_for(&receiver, stop)?;
        if let Err(error @ (QueryError::TooManyRows(_) | QueryError::TooManyBytes(_))) = read {
            running.end();
            return Err(error);
        }
        conclude(running, read)
    }
}

/// What an answer is worth in the light of how the program ended.
fn conclude(
    mut running: Running,
    read: Result<Answer, QueryError>,
) -> Result<(Answer, Cost), QueryError> {
    let status = running.finish();
    let wall = running.started().elapsed();
    let last = running.watchdog().last();
    let cost = Cost {
        wall,
        user: last.map(|sample| sample.user).unwrap_or_default(),
        system: last.map(|sample| sample.system).unwrap_or_default(),
        memory: running.watchdog().memory_peak(),
    };
    match (status.and_then(|status| status.code()), read) {
        (Some(0), Ok(answer)) => Ok((answer, cost)),
        (Some(code), read) => {
            let complaints = running.complaints();
            let said = complaints.lines().find_map(|line| line.trim().strip_prefix("Error: "));
            Err(match (said, read) {
                (Some(message), _) => QueryError::Sql(message.to_owned()),
                (None, Err(error)) if code == 0 => error,
                (None, _) => {
                    let reason = complaints.lines().next().unwrap_or_default();
                    QueryError::Sql(format!("osqueryi ended with status {code}: {reason}"))
                }
            })
        }
        (None, _) => Err(running.autopsy(status)),
    }
}

/// Reads an array of objects, whose values are texts, as it comes.
fn read_rows(output: impl Read, limits: QueryLimits) -> Result<Answer, QueryError> {
    let mut rows = Rows { answer: Answer::default(), limits, stopped: None };
    let bounded = BufReader::new(Bounded { inner: output, left: limits.bytes_max, is_over: false });
    let mut deserializer = serde_json::Deserializer::from_reader(bounded);
    let outcome = (&mut rows).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match (rows.stopped, outcome) {
        (Some(error), _) => Err(error),
        (None, Ok(())) => Ok(rows.answer),
        (None, Err(error)) if error.is_io() => Err(QueryError::TooManyBytes(limits.bytes_max)),
        (None, Err(error)) => Err(QueryError::Sql(format!(
            "osqueryi printed no valid JSON ({error}); is it the program it should be?"
        ))),
    }
}

/// Fails when there is more to read than allowed.
struct Bounded<R> {
    inner: R,
    left: u64,
    is_over: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.is_over |= count as u64 > self.left;
        self.left = self.left.saturating_sub(count as u64);
        if self.is_over { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(count) }
    }
}

/// Takes rows while they are parsed.
struct Rows {
    answer: Answer,
    limits: QueryLimits,
    stopped: Option<QueryError>,
}

impl<'de> DeserializeSeed<'de> for &mut Rows {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Rows {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<(), A::Error> {
        while rows.next_element_seed(Row(self))?.is_some() {}
        Ok(())
    }
}

/// One row.
struct Row<'r>(&'r mut Rows);

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Rows { answer, limits, stopped } = self.0;
        let mut cells: Vec<(String, String)> = Vec::with_capacity(answer.columns.len());
        while let Some((name, value)) = members.next_entry::<String, Value>()? {
            cells.retain(|(known, _)| *known != name);
            cells.push((name, text_of(value).ok_or_else(|| A::Error::custom("a nested value"))?));
        }
        if answer.is_empty() {
            *answer = Answer::new(cells.iter().map(|(name, _)| name.clone()).collect());
        }
        if answer.len() as u64 >= limits.rows_max {
            *stopped = Some(QueryError::TooManyRows(limits.rows_max));
            return Err(A::Error::custom("too many rows"));
        }
        let is_same = cells.len() == answer.columns.len()
            && cells.iter().all(|(name, _)| answer.columns.contains(name));
        if !is_same || cells.is_empty() {
            return Err(A::Error::custom("rows with different columns"));
        }
        for column in 0..answer.columns.len() {
            let cell = cells.iter().find(|(name, _)| *name == answer.columns[column]);
            answer.push(cell.map_or("", |(_, value)| value));
        }
        Ok(())
    }
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(u8::from(value).to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Answer, QueryError> {
        let limits = QueryLimits { rows_max: 3, bytes_max: 100, ..QueryLimits::default() };
        read_rows(text.as_bytes(), limits)
    }

    #[test]
    fn rows_are_read_from_what_osqueryi_prints() {
        let answer =
            read("[\n  {\"pid\":\"1\",\"name\":\"a\"},\n  {\"name\":\"é\",\"pid\":\"2\"}\n]\n")
                .unwrap();
        assert_eq!(answer.columns, ["pid", "name"]);
        assert_eq!(answer.rows().collect::<Vec<_>>(), [["1", "a"], ["2", "é"]]);
        assert_eq!(read("[\n]\n").unwrap().len(), 0);
        let answer = read("[{\"a\":1,\"b\":null,\"c\":true}]").unwrap();
        assert_eq!(answer.rows().collect::<Vec<_>>(), [["1", "", "1"]]);
    }

    #[test]
    fn anything_else_is_an_error() {
        for text in [
            "",
            "Error",
            "{}",
            "[1]",
            "[{\"a\":[1]}]",
            "[{\"a\":\"1\"}",
            "[{\"a\":\"1\"},{\"b\":\"1\"}]",
            "[{}]",
            "[] []",
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains("no valid JSON"), "{text}: {error}");
        }
        let four = format!("[{}{{\"a\":\"1\"}}]", "{\"a\":\"1\"},".repeat(3));
        assert_eq!(read(&four), Err(QueryError::TooManyRows(3)));
        let long = format!("[{{\"a\":\"{}\"}}]", "x".repeat(100));
        assert_eq!(read(&long), Err(QueryError::TooManyBytes(100)));
    }
}
