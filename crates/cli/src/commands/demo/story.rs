// SPDX-License-Identifier: Apache-2.0
//! What the demonstration shows, step by step, and what it says about it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use mimir_client::{CampaignFilter, Client, HostFilter};
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::Coverage;
use mimir_wire::ids::CampaignId;

use super::Halt;
use super::agents::{Agents, LATE, NAMES};
use super::folder::Access;
use crate::args::Cli;
use crate::context::Context;
use crate::output::{Format, counted, coverage_bar, grouped};
use crate::progress::Progress;

/// What the campaign asks.
const SQL: &str = "SELECT name, version, platform, arch FROM os_version";
/// Minutes of its live window: the shortest there is.
const WINDOW: &str = "1";
/// How often the server is asked how far things are.
const LOOK: Duration = Duration::from_millis(300);
/// Longest wait for agents to enrol or to answer, in seconds; they take a few.
const WAIT_S_MAX: i64 = 90;
/// Longest wait for the live window to close, in seconds.
const WINDOW_WAIT_S_MAX: i64 = 75;
/// Rows that are shown of all.
const ROWS_SHOWN: &str = "6";
/// Characters of the coverage bar.
const BAR_CHARS: usize = 30;

/// The story and what it needs to be told.
pub(super) struct Story<'a, 'c> {
    context: Context<'a>,
    access: &'c Access,
    halt: &'c Halt,
    client: Client,
    begin: Timestamp,
}

impl<'a, 'c> Story<'a, 'c> {
    pub(super) fn new(
        context: &'a mut Context<'_>,
        access: &'c Access,
        halt: &'c Halt,
    ) -> anyhow::Result<Self> {
        let mut global = context.global.clone();
        global.server = Some(access.url.clone());
        global.api_key = Some(access.api_key.clone());
        global.ca = Some(access.ca.clone());
        global.output = Format::Table;
        let begin = context.now();
        let context = Context::new(global, context.console);
        let client = context.client()?;
        Ok(Self { context, access, halt, client, begin })
    }

    /// Says what is here and turns campaigns on. No host has been started yet: the first thing
    /// that hosts are told is how often to ask.
    pub(super) fn open(&mut self, virtual_hosts: usize, address: SocketAddr) -> anyhow::Result<()> {
        self.introduce(virtual_hosts, address)?;
        let changes = ["offline_campaigns_enabled=true", "agent_poll_interval_s=2"];
        self.mimir(&[&["settings", "set"][..], &changes].concat())
    }

    /// Tells the rest, up to the late answer.
    pub(super) fn tell(
        &mut self,
        agents: &mut Agents<'_>,
        virtual_hosts: usize,
    ) -> anyhow::Result<()> {
        let hosts = NAMES.len() + virtual_hosts;
        self.enrolled(agents, hosts)?;
        agents.stop(LATE);
        self.say(&format!("\n{LATE} is shut down now. Everybody is asked all the same:\n"))?;
        let id = self.launch()?;
        // An earlier demonstration may have left hosts that nobody runs any more.
        self.follow(id, agents, |coverage| coverage.responded + 1 >= hosts as u64)?;
        self.say("\nAll that are here have answered. Who is missing has a name:\n")?;
        self.mimir(&["campaign", "pending", &id.to_string()])?;
        self.say("(A host counts as online for ten minutes after it was last heard of.)")?;
        self.say("\nSome of the rows, of all hosts together:\n")?;
        self.mimir(&["campaign", "rows", &id.to_string(), "--limit", ROWS_SHOWN])?;
        self.window(id)?;
        agents.start(LATE)?;
        self.say(&format!("\n{LATE} is started again, and is asked as soon as it is back:"))?;
        self.follow(id, agents, |coverage| coverage.responded >= hosts as u64)?;
        self.say("\nIts answer is kept like the others, and marked late:\n")?;
        self.mimir(&["campaign", "responses", &id.to_string(), "--late", "true"])
    }

    fn introduce(&mut self, virtual_hosts: usize, address: SocketAddr) -> anyhow::Result<()> {
        let url = &self.access.url;
        let mut text = format!(
            "Mimir, a demonstration on this machine alone.\n\n\
             A server runs at {url} ({address}), with an embedded database.\n\
             {} mimir-agent processes are hosts: {}. They are real\n\
             agents: they answer with data read from this machine, under made-up names.\n",
            NAMES.len(),
            NAMES.join(", ")
        );
        if virtual_hosts > 0 {
            let hosts = counted(virtual_hosts as u64, "virtual host");
            let _ = write!(
                text,
                "{hosts} (Linux, macOS, Windows) speak to it as osqueryd would; their\n\
                 answers are made up. No stock osqueryd takes part.\n"
            );
        }
        let Access { admin, password, is_new, .. } = self.access;
        let once = once(*is_new);
        let _ = write!(
            text,
            "\nTo watch it in the console, open {url} and sign in as {admin}\n\
             with the {once} {password}. The browser warns of the\n\
             certificate, which this server made for itself.\n"
        );
        text.push_str("\nCampaigns are off on a new server, so an administrator turns them on:\n");
        self.say(&text)
    }

