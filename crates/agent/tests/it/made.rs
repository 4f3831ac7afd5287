// SPDX-License-Identifier: Apache-2.0
//! A host made up in a directory, for tables that stand on files, and the machine's own tools to
//! compare with.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use mimir_agent::host::Host;
use mimir_agent::sql::{QueryError, QueryLimits, Runner};

use crate::fixture;

/// Rows as maps from column to value.
pub type Rows = Vec<BTreeMap<String, String>>;

/// A host whose files are below a directory of its own.
pub struct Made {
    directory: tempfile::TempDir,
    /// The host.
    pub host: Arc<Host>,
}

impl Made {
    /// A host without any files.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let identity = fixture::host().identity.clone();
        let host = Arc::new(Host::new(identity, 0).with_root(directory.path()));
        Self { directory, host }
    }

    /// A host with a user who has a home directory.
    pub fn with_ann() -> Self {
        let made = Self::new();
        made.write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:100::/home/ann:/bin/sh\n");
        fs::create_dir_all(made.at("/home/ann/.ssh")).unwrap();
        made
    }

    /// Where a file of the host is.
    pub fn at(&self, path: &str) -> PathBuf {
        self.directory.path().join(&path[1..])
    }

    /// Writes a file of the host, with the directories above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The answer of a statement about the host.
    pub fn run(&self, sql: &str) -> Result<Rows, QueryError> {
        let host = Arc::clone(&self.host);
        let (answer, _cost) = Runner::new(host, QueryLimits::default(), Arc::default()).run(sql)?;
        let named = |row: Vec<&str>| {
            answer.columns.iter().cloned().zip(row.into_iter().map(str::to_owned)).collect()
        };
        Ok(answer.rows().map(named).collect())
    }

    /// The rows of a statement that must not fail.
    pub fn rows(&self, sql: &str) -> Rows {
        self.run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The values of each row, in the order of the columns' names.
    pub fn values(&self, sql: &str, columns: &[&str]) -> Vec<Vec<String>> {
        let rows = self.rows(sql);
        rows.iter().map(|row| columns.iter().map(|name| row[*name].clone()).collect()).collect()
    }
}

/// What a tool of the machine says; `None` when it is not there or fails.
pub fn tool(program: &str, arguments: &[&str], input: &[u8]) -> Option<String> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(input).ok();
    let output = child.wait_with_output().unwrap();
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
