// SPDX-License-Identifier: Apache-2.0
//! A refusal: the server's sentence and code, and the members that belong to it.

use std::fmt::Write as _;

use mimir_wire::Timestamp;
use mimir_wire::api::problem::Problem;
use serde_json::Value;

use super::units::{grouped, moment};
use super::{json_text, visible};

/// The refusal as JSON, for programs.
pub(crate) fn as_json(problem: &Problem) -> String {
    let text = serde_json::to_string_pretty(problem).unwrap_or_else(|error| error.to_string());
    format!("{}\n", json_text(&text))
}

/// The refusal in lines: sentence and code first, one line a member after it.
pub(crate) fn for_people(problem: &Problem, now: Timestamp) -> String {
    let mut text = format!("refused: {} ({})\n", visible(&problem.detail), problem.code);
    for (name, value) in &problem.extra {
        let title = visible(name).replace('_', " ");
        match value {
            Value::Array(items) if items.iter().any(Value::is_object) => {
                let _ = writeln!(text, "  {title}:");
                for item in items {
                    let _ = writeln!(text, "    {}", entry(item, now));
                }
            }
            value => {
                let _ = writeln!(text, "  {title}: {}", scalar(value, now));
            }
        }
    }
    text
}

/// One object of a list, such as a field's error or an active campaign, in one line.
fn entry(item: &Value, now: Timestamp) -> String {
    let Value::Object(members) = item else { return scalar(item, now) };
    if let (Some(field), Some(message)) = (members.get("field"), members.get("message")) {
        let message = scalar(message, now);
        return match field.as_str() {
            None | Some("") => message,
            Some(field) => format!("{}: {message}", visible(field)),
        };
    }
    let parts: Vec<_> = members
        .iter()
        .map(|(name, value)| match name.as_str() {
            "id" | "name" => scalar(value, now),
            _ => format!("{} {}", visible(name).replace('_', " "), scalar(value, now)),
        })
        .collect();
    parts.join("  ")
}

fn scalar(value: &Value, now: Timestamp) -> String {
    match value {
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(at) => moment(at, now),
            Err(_) => visible(text).into_owned(),
        },
        Value::Number(number) => number.as_u64().map_or_else(|| number.to_string(), grouped),
        Value::Null => "–".into(),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| scalar(item, now)).collect();
            items.join(", ")
        }
        other => visible(&other.to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: Value) -> String {
        let problem: Problem = serde_json::from_value(json).unwrap();
        for_people(&problem, "2026-11-23T17:00:00Z".parse().unwrap())
    }

    #[test]
    fn active_campaigns_and_the_next_slot_are_told() {
        let text = told(serde_json::json!({
            "type": "about:blank", "title": "Conflict", "status": 409,
            "code": "max_concurrent_hunts_reached", "detail": "All 2 slots are taken.",
            "limit": 2,
            "active": [
                {"id": "c-1", "name": "one\u{1b}[2J", "live_until": "2026-11-23T17:04:30Z"},
                {"id": "c-2", "name": "two", "live_until": "2026-11-23T18:30:00Z"}
            ],
            "next_slot_at": "2026-11-23T17:04:30Z"
        }));
        insta::assert_snapshot!(text, @r"
        refused: All 2 slots are taken. (max_concurrent_hunts_reached)
          limit: 2
          active:
            c-1  one\x1b[2J  live until 2026-11-23 17:04:30 UTC (in 4 min)
            c-2  two  live until 2026-11-23 18:30:00 UTC (in 1 h)
          next slot at: 2026-11-23 17:04:30 UTC (in 4 min)
        ");
    }

    #[test]
    fn wrong_members_and_blocked_tables_are_told() {
        let text = told(serde_json::json!({
            "type": "about:blank", "title": "t", "status": 422, "code": "invalid_request",
            "detail": "The request is not valid.",
            "errors": [{"field": "sql", "message": "is empty"}, {"field": "", "message": "odd"}]
        }));
        insta::assert_snapshot!(text, @r"
        refused: The request is not valid. (invalid_request)
          errors:
            sql: is empty
            odd
        ");
        let text = told(serde_json::json!({
            "type": "about:blank", "title": "t", "status": 422, "code": "blocked_sql",
            "detail": "`curl` is denied.", "tables": ["curl", "carves"], "reason": "network"
        }));
        insta::assert_snapshot!(text, @r"
        refused: `curl` is denied. (blocked_sql)
          tables: curl, carves
          reason: network
        ");
    }
}
