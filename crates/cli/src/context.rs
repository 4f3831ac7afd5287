// SPDX-License-Identifier: Apache-2.0
//! What commands share: the console, the format, and the way to the server.
//!
//! Each of server, key and CA comes from its option, else its environment variable, else the
//! sign-in file. A key or CA of the file is used only with the server of the file.

use std::fs;
use std::io;

use anyhow::Context as _;
use mimir_client::{Client, List, PageBody};
use mimir_wire::Timestamp;
use serde::Serialize;

use crate::args::GlobalArgs;
use crate::config_file;
use crate::console::Console;
use crate::failure::wrong_usage;
use crate::output::{self, Column, Format};

/// Bytes of a line that is asked for; more is no key or password.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// What a command runs with.
pub(crate) struct Context<'a> {
    pub(crate) global: GlobalArgs,
    pub(crate) console: &'a mut Console,
}

/// How the server is reached.
pub(crate) struct Access {
    pub(crate) server: String,
    pub(crate) api_key: Option<String>,
    pub(crate) ca: Option<String>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(global: GlobalArgs, console: &'a mut Console) -> Self {
        Self { global, console }
    }

    pub(crate) fn format(&self) -> Format {
        self.global.output
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.console.now)()
    }

    /// Finds out how to reach the server.
    pub(crate) fn access(&self) -> anyhow::Result<Access> {
        let stored = match &self.console.sign_in_file {
            Some(path) => config_file::read(path)?,
            None => None,
        };
        let server =
            self.global.server.clone().or_else(|| stored.as_ref().map(|s| s.server.clone()));
        let server = server.ok_or_else(|| {
            wrong_usage(
                "no server is known; sign in with `mimir login`, or give `--server URL` \
                 (or MIMIR_SERVER)",
            )
        })?;
        let stored = stored.filter(|stored| same_server(&stored.server, &server));
        let (stored_key, stored_ca) = match stored {
            Some(stored) => (Some(stored.api_key), stored.ca),
            None => (None, None),
        };
        let ca =
            match &self.global.ca {
                Some(path) => Some(fs::read_to_string(path).with_context(|| {
                    format!("cannot read the CA certificate {}", path.display())
                })?),
                None => stored_ca,
            };
        Ok(Access { server, api_key: self.global.api_key.clone().or(stored_key), ca })
    }

    /// A client that speaks with the API key.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let access = self.access()?;
        if access.api_key.is_none() {
            return Err(wrong_usage(format!(
                "no API key for {}; sign in with `mimir login`, or give MIMIR_API_KEY",
                access.server
            )));
        }
        client(&access)
    }

    /// Prints one thing.
    pub(crate) fn print<T: Serialize>(
        &mut self,
        columns: &[Column],
        thing: &T,
    ) -> anyhow::Result<()> {
        output::object(self.console, self.global.output, columns, thing)
    }

    /// Prints a list.
    pub(crate) fn print_list<P>(
        &mut self,
        columns: &[Column],
        list: &List<P>,
        limit: Option<usize>,
    ) -> anyhow::Result<()>
    where
        P: PageBody,
        P::Item: Serialize,
    {
        output::list(self.console, self.global.output, columns, list, limit)
    }

    /// Asks for a secret: without echo on a terminal, else the first line of the input.
    pub(crate) fn ask_secret(&mut self, question: &str) -> anyhow::Result<String> {
        let secret = if self.console.input_is_terminal {
            rpassword::prompt_password(question).context("cannot ask on this terminal")?
        } else {
            self.line()?
        };
        let secret = secret.trim_end_matches(['\r', '\n']).to_owned();
        if secret.is_empty() {
            return Err(wrong_usage("nothing was given; type it or pass it by standard input"));
        }
        Ok(secret)
    }

    /// Asks on the terminal; `None` where there is nobody to ask.
    pub(crate) fn ask(&mut self, question: &str) -> anyhow::Result<Option<String>> {
        if !(self.console.input_is_terminal && self.console.err_is_terminal) {
            return Ok(None);
        }
        self.console.out.flush()?;
        write!(self.console.err, "{question}")?;
        self.console.err.flush()?;
        Ok(Some(self.line()?.trim().to_owned()))
    }

    /// Has whoever sits at the terminal agree to something that cannot be undone. A script that
    /// runs it is taken to mean it.
    pub(crate) fn confirm(&mut self, question: &str) -> anyhow::Result<()> {
        match self.ask(&format!("{question} [y/N] "))? {
            None => Ok(()),
            Some(answer) if matches!(&*answer.to_lowercase(), "y" | "yes") => Ok(()),
            Some(_) => anyhow::bail!("nothing was done"),
        }
    }

    fn line(&mut self) -> anyhow::Result<String> {
        use io::{BufRead as _, Read as _};
        let mut line = String::new();
        self.console
            .input
            .by_ref()
            .take(ANSWER_BYTES_MAX)
            .read_line(&mut line)
            .context("cannot read from standard input")?;
        Ok(line)
    }
}

/// A client for what was found out.
pub(crate) fn client(access: &Access) -> anyhow::Result<Client> {
    let mut builder = Client::builder(&access.server);
    if let Some(key) = &access.api_key {
        builder = builder.api_key(key);
    }
    if let Some(ca) = &access.ca {
        builder = builder.ca_pem(ca.as_bytes());
    }
    Ok(builder.build()?)
}

/// Whether two addresses name the same server, however they are written.
fn same_server(a: &str, b: &str) -> bool {
    fn origin(text: &str) -> String {
        let text = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let text = if text.contains("://") { text } else { format!("https://{text}") };
        match text.strip_prefix("https://") {
            Some(rest) => format!("https://{}", rest.strip_suffix(":443").unwrap_or(rest)),
            None => text,
        }
    }
    origin(a) == origin(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_server_is_known_however_it_is_written() {
        assert!(same_server("https://M.example:443/", "m.example"));
        assert!(!same_server("https://m.example", "http://m.example"));
        assert!(!same_server("https://m.example", "https://m.example:8443"));
        assert!(!same_server("https://m.example", "https://m.example.evil"));
    }
}
