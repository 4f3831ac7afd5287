// SPDX-License-Identifier: Apache-2.0
//! Virtual hosts for trying a server by hand and for the console's end-to-end tests: they enrol,
//! poll and answer every query with as many rows as asked, until the standard input ends.
//!
//! ```text
//! cargo run -p mimir-sim --example fleet -- URL CA_FILE SECRET HOSTS ROWS POLL_MS
//! ```

use std::io::Write as _;
use std::time::Duration;

use mimir_sim::{
    Answerer, Connections, Fleet, Outcome, PlausibleAnswers, Profile, Question, Recording, Rows,
    Timing, Waits,
};

/// Answers with made-up processes.
struct Processes {
    rows: u64,
}

impl Answerer for Processes {
    fn answer(&self, host: &Profile, question: &Question) -> Outcome {
        let answer = PlausibleAnswers::default();
        // Names of the server's own questions begin with 0; they want a true answer.
        if question.name.starts_with('0') {
            return answer.answer(host, question);
        }
        let mut rows = Rows::new();
        for pid in 1..=self.rows {
            let uid = (pid + u64::from(host.index)) % 7;
            rows.push([
                ("pid", pid.to_string()),
                ("name", format!("worker-{}", pid % 97)),
                ("path", format!("/usr/lib/worker/{}/{pid}", host.index)),
                ("uid", uid.to_string()),
            ]);
        }
        rows.into()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, ca_file, secret, hosts, rows, poll_ms] = &arguments[..] else {
        return Err("wanted: URL CA_FILE SECRET HOSTS ROWS POLL_MS".into());
    };
    let ca_pem = std::fs::read_to_string(ca_file)?;
    let poll = Duration::from_millis(poll_ms.parse()?);
    let timing = Timing {
        waits: Waits::Real,
        distributed_interval: Some(poll),
        start_spread: poll,
        ..Timing::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let fleet = Fleet::builder(url, &ca_pem)
        // Fleets of different sizes are different hosts: one server may meet several of them.
        .seed(hosts.parse()?)
        .hosts(hosts.parse()?)
        .enroll_secret(secret)
        .answers(Processes { rows: rows.parse()? })
        .connections(Connections::KeptAlive)
        .timing(timing)
        .recording(Recording::Off)
        .build()?;
    runtime.block_on(async {
        let running = fleet.start();
        let ended = tokio::task::spawn_blocking(|| {
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink())
        });
        drop(ended.await);
        writeln!(std::io::stdout(), "{:?}", running.stop().await)
    })?;
    Ok(())
}