    /// Waits until every host has been heard of.
    fn enrolled(&mut self, agents: &mut Agents<'_>, expected: usize) -> anyhow::Result<()> {
        let begin = self.begin;
        let until = self.context.now().plus_secs(WAIT_S_MAX);
        let progress = Progress::new(self.context.console.err_is_terminal);
        loop {
            let hosts = self.client.hosts(&HostFilter::default());
            let mut here = 0;
            for host in hosts.iter() {
                here += usize::from(host?.last_seen_at >= begin);
            }
            if here >= expected {
                drop(progress);
                return self.say(&format!("\nAll {expected} hosts have enrolled and are online."));
            }
            progress.set(format!("{here} of {expected} hosts have enrolled"));
            agents.check()?;
            anyhow::ensure!(
                self.context.now() < until,
                "only {here} of {expected} hosts have enrolled; see server.log in the data directory"
            );
            self.halt.pause(LOOK)?;
        }
    }

    fn launch(&mut self) -> anyhow::Result<CampaignId> {
        let begin = ["campaign", "launch", "--target", "all", "--live-window", WINDOW];
        self.mimir(&[&begin[..], &["--name", "Operating systems", "--sql", SQL]].concat())?;
        let newest = self.client.campaigns(&CampaignFilter::default()).iter().next();
        Ok(newest.context("the campaign is not in the list")??.head.id)
    }

    /// Shows the coverage as it changes, until `is_end`.
    fn follow(
        &mut self,
        id: CampaignId,
        agents: &mut Agents<'_>,
        is_end: impl Fn(&Coverage) -> bool,
    ) -> anyhow::Result<()> {
        let until = self.context.now().plus_secs(WAIT_S_MAX);
        let progress = Progress::new(self.context.console.err_is_terminal);
        let mut shown = None;
        self.say("")?;
        loop {
            let coverage = self.client.campaign(id)?.head.coverage;
            progress.set(line(&coverage));
            let ended = is_end(&coverage);
            // A terminal has the moving line; elsewhere each further answer is a line.
            if shown != Some(coverage.responded) && (ended || !progress.is_drawn()) {
                progress.aside(|| self.say(&line(&coverage)))?;
                shown = Some(coverage.responded);
            }
            if ended {
                return Ok(());
            }
            agents.check()?;
            anyhow::ensure!(
                self.context.now() < until,
                "the answers did not come; see server.log in the data directory"
            );
            self.halt.pause(LOOK)?;
        }
    }

    /// Waits until the live window has closed.
    fn window(&mut self, id: CampaignId) -> anyhow::Result<()> {
        let live_until = self.client.campaign(id)?.head.live_until;
        let left = |now: Timestamp| live_until.micros_since(now).max(0) / 1_000_000 + 1;
        self.say(&format!(
            "\nThe live window of one minute is open for another {} s. An answer after it counts\n\
             as late, so that is waited for.",
            left(self.context.now())
        ))?;
        let until = self.context.now().plus_secs(WINDOW_WAIT_S_MAX);
        let progress = Progress::new(self.context.console.err_is_terminal);
        while self.client.campaign(id)?.head.live {
            progress.set(format!("the live window closes in {} s", left(self.context.now())));
            anyhow::ensure!(self.context.now() < until, "the live window did not close");
            self.halt.pause(LOOK)?;
        }
        drop(progress);
        self.say("The window is closed.")
    }

    /// Says how to go on from here.
    pub(super) fn farewell(&mut self, exits: bool) -> anyhow::Result<()> {
        let Access { url, ca, admin, password, is_new, api_key, .. } = self.access;
        let mimir = program();
        let once = once(*is_new);
        let ca = ca.display();
        self.say(&format!(
            "\nThat was it: nothing was lost, and nobody had to ask twice.\n\n  \
             Console             {url}\n  \
             CA certificate      {ca}\n  \
             Sign in as          {admin}, {once} {password}\n  \
             API key             {api_key}\n\n\
             To go on in another terminal:\n\n  \
             export MIMIR_SERVER={url} MIMIR_CA={ca}\n  \
             export MIMIR_API_KEY={api_key}\n  \
             {mimir} campaign list\n  \
             {mimir} host list\n  \
             {mimir} query run --target all --sql 'SELECT hostname, cpu_brand FROM system_info'\n  \
             {mimir} audit verify\n"
        ))?;
        if exits { Ok(()) } else { self.say("Serving until Ctrl-C.") }
    }

    /// Runs a command of this program as it would run from a shell, and shows it.
    fn mimir(&mut self, arguments: &[&str]) -> anyhow::Result<()> {
        self.halt.check()?;
        let shown: Vec<_> = arguments.iter().map(|argument| quoted(argument)).collect();
        self.say(&format!("$ mimir {}", shown.join(" ")))?;
        let all = std::iter::once("mimir").chain(arguments.iter().copied());
        let command = Cli::try_parse_from(all).context("a command of the demonstration")?.command;
        crate::commands::run(command, &mut self.context)?;
        Ok(self.context.console.out.flush()?)
    }

    fn say(&mut self, text: &str) -> anyhow::Result<()> {
        writeln!(self.context.console.out, "{text}")?;
        Ok(self.context.console.out.flush()?)
    }
}

/// What the printed password is: after its change, an earlier demonstration's stays valid.
const fn once(is_new: bool) -> &'static str {
    if is_new { "one-time password" } else { "first password" }
}

/// How this program is called from where it was called.
fn program() -> String {
    let called = std::env::args().next().unwrap_or_default();
    if called.is_empty() { "mimir".to_owned() } else { quoted(&called) }
}

/// A word as a shell wants it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn line(coverage: &Coverage) -> String {
    format!(
        "{} {} of {} answered, {} late, {} pending",
        coverage_bar(coverage, BAR_CHARS),
        grouped(coverage.responded),
        grouped(coverage.targeted),
        grouped(coverage.late),
        grouped(coverage.pending + coverage.offered)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("--limit"), "--limit");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
