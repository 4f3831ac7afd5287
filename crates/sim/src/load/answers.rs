// SPDX-License-Identifier: Apache-2.0
//! What the hosts of a load answer: by plan, host and text, so that a seed repeats. The plan may
//! change while they answer.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rand::RngExt as _;

use super::plan::{Answering, Plan, has};
use crate::answers::{Answerer, Outcome, PlausibleAnswers, Question};
use crate::profile::Profile;
use crate::rows::Rows;
use crate::seed;

/// Names of questions that Mimir asks for itself begin with it: which machine is it that speaks?
/// They have the lowest names, so that they run first, and they always get a true answer.
pub(crate) const OWN_QUESTIONS: char = '0';

/// The plan as it is now.
pub(super) type Current = Arc<RwLock<Arc<Plan>>>;

/// The plan as it is now.
pub(super) fn current(plan: &Current) -> Arc<Plan> {
    plan.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Answers by the plan.
pub(super) struct PlannedAnswers(pub(super) Current);

impl Answerer for PlannedAnswers {
    fn answer(&self, host: &Profile, question: &Question) -> Outcome {
        let plausible = PlausibleAnswers::default();
        if question.name.starts_with(OWN_QUESTIONS) {
            return plausible.answer(host, question);
        }
        let plan = current(&self.0);
        let answers = &plan.answers;
        let mut random = seed::rng(host.seed, host.index.into(), &question.sql);
        let ending = ending(answers, host, question, random.random(), random.random());
        let (least, most) = answers.latency;
        let takes = least + (most - least).mul_f64(random.random());
        match takes {
            Duration::ZERO => ending,
            takes => Outcome::After(takes, Box::new(ending)),
        }
    }
}

/// How the query ends; `end` and `size` are draws from 0 to 1.
fn ending(
    answers: &Answering,
    host: &Profile,
    question: &Question,
    end: f64,
    size: f64,
) -> Outcome {
    let mut left = end;
    let mut falls = |share: f64| {
        left -= share;
        left < 0.0
    };
    if falls(answers.deaths) {
        return Outcome::Death;
    }
    if falls(answers.stuck) {
        return Outcome::Stuck;
    }
    if falls(answers.denylisted) {
        return Outcome::Denylisted;
    }
    if falls(answers.sql_errors) {
        return Outcome::Error("no such column: simulated".to_owned());
    }
    if !has(host, &question.sql, answers.matching) {
        return Outcome::empty();
    }
    let mut rows = match answers.rows {
        _ if has(host, "oversize", answers.oversize) => Rows::filler(answers.oversize_bytes),
        None => match PlausibleAnswers::default().answer(host, question) {
            Outcome::Rows(rows) => rows,
            other => return other,
        },
        Some((least, most)) => {
            // The last one as likely as the others.
            let count = least + ((most - least + 1) as f64 * size) as u64;
            made_up(host, count.min(most), answers.row_bytes)
        }
    };
    if has(host, "invalid utf8", answers.invalid_utf8) {
        rows.spoil_utf8();
    }
    Outcome::Rows(rows)
}

/// Processes that could run anywhere, `row_bytes` each if that is more than they need.
fn made_up(host: &Profile, count: u64, row_bytes: usize) -> Rows {
    let mut rows = Rows::new();
    for pid in 1..=count {
        let uid = (pid + u64::from(host.index)) % 7;
        let cells = [
            ("pid", pid.to_string()),
            ("name", format!("worker-{}", pid % 97)),
            ("path", format!("/usr/lib/worker/{}/{pid}", host.index)),
            ("uid", uid.to_string()),
        ];
        // The names, quotes, colons and commas around the values.
        let bare: usize =
            2 + cells.iter().map(|(name, value)| name.len() + value.len() + 6).sum::<usize>();
        let padding = "x".repeat(row_bytes.saturating_sub(bare + "\"data\":\"\",".len()));
        let data = (!padding.is_empty()).then_some(("data", padding));
        rows.push(cells.into_iter().chain(data));
    }
    rows
}

#[cfg(test)]
mod tests {
    use mimir_wire::Timestamp;

    use super::*;

    fn ask(change: impl FnOnce(&mut Answering), host: u32, name: &str) -> Outcome {
        let mut plan = Plan::default();
        change(&mut plan.answers);
        let answers = PlannedAnswers(Arc::new(RwLock::new(Arc::new(plan))));
        let at = Timestamp::from_secs(1_790_000_000);
        let question = Question {
            name: name.to_owned(),
            sql: "SELECT pid FROM processes".to_owned(),
            now: at,
            worker: 1,
            worker_started: at,
        };
        answers.answer(&Profile::new(5, host), &question)
    }

    fn rows(outcome: Outcome) -> Rows {
        match outcome {
            Outcome::Rows(rows) => rows,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn rows_have_the_asked_number_and_size() {
        let mut counts = std::collections::BTreeSet::new();
        for host in 0..200 {
            let rows = rows(ask(
                |answers| {
                    answers.rows = Some((2, 5));
                    answers.row_bytes = 300;
                },
                host,
                "5c.1.0",
            ));
            counts.insert(rows.count());
            for line in rows.lines() {
                assert!((295..=305).contains(&line.len()), "{} {line}", line.len());
            }
        }
        assert_eq!(counts.into_iter().collect::<Vec<_>>(), [2, 3, 4, 5]);
    }

    #[test]
    fn ends_have_their_shares_and_the_servers_own_question_gets_the_truth() {
        let ends = |change: fn(&mut Answering)| ask(change, 3, "5c.1.0");
        assert_eq!(ends(|answers| answers.deaths = 1.0), Outcome::Death);
        assert_eq!(ends(|answers| answers.stuck = 1.0), Outcome::Stuck);
        assert_eq!(ends(|answers| answers.denylisted = 1.0), Outcome::Denylisted);
        assert!(matches!(ends(|answers| answers.sql_errors = 1.0), Outcome::Error(_)));
        assert_eq!(ends(|answers| answers.matching = 0.0), Outcome::empty());
        let slow =
            ends(|answers| answers.latency = (Duration::from_secs(2), Duration::from_secs(2)));
        assert!(matches!(slow, Outcome::After(time, _) if time == Duration::from_secs(2)));
        assert!(rows(ask(|answers| answers.deaths = 1.0, 3, "0b.x")).count() > 0);
        let errors = (0..1000)
            .filter(|host| {
                let change = |answers: &mut Answering| {
                    (answers.sql_errors, answers.deaths) = (0.1, 0.1);
                };
                matches!(ask(change, *host, "5c.1.0"), Outcome::Error(_))
            })
            .count();
        assert!((60..140).contains(&errors), "{errors}");
    }

    #[test]
    fn some_hosts_are_peculiar() {
        let big = rows(ask(
            |answers| (answers.oversize, answers.oversize_bytes) = (1.0, 100_000),
            1,
            "5c.1.0",
        ));
        assert!(big.byte_len() > 90_000);
        let spoiled = rows(ask(|answers| answers.invalid_utf8 = 1.0, 1, "5c.1.0"));
        assert!(spoiled.lines()[0].contains('\u{fffd}'));
    }
}
