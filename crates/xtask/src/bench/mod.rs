// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask bench`: what Mimir costs, each figure beside the cost of a bare floor that runs in
//! the same call on the same machine. Ratios decide, absolute figures are shown.
//!
//! One file a measurement; here are only their list, the options and the output. It measures
//! programs of the profile `quick`, built first, and nothing of it is timed in debug code.

mod machine;
mod p9;
mod report;
mod rig;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};

use crate::root;
use report::Measured;

/// One measurement.
struct Bench {
    /// Its number, such as `P9`.
    id: &'static str,
    /// What is measured.
    what: &'static str,
    /// Measures it, with the programs in a folder.
    run: fn(&Path) -> anyhow::Result<Vec<Measured>>,
}

/// Every measurement, in the order they run.
const BENCHES: &[Bench] = &[Bench { id: "P9", what: p9::WHAT, run: p9::run }];

/// Packages whose programs are measured.
const PROGRAMS: [&str; 2] = ["mimir-cli", "mimir-agent"];

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    /// Ids; all when empty.
    only: Vec<String>,
    /// Where the results go as JSON.
    json: Option<PathBuf>,
}

impl Options {
    fn read(words: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let value = rest.next().with_context(|| format!("{word} wants a value"))?;
            match *word {
                "--only" => {
                    let known: Vec<&str> = BENCHES.iter().map(|bench| bench.id).collect();
                    let is_known = known.contains(value);
                    ensure!(is_known, "there is no {value}; there are {}", known.join(", "));
                    options.only.push((*value).to_owned());
                }
                "--json" => options.json = Some(PathBuf::from(value)),
                _ => bail!("unknown option {word}; there are --only ID and --json FILE"),
            }
        }
        Ok(options)
    }

    fn wants(&self, bench: &Bench) -> bool {
        self.only.is_empty() || self.only.iter().any(|id| id == bench.id)
    }
}

/// Measures and reports. Success is when every target is met.
pub fn run(words: &[&str]) -> anyhow::Result<ExitCode> {
    let options = Options::read(words)?;
    if cfg!(debug_assertions) {
        return again(words);
    }
    let mut build = cargo();
    build.args(["build", "--quiet", "--profile", "quick"]);
    build.args(PROGRAMS.iter().flat_map(|package| ["-p", package]));
    ensure!(build.status()?.success(), "the programs to be measured cannot be built");
    let programs = std::env::current_exe()?;
    let programs = programs.parent().context("this program is in a folder")?;
    let mut results = Vec::new();
    for bench in BENCHES.iter().filter(|bench| options.wants(bench)) {
        crate::report(&format!("{}: {} …", bench.id, bench.what));
        results.extend((bench.run)(programs).with_context(|| bench.id)?);
    }
    let machine = machine::describe();
    report::print(&machine, &results);
    if let Some(path) = &options.json {
        let text = report::json(&machine, &results);
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let is_met = results.iter().all(Measured::is_met);
    Ok(if is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The same once more in optimised code: what drives a measurement must not be what is slow.
fn again(words: &[&str]) -> anyhow::Result<ExitCode> {
    let mut child = cargo();
    child.args(["run", "--quiet", "--profile", "quick", "-p", "xtask", "--", "bench"]);
    let status = child.args(words).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_or_refused() {
        let read = |words: &[&str]| Options::read(words).map_err(|error| error.to_string());
        assert_eq!(read(&[]), Ok(Options::default()));
        let asked = read(&["--only", "P9", "--json", "out.json"]).unwrap();
        assert_eq!((asked.only, asked.json), (vec!["P9".to_owned()], Some("out.json".into())));
        assert!(read(&["--only", "P99"]).unwrap_err().contains("there are P9"));
        assert!(read(&["--json"]).unwrap_err().contains("wants a value"));
        assert!(read(&["--fast", "1"]).unwrap_err().contains("unknown option"));
    }
}
