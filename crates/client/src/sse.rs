// SPDX-License-Identifier: Apache-2.0
//! Server-sent events: read, decoded, and taken up again with `Last-Event-ID` when the
//! connection drops. Lines end in LF or CRLF, as the server writes them; a lone CR is no end.

use std::io::{self, BufRead, BufReader, Read};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{self, ClientError};
use crate::transport::Client;

/// Bytes of one event; a host's rows of a live query are the largest.
const EVENT_BYTES_MAX: usize = 256 << 20;
/// A connection that lasted this long was sound, even if nothing happened on it.
const SOUND_CONNECTION: Duration = Duration::from_secs(10);

/// How an event stream comes back after a dropped connection.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Attempts in a row that bring no event; one more failure ends the stream.
    pub attempts: u32,
    /// Wait before the second attempt (the first comes at once); each further one doubles it.
    pub first_wait: Duration,
    /// The longest wait.
    pub longest_wait: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 8,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(10),
        }
    }
}

impl RetryPolicy {
    /// The wait before attempt `n`, from 1.
    fn wait(&self, n: u32) -> Duration {
        match n {
            0 | 1 => Duration::ZERO,
            n => self.first_wait.saturating_mul(1 << (n - 2).min(16)).min(self.longest_wait),
        }
    }
}

/// What can travel as an event.
pub trait Event: Sized {
    /// The event of that name; `None` for a name this client does not know.
    ///
    /// # Errors
    /// When the data is not what the name says.
    fn decode(name: &str, data: &str) -> Result<Option<Self>, serde_json::Error>;

    /// Whether nothing follows.
    fn is_last(&self) -> bool;
}

/// Events as they come. Ends after the last event or the first error.
pub struct Events<T> {
    client: Client,
    path: String,
    last_id: Option<String>,
    connection: Option<Connection>,
    /// Attempts since the last event or sound connection.
    failures: u32,
    done: bool,
    event: std::marker::PhantomData<fn() -> T>,
}

struct Connection {
    reader: Box<dyn BufRead + Send>,
    since: Instant,
}

impl<T: Event> Events<T> {
    /// Connects once, so that a refusal is told at once.
    pub(crate) fn open(
        client: &Client,
        path: String,
        after: Option<&str>,
    ) -> Result<Self, ClientError> {
        let mut events = Self {
            client: client.clone(),
            path,
            last_id: after.map(str::to_owned),
            connection: None,
            failures: 0,
            done: false,
            event: std::marker::PhantomData,
        };
        events.connect()?;
        Ok(events)
    }

    /// The id of the event that came last; a new stream can begin behind it.
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    #[expect(clippy::disallowed_methods, reason = "how long a connection held decides on retries")]
    fn connect(&mut self) -> Result<(), ClientError> {
        let mut headers = vec![("accept", "text/event-stream"), ("cache-control", "no-store")];
        if let Some(id) = &self.last_id {
            headers.push(("last-event-id", id));
        }
        let (_, body) = self.client.stream(&self.path, &headers)?;
        self.connection =
            Some(Connection { reader: Box::new(BufReader::new(body)), since: Instant::now() });
        Ok(())
    }

    /// Counts a failure and waits; gives the failure back when there were too many.
    fn give_up_or_wait(&mut self, error: ClientError) -> Result<(), ClientError> {
        let sound = self.connection.take().is_some_and(|c| c.since.elapsed() >= SOUND_CONNECTION);
        self.failures = if sound { 1 } else { self.failures + 1 };
        let policy = self.client.retries();
        if !error.is_transient() || self.failures > policy.attempts {
            return Err(error);
        }
        thread::sleep(policy.wait(self.failures));
        Ok(())
    }

