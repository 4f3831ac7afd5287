// SPDX-License-Identifier: Apache-2.0
//! Event streams across dropped connections.

use std::time::Duration;

use mimir_client::{CampaignEvent, Client, ClientError, LiveEvent, RetryPolicy};
use mimir_wire::api::live::LiveEndReason;

use crate::scripted::{Scripted, answer, unfinished};

const ID: &str = "0193b3a0-0000-7000-8000-000000000001";
const TOTALS: &str = r#"{"targeted":2,"online":2,"answered":1,"errors":0,"rows":1}"#;

fn stream(events: &[&str]) -> Vec<u8> {
    unfinished("text/event-stream", events)
}

fn client(server: &Scripted, attempts: u32) -> Client {
    let retries = RetryPolicy {
        attempts,
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(1),
    };
    Client::builder(&server.url()).event_retries(retries).build().unwrap()
}

fn refusal(status: u16, code: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"type":"about:blank","title":"t","status":{status},"code":"{code}","detail":"d"}}"#
    );
    answer(status, "application/problem+json", "", &body)
}

#[test]
fn a_dropped_stream_goes_on_behind_the_last_whole_event() {
    let server = Scripted::new(vec![
        stream(&[
            ": hello\n\n",
            &format!("event: totals\nid: 1\ndata: {TOTALS}\n\n"),
            "event: host\nid: 2\ndata: {\"host_id\"",
        ]),
        refusal(503, "unavailable"),
        stream(&[
            "event: novelty\nid: 2\ndata: ?\n\n",
            "event: end\nid: 3\ndata: {\"reason\":\"complete\",\"truncated\":false}\n\n",
        ]),
    ]);
    let mut events = client(&server, 3).live_events(ID.parse().unwrap()).unwrap();
    assert!(matches!(events.next(), Some(Ok(LiveEvent::Totals(t))) if t.rows == 1));
    let Some(Ok(LiveEvent::End(end))) = events.next() else { panic!("no end") };
    assert_eq!(end.reason, LiveEndReason::Complete);
    assert!(events.next().is_none());
    assert_eq!(events.last_event_id(), Some("3"));
    let resumed: Vec<_> =
        server.asked().iter().map(|a| a.header("last-event-id").map(str::to_owned)).collect();
    assert_eq!(resumed, [None, Some("1".into()), Some("1".into())]);
}

#[test]
fn attempts_without_an_event_are_bounded() {
    let server = Scripted::new(vec![stream(&[]), stream(&[": x\n\n"]), stream(&[])]);
    let mut events = client(&server, 2).campaign_events(ID.parse().unwrap(), Some("41")).unwrap();
    let error = events.next().unwrap().unwrap_err();
    assert!(matches!(error, ClientError::Transport { .. }), "{error:?}");
    assert!(events.next().is_none());
    let asked = server.asked();
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|a| a.header("last-event-id") == Some("41")));
}

#[test]
fn a_refusal_ends_the_stream_at_once() {
    let server = Scripted::new(vec![refusal(404, "not_found")]);
    let error = client(&server, 9).live_events(ID.parse().unwrap()).err().unwrap();
    assert_eq!(error.code().unwrap().as_str(), "not_found");

    let server = Scripted::new(vec![stream(&[]), refusal(404, "not_found")]);
    let mut events = client(&server, 9).live_events(ID.parse().unwrap()).unwrap();
    assert_eq!(events.next().unwrap().unwrap_err().code().unwrap().as_str(), "not_found");
    assert!(events.next().is_none());
}

#[test]
fn an_event_that_is_not_what_it_says_is_an_error() {
    let server = Scripted::new(vec![stream(&["event: coverage\ndata: []\n\n"])]);
    let mut events = client(&server, 0).campaign_events(ID.parse().unwrap(), None).unwrap();
    assert!(matches!(events.next(), Some(Err(ClientError::Decode { .. }))));
    assert!(events.next().is_none());
}

#[test]
fn an_event_carries_its_name_when_it_is_written_down() {
    let event = CampaignEvent::Coverage(mimir_wire::api::campaign::Coverage::default());
    let text = serde_json::to_value(event).unwrap();
    assert_eq!((&text["event"], &text["data"]["targeted"]), (&"coverage".into(), &0.into()));
}
