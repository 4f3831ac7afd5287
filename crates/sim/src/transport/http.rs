// SPDX-License-Identifier: Apache-2.0
//! Just enough HTTP/1.1 to imitate osquery's client: one POST with `Content-Length`, one answer
//! framed by length, by chunks or by the end of the connection. No redirects, no compression.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{Request, TransportError};

/// Longest head of an answer, in bytes.
const HEAD_MAX: usize = 64 * 1024;

/// Longest body of an answer, in bytes: far above what any agent can use.
const BODY_MAX: usize = 64 * 1024 * 1024;

/// An answer's body and whether the connection may carry another request.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    pub(super) reusable: bool,
}

/// Sends `request` and flushes it.
pub(super) async fn send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    host: &str,
    request: &Request,
) -> Result<(), TransportError> {
    let mut head = format!("POST {} HTTP/1.1\r\nHost: {host}\r\n", request.endpoint.path());
    for (name, value) in &request.headers {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", request.body.len()));
    let failed = |e| TransportError::failed("sending the request", e);
    stream.write_all(head.as_bytes()).await.map_err(failed)?;
    stream.write_all(&request.body).await.map_err(failed)?;
    stream.flush().await.map_err(failed)
}

/// Reads one answer.
pub(super) async fn receive<S: AsyncRead + Unpin>(
    stream: &mut S,
) -> Result<Answer, TransportError> {
    let mut input = Input { stream, buffer: Vec::new() };
    let head = loop {
        let head = input.head().await?;
        // 100 Continue and the like precede the answer proper.
        if !(100..200).contains(&head.status) {
            break head;
        }
    };
    if matches!(head.status, 204 | 304) {
        return Ok(Answer { body: Vec::new(), reusable: !head.close });
    }
    let (body, delimited) = if head.chunked {
        (input.chunks().await?, true)
    } else if let Some(length) = head.length {
        (input.take(length).await?, true)
    } else {
        (input.rest().await?, false)
    };
    Ok(Answer { body, reusable: delimited && !head.close && input.buffer.is_empty() })
}

/// What matters of an answer's head.
#[derive(Debug, Default, PartialEq, Eq)]
struct Head {
    status: u16,
    length: Option<usize>,
    chunked: bool,
    close: bool,
}

impl Head {
    fn parse(text: &str) -> Result<Self, TransportError> {
        let mut lines = text.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let status = status_line
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.split(' ').nth(1))
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| TransportError::failed("bad status line", status_line))?;
        let mut head =
            Self { status, close: status_line.starts_with("HTTP/1.0"), ..Self::default() };
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, value) =
                line.split_once(':').ok_or_else(|| TransportError::failed("bad header", line))?;
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => {
                    let length = value
                        .parse()
                        .map_err(|_| TransportError::failed("bad Content-Length", value))?;
                    head.length = Some(length);
                }
                "transfer-encoding" => head.chunked = value.eq_ignore_ascii_case("chunked"),
                "connection" => head.close |= value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        Ok(head)
    }
}

/// A stream with what was read too far.
struct Input<'s, S> {
    stream: &'s mut S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Input<'_, S> {
    /// Reads more; answers false at the orderly end. An end without TLS close_notify is an error.
    async fn fill(&mut self) -> Result<bool, TransportError> {
        let read = self.stream.read_buf(&mut self.buffer).await;
        Ok(read.map_err(|e| TransportError::failed("reading the answer", e))? > 0)
    }

    async fn must_fill(&mut self) -> Result<(), TransportError> {
        match self.fill().await? {
            true => Ok(()),
            false => Err(TransportError::failed("reading the answer", "it ended too early")),
        }
    }

    async fn head(&mut self) -> Result<Head, TransportError> {
        let text = self.until(b"\r\n\r\n").await?;
        Head::parse(&String::from_utf8_lossy(&text))
    }

    /// Takes everything up to and including `mark`.
    async fn until(&mut self, mark: &[u8]) -> Result<Vec<u8>, TransportError> {
        loop {
            let found = self.buffer.windows(mark.len()).position(|bytes| bytes == mark);
            if let Some(at) = found {
                return Ok(self.buffer.drain(..at + mark.len()).collect());
            }
            if self.buffer.len() > HEAD_MAX {
                return Err(TransportError::failed("reading the answer", "its head is too long"));
            }
            self.must_fill().await?;
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, TransportError> {
        if length > BODY_MAX {
            return Err(TransportError::failed("reading the answer", "it is too large"));
        }
        while self.buffer.len() < length {
            self.must_fill().await?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    async fn rest(&mut self) -> Result<Vec<u8>, TransportError> {
        while self.fill().await? {
            if self.buffer.len() > BODY_MAX {
                return Err(TransportError::failed("reading the answer", "it is too large"));
            }
        }
        Ok(std::mem::take(&mut self.buffer))
    }

    async fn chunks(&mut self) -> Result<Vec<u8>, TransportError> {
        let mut body = Vec::new();
        loop {
            let line = self.until(b"\r\n").await?;
            let line = String::from_utf8_lossy(&line);
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16)
                .map_err(|_| TransportError::failed("bad chunk size", size))?;
            if size == 0 {
                // Trailers end with an empty line.
                while self.until(b"\r\n").await?.len() > 2 {}
                return Ok(body);
            }
            if body.len() + size > BODY_MAX {
                return Err(TransportError::failed("reading the answer", "it is too large"));
            }
            body.extend(self.take(size).await?);
            self.until(b"\r\n").await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &str) -> Result<Answer, TransportError> {
        receive(&mut text.as_bytes()).await
    }

    #[tokio::test]
    async fn reads_every_framing() {
        let answer = read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
        assert!(answer.body == b"{}" && answer.reusable);
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nConnection: close\r\n\r\n\
             3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n";
        let answer = read(chunked).await.unwrap();
        assert!(answer.body == b"abc0123456789" && !answer.reusable);
        let answer = read("HTTP/1.1 500 Oops\r\n\r\nuntil the end").await.unwrap();
        assert!(answer.body == b"until the end" && !answer.reusable);
        let answer = read("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 None\r\n\r\n").await.unwrap();
        assert!(answer.body.is_empty() && answer.reusable);
    }

    #[tokio::test]
    async fn bad_answers_are_failures() {
        for text in [
            "",
            "hello\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        ] {
            assert!(read(text).await.is_err(), "{text:?}");
        }
    }
}
