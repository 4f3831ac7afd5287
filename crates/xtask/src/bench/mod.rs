// SPDX-License-Identifier: Apache-2.0
//! `cargo xtask bench`: what Mimir costs, each figure beside the cost of a bare floor that runs in
//! the same call on the same machine. Ratios decide, absolute figures are shown.
//!
//! One file a measurement; here are only their list, the options and the output. It measures
//! programs of the profile `quick`, built first, and nothing of it is timed in debug code. Runs of
//! Mimir and of the floor take turns and medians count, so that a machine that does other things
//! too changes both alike.

mod data;
pub mod floor;
mod large;
mod load;
mod machine;
mod p1;
mod p10;
mod p11;
mod p3;
mod p4;
mod p5;
mod p6;
mod p8;
mod p9;
mod report;
mod rig;
mod setting;
mod stored;
mod usage;
mod world;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, bail, ensure};

use crate::root;
use report::Measured;
use setting::Setting;

/// One measurement.
struct Bench {
    /// Its number, such as `P9`.
    id: &'static str,
    /// What is measured.
    what: &'static str,
    /// Measures it.
    run: fn(&Setting<'_>) -> anyhow::Result<Vec<Measured>>,
}

/// Every measurement, in the order they run.
const BENCHES: &[Bench] = &[
    Bench { id: "P1", what: p1::WHAT_NEW, run: p1::run_new },
    Bench { id: "P2", what: p1::WHAT_KEPT, run: p1::run_kept },
    Bench { id: "P3", what: p3::WHAT, run: p3::run },
    Bench { id: "P4", what: p4::WHAT, run: p4::run },
    Bench { id: "P5", what: p5::WHAT, run: p5::run },
    Bench { id: "P10", what: p10::WHAT, run: p10::run },
    Bench { id: "P6", what: p6::WHAT, run: p6::run },
    Bench { id: "P7", what: large::WHAT, run: large::run },
    Bench { id: "P8", what: p8::WHAT, run: p8::run },
    Bench { id: "P9", what: p9::WHAT, run: p9::run },
    Bench { id: "P11", what: p11::WHAT, run: p11::run },
];

/// Packages whose programs are measured.
const PROGRAMS: [&str; 2] = ["mimir-cli", "mimir-agent"];

/// Hosts of the largest fleet unless another number is given.
const HOSTS: u64 = 100_000;
/// Hosts when only the frame is tried.
const HOSTS_SMOKE: u64 = 20;

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    /// Ids; all when empty.
    only: Vec<String>,
    /// Where the results go as JSON.
    json: Option<PathBuf>,
    /// The page that the table is put into.
    doc: Option<PathBuf>,
    /// Hosts of the largest fleet.
    hosts: Option<u64>,
    /// Only the frame is tried, as small and fast as can be, with programs that are there.
    smoke: bool,
}

impl Options {
    fn read(words: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self::default();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if *word == "--smoke" {
                options.smoke = true;
                continue;
            }
            let value = rest.next().with_context(|| format!("{word} wants a value"))?;
            match *word {
                "--only" => options.only.extend(ids(value)?),
                "--json" => options.json = Some(PathBuf::from(value)),
                "--doc" => options.doc = Some(PathBuf::from(value)),
                "--hosts" => {
                    let hosts = value.parse().ok().filter(|hosts| *hosts >= 100);
                    let hosts = hosts.with_context(|| format!("{value} is no number from 100"))?;
                    options.hosts = Some(hosts);
                }
                _ => bail!("unknown option {word}; see cargo xtask help"),
            }
        }
        Ok(options)
    }

    fn wants(&self, bench: &Bench) -> bool {
        self.only.is_empty() || self.only.iter().any(|id| id == bench.id)
    }

    /// What was asked for, measured.
    fn measure(&self, programs: &Path) -> anyhow::Result<Vec<Measured>> {
        let hosts = self.hosts.unwrap_or(if self.smoke { HOSTS_SMOKE } else { HOSTS });
        let setting = Setting::new(programs, hosts, self.smoke);
        let mut results = Vec::new();
        for bench in BENCHES.iter().filter(|bench| self.wants(bench)) {
            crate::report(&format!("{}: {} …", bench.id, bench.what));
            results.extend((bench.run)(&setting).with_context(|| bench.id)?);
            if bench.id == "P10" {
                setting.end_worlds();
            }
        }
        Ok(results)
    }
}

/// Ids with commas between them.
fn ids(list: &str) -> anyhow::Result<Vec<String>> {
    let known: Vec<&str> = BENCHES.iter().map(|bench| bench.id).collect();
    let known = |id: &str| {
        ensure!(known.contains(&id), "there is no {id}; there are {}", known.join(", "));
        Ok(id.to_owned())
    };
    list.split(',').map(|id| known(id.trim())).collect()
}

/// Measures and reports. Success is when every target is met.
pub fn run(words: &[&str]) -> anyhow::Result<ExitCode> {
    let options = Options::read(words)?;
    if cfg!(debug_assertions) && !options.smoke {
        return again(words);
    }
    if !options.smoke {
        let mut build = cargo();
        build.args(["build", "--quiet", "--profile", "quick"]);
        build.args(PROGRAMS.iter().flat_map(|package| ["-p", package]));
        ensure!(build.status()?.success(), "the programs to be measured cannot be built");
    }
    let programs = std::env::current_exe()?;
    let programs = programs.parent().context("this program is in a folder")?;
    let results = options.measure(programs)?;
    let machine = machine::describe();
    report::print(&machine, &results);
    if let Some(path) = &options.json {
        let text = report::json(&machine, &results);
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(page) = &options.doc {
        report::put_into(page, &machine, &results)?;
    }
    let is_met = results.iter().all(Measured::is_met);
    Ok(if is_met || options.smoke { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
        let asked = read(&["--only", "P1,P3", "--only", "P9", "--hosts", "1000"]).unwrap();
        assert_eq!((asked.only.join(" "), asked.hosts), ("P1 P3 P9".to_owned(), Some(1000)));
        assert!(read(&["--only", "P1,P99"]).unwrap_err().contains("there are P1, P2"));
        assert!(read(&["--hosts", "few"]).unwrap_err().contains("no number"));
        assert!(read(&["--json"]).unwrap_err().contains("wants a value"));
        assert!(read(&["--fast", "1"]).unwrap_err().contains("unknown option"));
    }
}
