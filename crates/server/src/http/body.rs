// SPDX-License-Identifier: Apache-2.0
//! Reads request bodies under every limit there is: bytes of one body (also after inflating),
//! bytes of all bodies together, time between pieces, and time in all.
//!
//! Memory is charged as it is filled, not as it is announced: a client that announces 64 MiB and
//! sends nothing holds nothing. A body that finds no memory left is refused at once instead of
//! waiting, because waiting bodies that each hold a part would never end.

use std::error::Error as StdError;
use std::io::Write;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::body::Body;
use mimir_engine::limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::metrics as names;

/// Bytes that one permit of the budget stands for.
const PERMIT_BYTES: usize = 1024;
/// Bytes kept of the end of a drained body.
const TAIL_BYTES: usize = 4096;
/// The least a growing buffer holds.
const BUFFER_BYTES_MIN: usize = 16 * 1024;

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// More bytes than the route takes, as sent or inflated.
    #[error("the body is larger than this route takes")]
    TooLarge {
        /// Whether the rest was received and dropped, so that the client is able to read an
        /// answer on this connection.
        drained: bool,
        /// The last bytes of a drained body, as sent: osquery puts its node key there.
        tail: Vec<u8>,
    },
    /// All bodies together fill the memory set aside for them; the client should try again.
    #[error("the server holds as many request bodies as it can; try again")]
    Budget,
    /// It came too slowly.
    #[error("the body did not arrive in time")]
    TimedOut,
    /// The client went away.
    #[error("the body ended early")]
    Io(#[source] Box<dyn StdError + Send + Sync>),
    /// `Content-Encoding` is unknown, or the body is not what it says.
    #[error("the body's Content-Encoding must be absent, identity, or gzip and true")]
    Encoding,
}

impl BodyError {
    fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::Budget => "budget",
            Self::TimedOut => "timed_out",
            Self::Io(_) => "broken_off",
            Self::Encoding => "encoding",
        }
    }
}

/// The memory set aside for bodies and the time they may take. Clones share it.
#[derive(Debug, Clone)]
pub struct BodyBudget {
    permits: Arc<Semaphore>,
    total_max: Duration,
    stall_max: Duration,
    drain_bytes_max: u64,
}

impl Default for BodyBudget {
    fn default() -> Self {
        Self::new(limits::BODIES_BYTES_MAX)
    }
}

impl BodyBudget {
    /// A budget of `bytes_max` bytes for all bodies together.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(bytes_max / PERMIT_BYTES)),
            total_max: Duration::from_secs(limits::BODY_S_MAX),
            stall_max: Duration::from_secs(limits::BODY_STALL_S_MAX),
            drain_bytes_max: limits::BODY_DRAIN_BYTES_MAX,
        }
    }

    /// The budget of the API. What is too large is received only a little further: its clients
    /// take an answer or a broken connection alike.
    pub fn of_api() -> Self {
        let drain_bytes_max = limits::API_BODY_BYTES_MAX as u64 * 2;
        Self { drain_bytes_max, ..Self::new(limits::API_BODIES_BYTES_MAX) }
    }

    /// Bytes that are still free.
    pub fn free_bytes(&self) -> usize {
        self.permits.available_permits() * PERMIT_BYTES
    }
}

/// A body in memory, charged to the budget until it is dropped.
#[derive(Debug)]
pub struct BodyBytes {
    bytes: Bytes,
    _charge: Charge,
}

impl Deref for BodyBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a whole body of at most `limit` bytes. A gzip body is inflated, and `limit` holds before
/// and after.
///
/// # Errors
/// See [`BodyError`]. After [`BodyError::TooLarge`] with `drained` the client is ready to read an
/// answer; after any other error the connection may be broken.
pub async fn read_body<B>(
    budget: &BodyBudget,
    headers: &HeaderMap,
    body: B,
    limit: usize,
) -> Result<BodyBytes, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let deadline = Instant::now() + budget.total_max;
    let mut reader = Reader { body, budget, deadline, received: 0 };
    let read = reader.read(headers, limit).await;
    read.inspect_err(|error| {
        metrics::counter!(names::BODIES_REFUSED, "reason" => error.reason()).increment(1);
    })
}

struct Reader<'b, B> {
    body: B,
    budget: &'b BodyBudget,
    deadline: Instant,
    received: u64,
}

