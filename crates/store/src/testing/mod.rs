// SPDX-License-Identifier: Apache-2.0
//! Databases for tests: a SQLite file, SQLite in memory, and PostgreSQL databases on a server of
//! the test run's own. Nothing here is part of the product. Failures panic, as tests do.

mod server;

use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

pub use self::server::{Options, PrivatePostgres};
use crate::db::postgres::run_alone;
use crate::db::{DatabaseUrl, Db, Engine};

/// Names the address of a server where tests may make and drop databases; without it, each test
/// process starts a server of its own.
pub const POSTGRES_VARIABLE: &str = "MIMIR_TEST_POSTGRES";

/// A database that is gone when this is dropped. It acts as the [`Db`] it holds.
#[derive(Debug)]
pub struct TestDb {
    db: Db,
    url: DatabaseUrl,
    _cleanup: Cleanup,
}

/// What remains to be removed once a test has ended; fields are dropped after the database.
#[derive(Debug)]
enum Cleanup {
    Nothing,
    Folder(#[expect(dead_code, reason = "held for its drop")] TempDir),
    Database { admin: String, name: String },
}

impl TestDb {
    /// An empty database in a SQLite file.
    pub fn sqlite_file() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let url = DatabaseUrl::Sqlite(folder.path().join("mimir.db"));
        Self::open(url, Cleanup::Folder(folder))
    }

    /// An empty SQLite database in memory.
    pub fn sqlite_memory() -> Self {
        Self::open(DatabaseUrl::SqliteMemory, Cleanup::Nothing)
    }

    /// An empty PostgreSQL database.
    pub fn postgres() -> Self {
        Self::postgres_from("template0")
    }

    /// A database on this engine (SQLite: in a file) with the product's schema.
    pub fn migrated(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => {
                let test = Self::sqlite_file();
                crate::migrate(&test).expect("the migrations run on SQLite");
                test
            }
            Engine::Postgres => Self::postgres_from(template()),
        }
    }

    /// A database in memory with the product's schema.
    pub fn migrated_memory() -> Self {
        let test = Self::sqlite_memory();
        crate::migrate(&test).expect("the migrations run on SQLite");
        test
    }

    /// An empty database on this engine (SQLite: in a file).
    pub fn empty(engine: Engine) -> Self {
        match engine {
            Engine::Sqlite => Self::sqlite_file(),
            Engine::Postgres => Self::postgres(),
        }
    }

    fn postgres_from(template: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let admin = private_postgres().to_owned();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mimir_test_{}_{number}", std::process::id());
        // A database of an earlier process with the same number may be left on a shared server.
        let sql = [
            format!("drop database if exists {name} with (force)"),
            format!("create database {name} template {template} encoding 'UTF8'"),
        ];
        run_alone(&admin, &sql).expect("a test database can be made");
        let url = DatabaseUrl::Postgres(with_database(&admin, &name));
        Self::open(url, Cleanup::Database { admin, name })
    }

    fn open(url: DatabaseUrl, cleanup: Cleanup) -> Self {
        let db = Db::open(&url).expect("the test database can be opened");
        Self { db, url, _cleanup: cleanup }
    }

    /// The open database.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// Its address, for opening it a second time.
    pub const fn url(&self) -> &DatabaseUrl {
        &self.url
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        if let Self::Database { admin, name } = self {
            // Best effort: the server may be gone already, and takes the database with it.
            let _ = run_alone(admin, &[format!("drop database if exists {name} with (force)")]);
        }
    }
}

/// The address of a PostgreSQL server where databases may be made: that of
/// [`POSTGRES_VARIABLE`], or of a server that lives as long as this process.
pub fn private_postgres() -> &'static str {
    static SERVER: OnceLock<(Option<PrivatePostgres>, String)> = OnceLock::new();
    let (_, url) = SERVER.get_or_init(|| match std::env::var(POSTGRES_VARIABLE) {
        Ok(url) if !url.is_empty() => (None, url),
        _ => {
            let server = PrivatePostgres::start().unwrap_or_else(|reason| panic!("{reason}"));
            let url = server.url().to_owned();
            (Some(server), url)
        }
    });
    url
}

/// The address `url` with another database.
pub fn with_database(url: &str, name: &str) -> String {
    let (place, options) = url.split_once('?').map_or((url, None), |(a, b)| (a, Some(b)));
    let (scheme, place) = place.split_once("://").expect("the address has a scheme");
    let server = place.split_once('/').map_or(place, |(server, _)| server);
    match options {
        Some(options) => format!("{scheme}://{server}/{name}?{options}"),
        None => format!("{scheme}://{server}/{name}"),
    }
}

/// The name of a database with the product's schema, made once per server.
fn template() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let mut digest = Sha256::new();
        for step in crate::POSTGRES_MIGRATIONS {
            digest.update(step.sql.as_bytes());
        }
        let name = format!("mimir_template_{}", hex::encode(&digest.finalize()[..8]));
        server::make_template(private_postgres(), &name);
        name
    })
}

/// Makes a module with one test per engine, each on a fresh database with the product's schema:
/// `both_engines!(name, |db: Db| { … });`. With `empty` before the name, the database is empty.
#[macro_export]
macro_rules! both_engines {
    (empty $name:ident, |$db:ident: $type:ty| $body:expr) => {
        $crate::both_engines!(@ empty, $name, $db, $type, $body);
    };
    ($name:ident, |$db:ident: $type:ty| $body:expr) => {
        $crate::both_engines!(@ migrated, $name, $db, $type, $body);
    };
    (@ $kind:ident, $name:ident, $db:ident, $type:ty, $body:expr) => {
        mod $name {
            use super::*;

            fn check($db: $type) {
                $body
            }

            #[test]
            fn sqlite() {
                let test = $crate::testing::TestDb::$kind($crate::db::Engine::Sqlite);
                check(test.db().clone());
            }

            #[test]
            fn postgres() {
                let test = $crate::testing::TestDb::$kind($crate::db::Engine::Postgres);
                check(test.db().clone());
            }
        }
    };
}
