// SPDX-License-Identifier: Apache-2.0
//! Prints how long one check takes, for a few kinds of queries. Run it with `--release`.

use std::io::Write;
use std::time::Instant;

use mimir_sqlguard::{DenyList, Guard, Scope};

const ROUNDS: u32 = 500;

#[expect(clippy::disallowed_methods, reason = "measuring is all this program is for")]
fn now() -> Instant {
    Instant::now()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let start = now();
    let guard = Guard::new()?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:>10.1?}  setting up", start.elapsed())?;
    let deny = DenyList::default_list();
    let values: Vec<String> = (0..1_000).map(|n| format!("'{n:060x}'")).collect();
    let hunt =
        format!("SELECT path FROM hash WHERE path = '/x' AND sha256 IN ({})", values.join(","));
    let queries = [
        ("trivial", "SELECT 1"),
        ("one table", "SELECT name, path FROM processes WHERE pid = 1"),
        (
            "join of three",
            "SELECT p.name, u.username, l.port FROM listening_ports l JOIN processes p \
         USING (pid) JOIN users u ON u.uid = p.uid WHERE l.address = '0.0.0.0' ORDER BY 1 LIMIT 10",
        ),
        ("1,000 values", hunt.as_str()),
        ("denied", "SELECT * FROM curl WHERE url = 'http://x'"),
        ("syntax error", "SELECT FROM users"),
        ("unknown table", "SELECT a, b, c FROM extension_table"),
    ];
    for (name, sql) in queries {
        guard.check(sql, Scope::MultiHost, &deny);
        let start = now();
        for _ in 0..ROUNDS {
            guard.check(sql, Scope::MultiHost, &deny);
        }
        writeln!(out, "{:>10.1?}  {name}", start.elapsed() / ROUNDS)?;
    }
    Ok(())
}