impl<B> Reader<'_, B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    async fn read(&mut self, headers: &HeaderMap, limit: usize) -> Result<BodyBytes, BodyError> {
        let gzip = is_gzip(headers)?;
        let announced = announced_bytes(headers);
        if announced.is_some_and(|bytes| bytes > limit as u64) {
            return Err(self.drain(announced, Vec::new()).await);
        }
        let first = self.piece().await?.unwrap_or_default();
        if !gzip && self.body.is_end_stream() && first.len() <= limit {
            // Nearly every body of an agent comes in one piece, which is used where it lies.
            let mut charge = Charge::new(self.budget);
            charge.grow_to(first.len())?;
            return Ok(BodyBytes { bytes: first, _charge: charge });
        }
        let expected = announced.filter(|_| !gzip).and_then(|bytes| usize::try_from(bytes).ok());
        let buffer = Buffer::new(self.budget, limit, expected);
        let collected = self.collect(first, Sink::new(buffer, gzip), limit).await;
        match collected {
            Err(BodyError::TooLarge { tail, .. }) => Err(self.drain(announced, tail).await),
            other => other,
        }
    }

    async fn collect(
        &mut self,
        first: Bytes,
        mut sink: Sink,
        limit: usize,
    ) -> Result<BodyBytes, BodyError> {
        let mut next = Some(first);
        while let Some(piece) = next {
            let taken = match self.received > limit as u64 {
                true => Err(BodyError::TooLarge { drained: false, tail: Vec::new() }),
                false => sink.write(&piece),
            };
            if let Err(BodyError::TooLarge { drained, mut tail }) = taken {
                // This piece may be the last one.
                keep_tail(&mut tail, &piece);
                return Err(BodyError::TooLarge { drained, tail });
            }
            taken?;
            next = self.piece().await?;
        }
        let buffer = sink.finish()?;
        Ok(BodyBytes { bytes: buffer.bytes.into(), _charge: buffer.charge })
    }

    /// The next piece of the body; `None` at its end.
    async fn piece(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            let by = self.deadline.min(Instant::now() + self.budget.stall_max);
            let frame = tokio::time::timeout_at(by, self.body.frame()).await;
            match frame.map_err(|_| BodyError::TimedOut)? {
                None => return Ok(None),
                Some(Err(error)) => return Err(BodyError::Io(error.into())),
                Some(Ok(frame)) => {
                    // Trailers carry nothing we ask for.
                    let Ok(piece) = frame.into_data() else { continue };
                    self.received += piece.len() as u64;
                    return Ok(Some(piece));
                }
            }
        }
    }

    /// Receives the rest without keeping it. A client that is still sending does not read, so an
    /// answer sent now would be lost with the connection, and an agent would send again for ever.
    async fn drain(&mut self, announced: Option<u64>, mut tail: Vec<u8>) -> BodyError {
        let max = self.budget.drain_bytes_max;
        if announced.is_some_and(|bytes| bytes > max) {
            return BodyError::TooLarge { drained: false, tail: Vec::new() };
        }
        while self.received <= max {
            match self.piece().await {
                Ok(Some(piece)) => keep_tail(&mut tail, &piece),
                Ok(None) => return BodyError::TooLarge { drained: true, tail },
                Err(_) => break,
            }
        }
        BodyError::TooLarge { drained: false, tail: Vec::new() }
    }
}

fn keep_tail(tail: &mut Vec<u8>, piece: &[u8]) {
    tail.extend_from_slice(&piece[piece.len().saturating_sub(TAIL_BYTES)..]);
    let excess = tail.len().saturating_sub(TAIL_BYTES);
    tail.drain(..excess);
}

fn is_gzip(headers: &HeaderMap) -> Result<bool, BodyError> {
    let mut gzip = false;
    for value in headers.get_all(CONTENT_ENCODING) {
        let value = value.to_str().map_err(|_| BodyError::Encoding)?.trim();
        match value.to_ascii_lowercase().as_str() {
            "" | "identity" => {}
            "gzip" | "x-gzip" if !gzip => gzip = true,
            _ => return Err(BodyError::Encoding),
        }
    }
    Ok(gzip)
}

