// SPDX-License-Identifier: Apache-2.0
//! Lists across pages.

use mimir_client::{ClientError, RowFilter};

use crate::client;
use crate::scripted::{Scripted, json};

fn campaign() -> mimir_wire::ids::CampaignId {
    "0193b3a0-0000-7000-8000-000000000001".parse().unwrap()
}

fn page(n: u32, cursor: &str) -> Vec<u8> {
    json(&format!(
        r#"{{"columns":["n"],"items":[{{"n":"{n}"}}],"next_cursor":{cursor},"total":null}}"#
    ))
}

#[test]
fn everything_is_read_page_by_page() {
    let server = Scripted::new(vec![page(1, "\"a+b\""), page(2, "\"c\""), page(3, "null")]);
    let filter = RowFilter { contains: Some("x&y".into()), ..RowFilter::default() };
    let rows = client(&server).rows(campaign(), &filter).all().unwrap();
    let numbers: Vec<_> = rows.iter().map(|row| row["n"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["1", "2", "3"]);
    let path = "GET /api/v1/campaigns/0193b3a0-0000-7000-8000-000000000001/rows?contains=x%26y";
    let lines: Vec<_> = server.asked().into_iter().map(|asked| asked.line).collect();
    assert_eq!(
        lines,
        [
            format!("{path}&limit=500"),
            format!("{path}&limit=500&cursor=a%2Bb"),
            format!("{path}&limit=500&cursor=c")
        ]
    );
}

#[test]
fn a_page_is_asked_for_only_when_it_is_wanted() {
    let server = Scripted::new(vec![page(1, "\"a\"")]);
    let first = client(&server).rows(campaign(), &RowFilter::default()).iter().next();
    assert_eq!(first.unwrap().unwrap()["n"], "1");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_cursor_that_repeats_is_not_followed_for_ever() {
    let server = Scripted::new(vec![page(1, "\"a\""), page(2, "\"a\"")]);
    let mut rows = client(&server).rows(campaign(), &RowFilter::default()).iter();
    assert!(rows.next().unwrap().is_ok());
    let error = rows.find_map(Result::err).unwrap();
    assert!(matches!(error, ClientError::Decode { .. }), "{error:?}");
    assert!(rows.by_ref().take(2).all(|item| item.is_ok()));
    assert!(rows.next().is_none());
}
