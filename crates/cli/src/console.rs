// SPDX-License-Identifier: Apache-2.0
//! Where output goes, where input comes from, and what time it is: everything a command has of
//! its surroundings, so that tests can give it others.

use std::io::{self, BufRead, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use mimir_wire::Timestamp;

/// Columns of a terminal that does not tell its width.
const WIDTH_UNKNOWN: u16 = 100;

/// What a command has of its surroundings.
pub struct Console {
    /// What was asked for.
    pub out: Box<dyn Write + Send>,
    /// What is said about it: refusals, warnings, progress.
    pub err: Box<dyn Write + Send>,
    /// What is read.
    pub input: Box<dyn BufRead + Send>,
    /// Whether `out` is a terminal, which must be guarded from control characters.
    pub out_is_terminal: bool,
    /// Whether `err` is a terminal, on which progress may be drawn.
    pub err_is_terminal: bool,
    /// Whether `input` is a terminal, on which questions may be asked.
    pub input_is_terminal: bool,
    /// Columns of the terminal; tables are not wrapped elsewhere.
    pub width: u16,
    /// The clock.
    pub now: fn() -> Timestamp,
    /// The sign-in file; `None` when there is no home for it.
    pub sign_in_file: Option<PathBuf>,
}

impl Console {
    /// The surroundings of this process.
    pub fn of_process() -> Self {
        Self {
            out: Box::new(BufWriter::new(io::stdout())),
            err: Box::new(io::stderr()),
            input: Box::new(io::BufReader::new(io::stdin())),
            out_is_terminal: io::stdout().is_terminal(),
            err_is_terminal: io::stderr().is_terminal(),
            input_is_terminal: io::stdin().is_terminal(),
            width: comfy_table::Table::new().width().unwrap_or(WIDTH_UNKNOWN),
            now: system_time,
            sign_in_file: sign_in_file(),
        }
    }

    /// A line for whoever sits there, on the error output.
    ///
    /// # Errors
    /// When the error output is gone.
    pub fn say(&mut self, line: &str) -> io::Result<()> {
        // What came before must stand before.
        self.out.flush()?;
        writeln!(self.err, "{line}")
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
fn system_time() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// `client.toml` in `$XDG_CONFIG_HOME/mimir`, by default `~/.config/mimir`.
fn sign_in_file() -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let base = absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))?;
    Some(base.join("mimir").join("client.toml"))
}
