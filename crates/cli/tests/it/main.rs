// SPDX-License-Identifier: Apache-2.0
//! The command line against a scripted server on loopback: what it asks, what it prints, how it
//! ends. The modules whose names begin with `real` run it against the server itself, with a
//! virtual fleet, or run the program as a process.

mod agent_crash;
mod campaigns;
mod crash;
mod exits;
mod ioc;
mod kit;
mod lists;
mod live;
mod login;
mod real;
mod real_accounts;
mod real_campaigns;
mod real_load;
mod real_process;
mod real_queries;
mod settings;

#[path = "../../../client/tests/it/scripted.rs"]
mod scripted;

use std::io::{self, Cursor, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use mimir_cli::Console;
use scripted::Scripted;

/// Output that a test can read afterwards.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How a command ended.
#[derive(Debug)]
struct Ran {
    code: u8,
    out: String,
    err: String,
}

/// What a command runs in.
#[derive(Default)]
struct Surroundings<'a> {
    home: Option<&'a Path>,
    input: &'a str,
    terminal: bool,
}

impl Surroundings<'_> {
    fn run(&self, arguments: &[&str]) -> Ran {
        let (out, err) = (Sink::default(), Sink::default());
        let mut console = Console {
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            input: Box::new(Cursor::new(self.input.to_owned())),
            out_is_terminal: self.terminal,
            err_is_terminal: false,
            input_is_terminal: false,
            width: 60,
            now: || "2026-11-23T17:00:00Z".parse().unwrap(),
            sign_in_file: self.home.map(|home| home.join("mimir/client.toml")),
        };
        let arguments = std::iter::once("mimir").chain(arguments.iter().copied());
        let code = mimir_cli::run(arguments.map(Into::into), &mut console);
        Ran { code, out: out.text(), err: err.text() }
    }
}

/// Runs a command against a server, with a key.
fn ask(server: &Scripted, arguments: &[&str]) -> Ran {
    let url = server.url();
    let mut all = vec!["--server", &url, "--api-key", "key-1"];
    all.extend(arguments);
    Surroundings::default().run(&all)
}

/// A host as the API gives it.
fn host(id: u32, hostname: &str) -> String {
    serde_json::json!({
        "id": format!("0193b3a0-0000-7000-8000-{id:012}"), "hostname": hostname,
        "host_identifier": "u", "hardware_uuid": "u", "hardware_serial": "s",
        "platform": "linux", "os_name": "Debian", "os_version": "13", "arch": "x86_64",
        "agent": "osquery", "agent_version": "5.23.0", "ip_address": "10.0.0.1",
        "status": "online", "enrolled_at": "2026-11-01T00:00:00Z",
        "last_seen_at": "2026-11-23T16:59:57Z", "decommissioned_at": null, "clone_seen_at": null
    })
    .to_string()
}

/// A refusal as the API gives it.
fn refusal(status: u16, code: &str, detail: &str) -> Vec<u8> {
    let body = serde_json::json!({
        "type": "about:blank", "title": "t", "status": status, "code": code, "detail": detail
    });
    scripted::answer(status, "application/problem+json", "", &body.to_string())
}
