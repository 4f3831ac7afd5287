// SPDX-License-Identifier: Apache-2.0
//! Reading what the server offers and configures. Lenient: one odd member must not keep the rest
//! from being run, and the server offers again what was passed over.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::limits::{POLL_INTERVAL_SECONDS, QUERY_NAME_BYTES_MAX, SQL_BYTES_MAX};
use crate::state::Pending;

/// The answer to a read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// Queries in byte order of their names.
    pub queries: Vec<Pending>,
    /// For some names a statement that must have a row on this host.
    pub discovery: BTreeMap<String, String>,
    /// Seconds of quicker polling.
    pub accelerate: Option<u64>,
}

impl Offer {
    /// Takes the answer apart.
    pub fn read(answer: &Map<String, Value>) -> Self {
        let mut queries = texts(answer.get("queries"));
        queries.retain(|name, sql| {
            // A text this long could not be run; refusing it here would leave the server without
            // an answer, so it is cut to what fails with a clear error.
            sql.truncate(sql.floor_char_boundary(SQL_BYTES_MAX + 1));
            name.len() <= QUERY_NAME_BYTES_MAX
        });
        Self {
            queries: queries.into_iter().map(|(name, sql)| Pending { name, sql }).collect(),
            discovery: texts(answer.get("discovery")),
            // A quoted number does not count, as in osquery.
            accelerate: answer.get("accelerate").and_then(Value::as_u64),
        }
    }
}

fn texts(member: Option<&Value>) -> BTreeMap<String, String> {
    let Some(Value::Object(object)) = member else { return BTreeMap::new() };
    let entry = |(name, value): (&String, &Value)| {
        let text = value.as_str().filter(|text| !text.is_empty() && !name.is_empty());
        if text.is_none() {
            tracing::warn!("the server sent an entry that is no text; it is passed over");
        }
        Some((name.clone(), text?.to_owned()))
    };
    object.iter().filter_map(entry).collect()
}

/// `options.distributed_interval` of a configuration, a number or a text with one.
pub fn poll_interval(config: &Map<String, Value>) -> Option<Duration> {
    let value = config.get("options")?.get("distributed_interval")?;
    let seconds = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    let (min, max) = POLL_INTERVAL_SECONDS.into_inner();
    Some(Duration::from_secs(seconds.clamp(min, max)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn odd_entries_are_passed_over() {
        let offer = Offer::read(&object(
            r#"{"queries": {"b": "SELECT 2", "a": "SELECT 1", "c": 3, "d": "", "": "SELECT 4"},
                "discovery": {"a": "SELECT 1"}, "accelerate": 60}"#,
        ));
        let names: Vec<_> = offer.queries.iter().map(|query| query.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!((offer.discovery.len(), offer.accelerate), (1, Some(60)));
        assert_eq!(Offer::read(&object("{}")), Offer::default());
        let odd = object(r#"{"queries": [], "discovery": 1, "accelerate": "60"}"#);
        assert_eq!(Offer::read(&odd), Offer::default());
    }

    #[test]
    fn the_interval_is_bounded() {
        for (text, seconds) in [
            (r#"{"options": {"distributed_interval": 10}}"#, Some(10)),
            (r#"{"options": {"distributed_interval": "15"}}"#, Some(15)),
            (r#"{"options": {"distributed_interval": 0}}"#, Some(1)),
            (r#"{"options": {"distributed_interval": 99999999}}"#, Some(3_600)),
            (r#"{"options": {}}"#, None),
            (r#"{"options": []}"#, None),
        ] {
            assert_eq!(poll_interval(&object(text)).map(|wait| wait.as_secs()), seconds, "{text}");
        }
    }
}