fn announced_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// What a body has taken from the budget.
#[derive(Debug)]
struct Charge {
    permits: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Charge {
    fn new(budget: &BodyBudget) -> Self {
        Self { permits: Arc::clone(&budget.permits), held: None }
    }

    fn grow_to(&mut self, bytes: usize) -> Result<(), BodyError> {
        if bytes <= limits::UNCOUNTED_BODY_BYTES_MAX {
            return Ok(());
        }
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = bytes.div_ceil(PERMIT_BYTES);
        let more = u32::try_from(wanted.saturating_sub(held)).map_err(|_| BodyError::Budget)?;
        if more == 0 {
            return Ok(());
        }
        let permit = Arc::clone(&self.permits).try_acquire_many_owned(more);
        let permit = permit.map_err(|_| BodyError::Budget)?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        metrics::gauge!(names::BODY_BYTES_HELD).increment(charged(more));
        Ok(())
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let held = u32::try_from(held).unwrap_or(u32::MAX);
        metrics::gauge!(names::BODY_BYTES_HELD).decrement(charged(held));
    }
}

fn charged(permits: u32) -> f64 {
    f64::from(permits) * PERMIT_BYTES as f64
}

/// A growing body, charged before it grows.
#[derive(Debug)]
struct Buffer {
    bytes: Vec<u8>,
    charge: Charge,
    limit: usize,
    /// Size the body is known to reach, so that the last growth wastes nothing.
    expected: Option<usize>,
    /// Why a write was refused, for decoders that know only I/O errors.
    refused: Option<BodyError>,
}

impl Buffer {
    fn new(budget: &BodyBudget, limit: usize, expected: Option<usize>) -> Self {
        let charge = Charge::new(budget);
        Self { bytes: Vec::new(), charge, limit, expected, refused: None }
    }

