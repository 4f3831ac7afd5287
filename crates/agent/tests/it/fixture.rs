// SPDX-License-Identifier: Apache-2.0
//! What the tests share: a runner over this machine, and answers as maps.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use mimir_agent::host::{Host, Identity};
use mimir_agent::sql::{QueryLimits, Runner};

/// A host whose identity is known.
pub fn host() -> Arc<Host> {
    let identity = Identity {
        uuid: "7c1f7b0e-2c6f-4f0e-9a55-0d5f6b6a7a11".to_owned(),
        instance_id: "instance-1".to_owned(),
        virtual_host: None,
    };
    Arc::new(Host::new(identity, 1_700_000_000))
}

/// A runner with the default limits.
pub fn runner() -> Runner {
    Runner::new(host(), QueryLimits::default(), Arc::default())
}

/// A runner with other limits.
pub fn runner_with(rows_max: u64, bytes_max: u64, time_max: Duration) -> Runner {
    Runner::new(
        host(),
        QueryLimits { rows_max, bytes_max, time_max, ..QueryLimits::default() },
        Arc::default(),
    )
}

/// Rows as maps from column to value.
pub fn rows(sql: &str) -> Vec<BTreeMap<String, String>> {
    let (answer, _cost) = runner().run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let named = |row: Vec<&str>| {
        answer.columns.iter().cloned().zip(row.into_iter().map(str::to_owned)).collect()
    };
    answer.rows().map(named).collect()
}

/// The only value of the only row.
pub fn value(sql: &str) -> String {
    let (answer, _cost) = runner().run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!((answer.len(), answer.columns.len()), (1, 1), "{sql}: {answer:?}");
    answer.rows().next().unwrap()[0].to_owned()
}

/// The error of a statement that must fail.
pub fn error(sql: &str) -> String {
    match runner().run(sql) {
        Ok((answer, _)) => panic!("{sql} gave {answer:?}"),
        Err(error) => error.to_string(),
    }
}

/// What a tool of the machine prints; `None` when it is not installed or prints nothing.
pub fn tool(name: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(name).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success() || !text.is_empty()).then_some(text)
}

/// What `source` says and what `found` says, at a moment when the source does not change.
pub fn stable<S: PartialEq, T>(source: impl Fn() -> S, found: impl Fn() -> T) -> (S, T) {
    for _ in 0..1_000 {
        let before = source();
        let found = found();
        if source() == before {
            return (before, found);
        }
    }
    panic!("the source never stands still");
}