    fn step(&mut self) -> Result<Option<T>, ClientError> {
        let Some(connection) = &mut self.connection else {
            return match self.connect() {
                Ok(()) => Ok(None),
                Err(error) => self.give_up_or_wait(error).map(|()| None),
            };
        };
        match next_event(&mut *connection.reader) {
            Ok(raw) => {
                self.failures = 0;
                let decoded =
                    T::decode(&raw.name, &raw.data).map_err(|error| ClientError::Decode {
                        message: format!("event `{}` is not what was expected", raw.name),
                        status: 200,
                        source: Some(error.into()),
                    })?;
                // Only now has the event been taken: a broken one would be asked for again.
                if raw.id.is_some() {
                    self.last_id = raw.id;
                }
                Ok(decoded)
            }
            Err(error) => {
                let error = error::broken_off(self.client.server(), error);
                self.give_up_or_wait(error).map(|()| None)
            }
        }
    }
}

impl<T: Event> Iterator for Events<T> {
    type Item = Result<T, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.step() {
                Ok(Some(event)) => {
                    self.done = event.is_last();
                    return Some(Ok(event));
                }
                Ok(None) => {}
                Err(error) => {
                    self.done = true;
                    return Some(Err(error));
                }
            }
        }
        None
    }
}

/// An event before it is understood.
#[derive(Debug, Default, PartialEq, Eq)]
struct RawEvent {
    name: String,
    data: String,
    id: Option<String>,
}

/// The next event that has data. The end of the stream is an error of kind `UnexpectedEof`:
/// half an event is none.
fn next_event(reader: &mut dyn BufRead) -> io::Result<RawEvent> {
    let mut event = RawEvent::default();
    let mut has_data = false;
    let mut line = Vec::new();
    let mut budget = EVENT_BYTES_MAX;
    loop {
        line.clear();
        let count = (&mut *reader).take(budget as u64 + 1).read_until(b'\n', &mut line)?;
        if count > budget {
            return Err(io::Error::other("an event is larger than any event may be"));
        }
        budget -= count;
        if line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.is_empty() {
            if has_data {
                return Ok(event);
            }
            // A comment, or an event without data: nothing to hand out.
            event = RawEvent { id: event.id, ..RawEvent::default() };
            budget = EVENT_BYTES_MAX;
            continue;
        }
        field(&mut event, &mut has_data, &line);
    }
}

fn field(event: &mut RawEvent, has_data: &mut bool, line: &[u8]) {
    let text = String::from_utf8_lossy(line);
    let (name, value) = text.split_once(':').unwrap_or((&text, ""));
    let value = value.strip_prefix(' ').unwrap_or(value);
    match name {
        "event" => event.name = value.to_owned(),
        "id" if !value.contains('\0') => event.id = Some(value.to_owned()),
        "data" => {
            if *has_data {
                event.data.push('\n');
            }
            event.data.push_str(value);
            *has_data = true;
        }
        // Comments have an empty name; `retry` is left to the policy.
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(mut text: &[u8]) -> (Vec<RawEvent>, io::ErrorKind) {
        let mut events = Vec::new();
        loop {
            match next_event(&mut text) {
                Ok(event) => events.push(event),
                Err(error) => return (events, error.kind()),
            }
        }
    }

    fn event(name: &str, data: &str, id: Option<&str>) -> RawEvent {
        RawEvent { name: name.into(), data: data.into(), id: id.map(str::to_owned) }
    }

    #[test]
    fn events_come_apart_whatever_their_line_ends() {
        let (found, _) = events(b"event: a\nid: 1\ndata: {\ndata: }\n\nevent:b\r\ndata:x\r\n\r\n");
        assert_eq!(found, [event("a", "{\n}", Some("1")), event("b", "x", None)]);
    }

    #[test]
    fn comments_and_events_without_data_are_passed_over() {
        let (found, _) = events(b": hello\n\nevent: a\n\nretry: 5\n\ndata: x\n\n");
        assert_eq!(found, [event("", "x", None)]);
    }

    #[test]
    fn half_an_event_is_none() {
        for cut in ["data: x", "data: x\n", "data: x\nid: 7\n"] {
            assert_eq!(events(cut.as_bytes()), (vec![], io::ErrorKind::UnexpectedEof));
        }
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        let policy = RetryPolicy {
            attempts: 9,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(5),
        };
        let waits: Vec<_> = (1..=6).map(|n| policy.wait(n).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 5, 5]);
        assert_eq!(policy.wait(u32::MAX).as_secs(), 5);
    }
}
