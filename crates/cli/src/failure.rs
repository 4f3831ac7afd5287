// SPDX-License-Identifier: Apache-2.0
//! How a command ends when it does not end well: what is printed, and the exit code.

use std::fmt;
use std::io::{self, Write};

use mimir_client::ClientError;
use mimir_server::config::ConfigError;
use mimir_wire::Timestamp;

use crate::console::Console;
use crate::output::{Format, problem, visible};

/// Done.
const DONE: u8 = 0;
/// Refused or failed.
const FAILED: u8 = 1;
/// The command line, or the server's configuration, was wrong.
const USAGE: u8 = 2;

/// A command line that is well formed but makes no sense.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Makes an error of a wrong command line.
pub(crate) fn wrong_usage(message: impl Into<String>) -> anyhow::Error {
    Usage(message.into()).into()
}

/// Prints what the argument parser has to say: a mistake, or help that was asked for.
pub(crate) fn usage(error: &clap::Error, console: &mut Console) -> u8 {
    let (to, terminal) = if error.use_stderr() {
        (&mut console.err, console.err_is_terminal)
    } else {
        (&mut console.out, console.out_is_terminal)
    };
    let text = error.render();
    let text = if terminal { text.ansi().to_string() } else { text.to_string() };
    // Nothing is left to do when nobody listens.
    drop(to.write_all(text.as_bytes()).and_then(|()| to.flush()));
    if error.use_stderr() { USAGE } else { DONE }
}

/// Prints what went wrong, if anything did, and gives the exit code.
pub(crate) fn exit_code(outcome: anyhow::Result<()>, format: Format, console: &mut Console) -> u8 {
    let flushed = console.out.flush().map_err(anyhow::Error::from);
    let Err(error) = outcome.and(flushed) else { return DONE };
    if is_broken_pipe(&error) {
        // `mimir host list | head` is no failure.
        return DONE;
    }
    let now = (console.now)();
    let text = describe(&error, format, now);
    drop(console.err.write_all(text.as_bytes()).and_then(|()| console.err.flush()));
    if error.is::<Usage>() || error.is::<ConfigError>() { USAGE } else { FAILED }
}

fn describe(error: &anyhow::Error, format: Format, now: Timestamp) -> String {
    if let Some(ConfigError { problems }) = error.downcast_ref() {
        return problems.iter().map(|text| format!("error: {}\n", visible(text))).collect();
    }
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::Problem(refusal)) if format == Format::Json => problem::as_json(refusal),
        Some(ClientError::Problem(refusal)) => problem::for_people(refusal, now),
        _ => {
            let mut text = format!("error: {}\n", visible(&error.to_string()));
            for cause in error.chain().skip(1) {
                text.push_str(&format!("  because: {}\n", visible(&cause.to_string())));
            }
            text
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let broken = |io: &io::Error| io.kind() == io::ErrorKind::BrokenPipe;
    match error.downcast_ref::<ClientError>() {
        Some(ClientError::Write(io)) => broken(io),
        Some(_) => false,
        None => match error.downcast_ref::<csv::Error>().map(csv::Error::kind) {
            Some(csv::ErrorKind::Io(io)) => broken(io),
            _ => error.downcast_ref::<io::Error>().is_some_and(broken),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_broken_pipe_is_no_failure() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&pipe().into()));
        assert!(is_broken_pipe(&ClientError::Write(pipe()).into()));
        assert!(is_broken_pipe(&csv::Error::from(pipe()).into()));
        let network = ClientError::Transport { message: String::new(), source: pipe().into() };
        assert!(!is_broken_pipe(&network.into()));
        assert!(!is_broken_pipe(&io::Error::from(io::ErrorKind::NotFound).into()));
    }

    #[test]
    fn causes_are_told_and_neutralised() {
        let network = ClientError::Transport {
            message: "cannot reach it".into(),
            source: "evil \u{1b}[2J".into(),
        };
        let text = describe(&network.into(), Format::Table, Timestamp::default());
        assert_eq!(text, "error: cannot reach it\n  because: evil \\x1b[2J\n");
    }
}