    fn append(&mut self, piece: &[u8]) -> Result<(), BodyError> {
        let length = self.bytes.len() + piece.len();
        if length > self.limit {
            return Err(BodyError::TooLarge { drained: false, tail: Vec::new() });
        }
        if length > self.bytes.capacity() {
            let doubled = (self.bytes.capacity() * 2).max(BUFFER_BYTES_MIN);
            let room = doubled.min(self.expected.unwrap_or(self.limit)).max(length);
            self.charge.grow_to(room)?;
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

impl Write for Buffer {
    fn write(&mut self, piece: &[u8]) -> std::io::Result<usize> {
        if let Err(error) = self.append(piece) {
            self.refused = Some(error);
            return Err(std::io::Error::other("refused"));
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Where pieces go.
enum Sink {
    Plain(Buffer),
    Gzip(Box<MultiGzDecoder<Buffer>>),
}

impl Sink {
    fn new(buffer: Buffer, gzip: bool) -> Self {
        match gzip {
            false => Self::Plain(buffer),
            true => Self::Gzip(Box::new(MultiGzDecoder::new(buffer))),
        }
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), BodyError> {
        match self {
            Self::Plain(buffer) => buffer.append(piece),
            Self::Gzip(decoder) => decoder.write_all(piece).map_err(|_| refusal(decoder)),
        }
    }

    fn finish(self) -> Result<Buffer, BodyError> {
        match self {
            Self::Plain(buffer) => Ok(buffer),
            Self::Gzip(mut decoder) => {
                decoder.try_finish().map_err(|_| refusal(&mut decoder))?;
                decoder.finish().map_err(|_| BodyError::Encoding)
            }
        }
    }
}

/// The buffer's reason, or else the decoder's: the body is not gzip.
fn refusal(decoder: &mut MultiGzDecoder<Buffer>) -> BodyError {
    decoder.get_mut().refused.take().unwrap_or(BodyError::Encoding)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use futures_util::stream;
    use http_body_util::{Full, StreamBody};
    use hyper::body::Frame;

    use super::*;

    fn headers(list: &[(&'static str, String)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, String)| {
            (name.parse().unwrap(), value.parse().unwrap())
        };
        list.iter().map(pair).collect()
    }

    fn pieces(list: Vec<Vec<u8>>) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        StreamBody::new(stream::iter(list.into_iter().map(|p| Ok(Frame::data(p.into())))))
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn gzip_headers() -> HeaderMap {
        headers(&[("content-encoding", "gzip".to_owned())])
    }

    #[tokio::test]
    async fn bodies_are_read_in_one_piece_or_many_and_charged_while_held() {
        let budget = BodyBudget::new(1 << 20);
        let none = HeaderMap::new();
        let one = read_body(&budget, &none, Full::new(Bytes::from("{}")), 2).await.unwrap();
        assert_eq!(&*one, b"{}");
        assert_eq!(budget.free_bytes(), 1 << 20, "small bodies are not counted");
        let piece = vec![7; limits::UNCOUNTED_BODY_BYTES_MAX + 1];
        let large =
            read_body(&budget, &none, Full::new(Bytes::from(piece)), 1 << 20).await.unwrap();
        assert_eq!(
            budget.free_bytes(),
            (1 << 20) - limits::UNCOUNTED_BODY_BYTES_MAX - PERMIT_BYTES
        );
        let list: Vec<Vec<u8>> = (0..50_u8).map(|n| vec![n; 1000]).collect();
        let many = read_body(&budget, &none, pieces(list.clone()), 50_000).await.unwrap();
        assert_eq!(*many, *list.concat());
        let known = headers(&[("content-length", "50000".to_owned())]);
        let same = read_body(&budget, &known, pieces(list.clone()), 50_000).await.unwrap();
        assert_eq!(*same, *list.concat());
        let empty = read_body(&budget, &none, pieces(vec![]), 0).await.unwrap();
        assert!(empty.is_empty());
        drop((one, large, many, same, empty));
        assert_eq!(budget.free_bytes(), 1 << 20);
    }

    #[tokio::test]
    async fn too_large_is_drained_whether_announced_or_not() {
        let budget = BodyBudget::new(1 << 20);
        let announced = headers(&[("content-length", "3000".to_owned())]);
        for headers in [announced, HeaderMap::new()] {
            let sent = std::cell::Cell::new(0);
            let counted = stream::iter((0..3).map(|_| {
                sent.set(sent.get() + 1);
                Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; 1000])))
            }));
            let error = read_body(&budget, &headers, StreamBody::new(counted), 1500).await;
            assert!(matches!(error, Err(BodyError::TooLarge { drained: true, .. })), "{error:?}");
            assert_eq!(sent.get(), 3);
        }
        assert_eq!(budget.free_bytes(), 1 << 20);
    }

    #[tokio::test]
    async fn the_end_of_a_drained_body_is_kept_however_it_is_cut() {
        let mut sent = vec![b'x'; 10_000];
        sent.extend_from_slice(b"\"node_key\":\"k\"}");
        let announced = headers(&[("content-length", sent.len().to_string())]);
        for headers in [announced, HeaderMap::new()] {
            for size in [7, 5000, 10_000, 20_000] {
                let cut: Vec<_> = sent.chunks(size).map(<[u8]>::to_vec).collect();
                let error = read_body(&BodyBudget::default(), &headers, pieces(cut), 9000).await;
                let Err(BodyError::TooLarge { drained: true, tail }) = error else {
                    panic!("{error:?}")
                };
                assert!(tail.len() <= TAIL_BYTES);
                assert!(tail.ends_with(b"\"node_key\":\"k\"}"), "{size}");
            }
        }
    }

    #[tokio::test]
    async fn draining_is_bounded() {
        let budget = BodyBudget { drain_bytes_max: 5000, ..BodyBudget::new(1 << 20) };
        let endless = || {
            StreamBody::new(stream::repeat_with(|| {
                Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; 1000])))
            }))
        };
        let error = read_body(&budget, &HeaderMap::new(), endless(), 100).await;
        assert!(matches!(error, Err(BodyError::TooLarge { drained: false, .. })));
        let announced = headers(&[("content-length", "6000".to_owned())]);
        let error = read_body(&budget, &announced, endless(), 100).await;
        assert!(matches!(error, Err(BodyError::TooLarge { drained: false, .. })));
    }

