// SPDX-License-Identifier: Apache-2.0
//! Seeded answers that look like a real machine's: the same host gives the same rows to the same
//! table every time, so that a repeated execution can be compared with the first.

use rand::RngExt as _;

use super::sketch::Sketch;
use super::tables::{Cells, generate};
use super::{Answerer, Outcome, Question};
use crate::profile::Profile;
use crate::rows::Rows;
use crate::seed;

/// The ready-made answerer. Known tables have rows; an unknown one is the SQL error a real agent
/// gives. A `WHERE` is not evaluated: see [`PlausibleAnswers::match_rate`].
#[derive(Debug, Clone, Copy)]
pub struct PlausibleAnswers {
    match_rate: f64,
}

impl Default for PlausibleAnswers {
    fn default() -> Self {
        Self { match_rate: 1.0 }
    }
}

impl PlausibleAnswers {
    /// A query with a `WHERE` finds its rows on this share of hosts (0 to 1) and nothing on the
    /// others. Which hosts is decided by seed, host and SQL text.
    #[must_use]
    pub fn match_rate(mut self, share: f64) -> Self {
        self.match_rate = share.clamp(0.0, 1.0);
        self
    }
}

impl Answerer for PlausibleAnswers {
    fn answer(&self, host: &Profile, question: &Question) -> Outcome {
        let sketch = Sketch::of(&question.sql);
        let Some(table) = &sketch.table else {
            let cells = sketch.columns.iter().map(|(value, name)| (name, value));
            return Outcome::row(cells);
        };
        let Some(mut rows) = generate(table, host, question) else {
            return Outcome::Error(format!("no such table: {table}"));
        };
        let mut random = seed::rng(host.seed, host.index.into(), &question.sql);
        if sketch.filtered && !random.random_bool(self.match_rate) {
            rows.clear();
        }
        if let Some(name) = &sketch.count {
            return Outcome::row([(name, rows.len().to_string())]);
        }
        rows.truncate(sketch.limit.unwrap_or(usize::MAX));
        let mut answer = Rows::new();
        for row in &rows {
            match project(row, &sketch.columns) {
                Ok(cells) => answer.push(cells),
                Err(column) => return Outcome::Error(format!("no such column: {column}")),
            }
        }
        Outcome::Rows(answer)
    }
}

/// The wanted columns of a row, or the first that does not exist.
fn project<'r>(
    row: &'r Cells,
    columns: &'r [(String, String)],
) -> Result<Vec<(&'r str, &'r str)>, &'r str> {
    if columns.is_empty() {
        return Ok(row.iter().map(|(name, value)| (*name, value.as_str())).collect());
    }
    let cell = |(source, shown): &'r (String, String)| {
        let value = row.iter().find(|(name, _)| name.eq_ignore_ascii_case(source));
        match value {
            Some((_, value)) => Ok((shown.as_str(), value.as_str())),
            // A number is a constant of the text.
            None if source.parse::<u64>().is_ok() => Ok((shown.as_str(), source.as_str())),
            None => Err(source.as_str()),
        }
    };
    columns.iter().map(cell).collect()
}

#[cfg(test)]
mod tests {
    use mimir_wire::Timestamp;

    use super::*;
    use crate::profile::Platform;

    fn ask(answers: PlausibleAnswers, host: u32, sql: &str) -> Outcome {
        let platform = [Platform::Linux, Platform::Darwin, Platform::Windows][host as usize % 3];
        let host = Profile { platform, ..Profile::new(7, host) };
        let question = Question {
            name: "q".into(),
            sql: sql.into(),
            now: Timestamp::from_secs(1_790_000_000),
            worker: 1,
            worker_started: Timestamp::from_secs(1_789_990_000),
        };
        answers.answer(&host, &question)
    }

    fn lines(host: u32, sql: &str) -> Vec<String> {
        match ask(PlausibleAnswers::default(), host, sql) {
            Outcome::Rows(rows) => rows.lines(),
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn common_tables_have_rows_on_every_platform_and_repeat() {
        for host in 0..3 {
            for table in super::super::tables::NAMES {
                let sql = format!("SELECT * FROM {table}");
                let first = lines(host, &sql);
                assert!(!first.is_empty(), "{table} on {host}");
                assert_eq!(first, lines(host, &sql), "{table} must repeat");
            }
        }
        assert_ne!(lines(0, "SELECT * FROM processes"), lines(3, "SELECT * FROM processes"));
    }

    #[test]
    fn columns_constants_counts_and_limits_are_honoured() {
        let version = lines(1, "SELECT version AS v FROM osquery_info");
        assert_eq!(version, [r#"{"v":"5.23.1"}"#]);
        assert_eq!(lines(1, "SELECT 1"), [r#"{"1":"1"}"#]);
        assert_eq!(lines(1, "SELECT 1 FROM os_version WHERE x = 1"), [r#"{"1":"1"}"#]);
        assert_eq!(lines(1, "SELECT pid FROM processes LIMIT 2").len(), 2);
        let processes = lines(1, "SELECT pid FROM processes").len();
        let count = lines(1, "SELECT count(*) AS n FROM processes");
        assert_eq!(count, [format!(r#"{{"n":"{processes}"}}"#)]);
    }

    #[test]
    fn unknown_names_are_the_errors_of_a_real_agent() {
        let answers = PlausibleAnswers::default();
        let error = |text: &str| Outcome::Error(text.to_owned());
        assert_eq!(ask(answers, 0, "SELECT * FROM foo"), error("no such table: foo"));
        assert_eq!(ask(answers, 0, "SELECT bar FROM users"), error("no such column: bar"));
    }

    #[test]
    fn a_filter_matches_on_its_share_of_hosts() {
        let sql = "SELECT pid FROM processes WHERE name = 'dropper'";
        let hits = |share| {
            let answers = PlausibleAnswers::default().match_rate(share);
            (0..200).filter(|host| ask(answers, *host, sql) != Outcome::empty()).count()
        };
        assert_eq!((hits(0.0), hits(1.0)), (0, 200));
        assert!((5..60).contains(&hits(0.1)), "{}", hits(0.1));
    }
}
