// SPDX-License-Identifier: Apache-2.0
//! The address of a database, as people write it in the configuration.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::DbError;

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A SQLite file, written `sqlite:PATH`.
    Sqlite(PathBuf),
    /// A SQLite database that lives as long as the process, written `sqlite::memory:`.
    SqliteMemory,
    /// A PostgreSQL server, written `postgres://user:password@host:port/database?options`.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = DbError;

    fn from_str(text: &str) -> Result<Self, DbError> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return match path {
                "" => Err(DbError::Address("sqlite: needs a path, sqlite:/path/file.db".into())),
                ":memory:" => Ok(Self::SqliteMemory),
                path => {
                    // `sqlite:///path` is written by habit and means `/path`.
                    let path = path.strip_prefix("//").unwrap_or(path);
                    Ok(Self::Sqlite(PathBuf::from(path)))
                }
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let wanted = "write sqlite:PATH or postgres://user:password@host/database";
        Err(DbError::Address(wanted.to_owned()))
    }
}

/// The address without its password.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::SqliteMemory => f.write_str("sqlite::memory:"),
            Self::Postgres(url) => f.write_str(&masked(url)),
        }
    }
}

/// Like the display: never the password.
impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

fn masked(url: &str) -> String {
    let (start, rest) = url.split_once("://").unwrap_or(("", url));
    // A password with an unescaped `/`, `?` or `@` is cut off as well: mask up to the last `@`.
    let (login, place) = match rest.rsplit_once('@') {
        Some((login, place)) => (Some(login), place),
        None => (None, rest),
    };
    let login = login.map_or(String::new(), |login| match login.split_once(':') {
        Some((user, _)) => format!("{user}:***@"),
        None => format!("{login}@"),
    });
    let (place, options) = place.split_once('?').unwrap_or((place, ""));
    let options: Vec<String> = options
        .split('&')
        .filter(|option| !option.is_empty())
        .map(|option| match option.split_once('=') {
            Some((name, _)) if name.contains("password") => format!("{name}=***"),
            _ => option.to_owned(),
        })
        .collect();
    let mark = if options.is_empty() { "" } else { "?" };
    format!("{start}://{login}{place}{mark}{}", options.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses() {
        let parse = |text: &str| text.parse::<DatabaseUrl>();
        assert_eq!(parse("sqlite:/a/b.db"), Ok(DatabaseUrl::Sqlite("/a/b.db".into())));
        assert_eq!(parse("sqlite:///a/b.db"), Ok(DatabaseUrl::Sqlite("/a/b.db".into())));
        assert_eq!(parse("sqlite:b.db"), Ok(DatabaseUrl::Sqlite("b.db".into())));
        assert_eq!(parse("sqlite::memory:"), Ok(DatabaseUrl::SqliteMemory));
        assert!(matches!(parse("postgresql://h/d"), Ok(DatabaseUrl::Postgres(_))));
        for bad in ["", "sqlite:", "mysql://x", "/a/b.db"] {
            let error = parse(bad).unwrap_err().to_string();
            assert!(error.contains("sqlite:"), "{bad}: {error}");
        }
    }

    #[test]
    fn never_shows_a_password() {
        for url in [
            "postgres://mimir:s3cret@db.example/mimir?sslmode=require",
            "postgres://mimir:s3c/s3cret?x@y@db.example/mimir",
            "postgres://db.example/mimir?user=mimir&password=s3cret",
            "postgres://mimir@db.example/mimir?sslpassword=s3cret",
        ] {
            let shown = format!("{:?}", DatabaseUrl::Postgres(url.to_owned()));
            assert!(!shown.contains("s3c"), "{shown}");
            assert!(shown.contains("db.example/mimir"), "{shown}");
        }
    }
}
