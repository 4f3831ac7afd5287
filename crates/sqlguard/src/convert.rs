// SPDX-License-Identifier: Apache-2.0
//! Between the guard's own types and the bodies of the HTTP API.

use mimir_wire::api::query::{Blocked, QueryCheck, QueryWarning};
use mimir_wire::api::target::Target;

use crate::verdict::{Scope, Verdict};

impl From<&Target> for Scope {
    fn from(target: &Target) -> Self {
        if target.is_multi_host() { Self::MultiHost } else { Self::SingleHost }
    }
}

/// Unknown tables are listed with osquery's, since the query reads both.
impl From<Verdict> for QueryCheck {
    fn from(verdict: Verdict) -> Self {
        let ok = verdict.is_allowed();
        let mut tables = verdict.tables;
        tables.extend(verdict.unknown_tables);
        let (error, offset) = match verdict.error {
            Some(error) => (Some(error.message), error.offset),
            None => (None, None),
        };
        let blocked = verdict.blocked.into_iter();
        let warnings = verdict.warnings.into_iter();
        Self {
            ok,
            tables,
            platforms: verdict.platforms,
            blocked: blocked.map(|b| Blocked { table: b.name, reason: b.reason }).collect(),
            warnings: warnings
                .map(|warning| QueryWarning {
                    code: warning.code.as_str().to_owned(),
                    table: warning.table,
                    message: warning.message,
                })
                .collect(),
            error,
            error_offset: offset.and_then(|offset| u64::try_from(offset).ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DenyList, Guard};

    #[test]
    fn a_verdict_becomes_the_answer_of_the_api() {
        let guard = Guard::new().expect("SQLite opens");
        let check = |sql: &str| -> QueryCheck {
            guard.check(sql, Scope::from(&Target::All {}), &DenyList::default_list()).into()
        };
        let answer = check("SELECT f.size FROM file f, curl, ext");
        assert!(!answer.ok);
        assert_eq!(answer.tables, ["curl", "file", "ext"]);
        assert_eq!(
            answer.blocked.iter().map(|b| b.table.as_str()).collect::<Vec<_>>(),
            ["curl", "ext"]
        );
        assert!(answer.warnings.iter().any(|w| w.code == "missing_constraint"));
        let answer = check("SELECT nope");
        assert!(!answer.ok && answer.error.is_some());
        assert_eq!(answer.error_offset, Some(7));
        assert!(check("SELECT 1").ok);
    }

    #[test]
    fn one_named_host_is_a_single_host() {
        let hosts =
            |json: &str| Scope::from(&serde_json::from_str::<Target>(json).expect("a target"));
        let id = "018f0000-0000-7000-8000-000000000001";
        assert_eq!(hosts(&format!(r#"{{"type":"hosts","host_ids":["{id}"]}}"#)), Scope::SingleHost);
        let two = format!(r#"{{"type":"hosts","host_ids":["{id}","{id}"]}}"#);
        assert_eq!(hosts(&two), Scope::MultiHost);
        assert_eq!(hosts(r#"{"type":"hosts","host_ids":[]}"#), Scope::MultiHost);
        assert_eq!(hosts(r#"{"type":"os_in","platforms":["linux"]}"#), Scope::MultiHost);
    }
}