    #[tokio::test]
    async fn memory_is_shared_and_refused_when_it_is_used_up() {
        let budget = BodyBudget::new(64 * 1024);
        let none = HeaderMap::new();
        let half = || pieces(vec![vec![1; 20_000], vec![2; 20_000]]);
        let first = read_body(&budget, &none, half(), 1 << 20).await.unwrap();
        let second = read_body(&budget, &none, half(), 1 << 20).await;
        assert!(matches!(second, Err(BodyError::Budget)), "{second:?}");
        let bomb = gzip(&vec![0; 1 << 20]);
        let third = read_body(&budget, &gzip_headers(), pieces(vec![bomb]), 2 << 20).await;
        assert!(matches!(third, Err(BodyError::Budget)), "{third:?}");
        let rest = read_body(&budget, &none, pieces(vec![vec![1; 20_000]]), 1 << 20).await.unwrap();
        let poll = read_body(&budget, &none, pieces(vec![b"{".to_vec(), b"}".to_vec()]), 1 << 20);
        assert_eq!(*poll.await.unwrap(), *b"{}", "a full budget silences no poll");
        drop(rest);
        drop(first);
        assert_eq!(budget.free_bytes(), 64 * 1024, "a refused body gives back what it had");
        read_body(&budget, &none, half(), 1 << 20).await.unwrap();
    }

    #[tokio::test]
    async fn an_announcement_holds_no_memory() {
        let budget =
            BodyBudget { stall_max: Duration::from_millis(20), ..BodyBudget::new(64 << 20) };
        let announced = headers(&[("content-length", (60 << 20).to_string())]);
        let idle = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
        let reading = read_body(&budget, &announced, idle, 64 << 20);
        let (error, free) = tokio::join!(reading, async { budget.free_bytes() });
        assert!(matches!(error, Err(BodyError::TimedOut)));
        assert_eq!(free, 64 << 20);
    }

    #[tokio::test]
    async fn a_trickle_is_bounded_in_all() {
        let budget =
            BodyBudget { total_max: Duration::from_millis(50), ..BodyBudget::new(1 << 20) };
        let trickle = Box::pin(stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from("x"))), ()))
        }));
        let error = read_body(&budget, &HeaderMap::new(), StreamBody::new(trickle), 1 << 20).await;
        assert!(matches!(error, Err(BodyError::TimedOut)));
    }

    #[tokio::test]
    async fn a_client_that_goes_away_is_no_error_of_ours() {
        let gone = stream::iter([
            Ok(Frame::data(Bytes::from("{"))),
            Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
        ]);
        let error =
            read_body(&BodyBudget::default(), &HeaderMap::new(), StreamBody::new(gone), 100).await;
        assert!(matches!(error, Err(BodyError::Io(_))));
    }

    #[tokio::test]
    async fn gzip_is_inflated_under_the_same_limit() {
        let budget = BodyBudget::default();
        let text = b"{\"data\":[]}".repeat(1000);
        let packed = gzip(&text);
        let halves = vec![packed[..7].to_vec(), packed[7..].to_vec()];
        let read = read_body(&budget, &gzip_headers(), pieces(halves), text.len()).await.unwrap();
        assert_eq!(*read, *text);
        let whole = || pieces(vec![packed.clone()]);
        let error = read_body(&budget, &gzip_headers(), whole(), text.len() - 1).await;
        assert!(matches!(error, Err(BodyError::TooLarge { drained: true, .. })), "{error:?}");
        let bomb = gzip(&vec![0; 16 << 20]);
        assert!(bomb.len() < 20_000);
        let error = read_body(&budget, &gzip_headers(), pieces(vec![bomb]), 1 << 20).await;
        assert!(matches!(error, Err(BodyError::TooLarge { drained: true, .. })));
        drop(read);
        assert_eq!(budget.free_bytes(), limits::BODIES_BYTES_MAX);
    }

    #[tokio::test]
    async fn what_is_not_gzip_or_not_known_is_refused() {
        let budget = BodyBudget::default();
        let packed = gzip(b"{\"data\":[]}");
        for bad in [b"{}".to_vec(), packed[..packed.len() - 3].to_vec(), vec![]] {
            let error = read_body(&budget, &gzip_headers(), pieces(vec![bad]), 100).await;
            assert!(matches!(error, Err(BodyError::Encoding)), "{error:?}");
        }
        for encoding in ["br", "gzip, gzip", "deflate"] {
            let headers = headers(&[("content-encoding", encoding.to_owned())]);
            let error = read_body(&budget, &headers, pieces(vec![packed.clone()]), 100).await;
            assert!(matches!(error, Err(BodyError::Encoding)), "{encoding}");
        }
        let identity = headers(&[("content-encoding", "identity".to_owned())]);
        assert_eq!(
            *read_body(&budget, &identity, pieces(vec![vec![b'x']]), 9).await.unwrap(),
            *b"x"
        );
    }
}
