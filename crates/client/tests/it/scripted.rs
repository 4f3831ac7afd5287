// SPDX-License-Identifier: Apache-2.0
//! A server that answers each request with the next piece of a script, byte for byte, and closes
//! the connection. It keeps what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET /path?query`.
    pub line: String,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

pub struct Scripted {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Scripted {
    /// Serves the answers in order; a request beyond the last finds nobody.
    pub fn new(answers: Vec<Vec<u8>>) -> Self {
        Self::routed(answers.into_iter().map(|answer| ("", answer)).collect())
    }

    /// Serves to each request the first answer left whose text its request line ends with; one
    /// for which there is none left finds its connection closed.
    pub fn routed(mut answers: Vec<(&'static str, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        thread::spawn(move || {
            while !answers.is_empty() {
                let Ok((mut stream, _)) = listener.accept() else { return };
                let request = read_request(&mut stream);
                let place = answers.iter().position(|(part, _)| request.line.ends_with(part));
                seen.lock().unwrap().push(request);
                if let Some(place) = place {
                    let _ = stream.write_all(&answers.remove(place).1);
                }
            }
        });
        Self { address, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

pub fn read_request(stream: &mut impl Read) -> Asked {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(n, _)| n == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, v)| v.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let line = line.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    Asked { line, headers, body: String::from_utf8(body).unwrap() }
}

/// A whole answer.
pub fn answer(status: u16, content_type: &str, extra: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\
         connection: close\r\n{extra}\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A successful JSON answer.
pub fn json(body: &str) -> Vec<u8> {
    answer(200, "application/json", "", body)
}

/// The beginning of an endless chunked answer: its chunks, and no end.
pub fn unfinished(content_type: &str, chunks: &[&str]) -> Vec<u8> {
    let mut text = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\
         connection: close\r\n\r\n"
    );
    for chunk in chunks {
        text.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
    }
    text.into_bytes()
}
