// SPDX-License-Identifier: Apache-2.0
//! Single calls.

use mimir_client::{ClientError, ExportFormat};
use mimir_wire::api::campaign::LaunchRequest;
use mimir_wire::api::problem::ProblemCode;
use mimir_wire::api::target::Target;

use crate::client;
use crate::scripted::{Scripted, answer, json, unfinished};

const CAMPAIGN: &str = "0193b3a0-0000-7000-8000-000000000001";

#[test]
fn the_key_and_the_filter_travel() {
    let server = Scripted::new(vec![json(
        r#"{"total_hosts":1,"online":1,"stale":0,"offline":0,"decommissioned":0,
            "active_campaigns":0,"pending_assignments":0,"open_alerts":0,"a_later_member":1}"#,
    )]);
    assert_eq!(client(&server).dashboard_summary().unwrap().total_hosts, 1);
    let asked = server.asked();
    assert_eq!(asked[0].line, "GET /api/v1/dashboard/summary");
    assert_eq!(asked[0].header("authorization"), Some("Bearer key-1"));
    assert_eq!(asked[0].header("origin"), None);
}

#[test]
fn a_refusal_arrives_whole() {
    let server = Scripted::new(vec![answer(
        409,
        "application/problem+json",
        "",
        r#"{"type":"about:blank","title":"Conflict","status":409,
            "code":"max_concurrent_hunts_reached","detail":"No slot is free.","limit":2,
            "active":[{"id":"x","name":"n","live_until":"2026-01-01T00:00:00Z"}]}"#,
    )]);
    let request = LaunchRequest {
        sql: Some("SELECT 1".into()),
        target: Some(Target::All {}),
        ..LaunchRequest::default()
    };
    let error = client(&server).launch_campaign(&request, Some("once")).unwrap_err();
    assert_eq!(error.code(), Some(ProblemCode::MaxConcurrentHuntsReached));
    assert_eq!(error.to_string(), "No slot is free.");
    assert_eq!(error.problem().unwrap().extra["limit"], 2);
    let asked = server.asked();
    assert_eq!(asked[0].header("idempotency-key"), Some("once"));
    assert_eq!(asked[0].body, r#"{"sql":"SELECT 1","target":{"type":"all"}}"#);
}

#[test]
fn what_is_not_mimir_is_said_to_be_so() {
    let server = Scripted::new(vec![
        answer(502, "text/html", "", "<h1>Bad gateway</h1>"),
        answer(302, "text/html", "location: http://127.0.0.1:1/\r\n", ""),
        json("[1,2]"),
    ]);
    let client = client(&server);
    let error = client.me().unwrap_err();
    assert!(error.is_transient());
    assert!(error.to_string().contains("502") && error.to_string().contains("Bad gateway"));
    let error = client.me().unwrap_err();
    assert!(error.to_string().contains("redirects are not followed"), "{error}");
    let error = client.me().unwrap_err();
    assert!(matches!(error, ClientError::Decode { status: 200, .. }));
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn nobody_there_is_a_failure_of_transport() {
    let server = Scripted::new(vec![]);
    let client = client(&server);
    let error = client.me().unwrap_err();
    assert!(matches!(error, ClientError::Transport { .. }), "{error:?}");
    assert!(error.is_transient());
}

#[test]
fn a_session_keeps_its_cookie_and_names_its_origin() {
    let user = r#"{"user":{"id":"0193b3a0-0000-7000-8000-000000000002","username":"a",
        "role":"admin","capabilities":[],"disabled":false,"password_change_required":false,
        "created_at":"2026-01-01T00:00:00Z"}}"#;
    let server = Scripted::new(vec![
        answer(
            200,
            "application/json",
            "set-cookie: whatever-name=s3cret; Path=/; HttpOnly; SameSite=Lax\r\n",
            user,
        ),
        json(user),
        answer(200, "application/json", "set-cookie: whatever-name=; Max-Age=0\r\n", "{}"),
        json(user),
    ]);
    let client = mimir_client::Client::builder(&server.url()).build().unwrap();
    assert_eq!(client.login("a", "pw").unwrap().user.username, "a");
    client.me().unwrap();
    client.logout().unwrap();
    client.me().unwrap();
    let asked = server.asked();
    assert_eq!(asked[0].header("cookie"), None);
    assert_eq!(asked[1].header("cookie"), Some("whatever-name=s3cret"));
    assert_eq!(asked[1].header("origin"), None);
    assert_eq!(asked[2].line, "POST /api/v1/auth/logout");
    assert_eq!(asked[2].header("origin"), Some(server.url().as_str()));
    assert_eq!(asked[3].header("cookie"), None);
}

#[test]
fn a_raw_request_sends_and_gives_what_it_is_told() {
    let server = Scripted::new(vec![answer(418, "text/plain", "x-a: b\r\n", "short and stout")]);
    let client = client(&server);
    let got = client
        .request_with("POST", "/healthz", &[("origin", "http://evil.example")], Some(b"{broken"))
        .unwrap();
    assert_eq!((got.status, got.header("x-a")), (418, Some("b")));
    assert_eq!(got.body, b"short and stout");
    let asked = server.asked();
    assert_eq!(asked[0].header("origin"), Some("http://evil.example"));
    assert_eq!(asked[0].header("content-type"), Some("application/json"));
    assert_eq!(asked[0].body, "{broken");
}

#[test]
fn an_export_is_whole_or_an_error() {
    let whole = answer(
        200,
        "text/csv",
        "content-disposition: attachment; filename=\"c.csv\"\r\n",
        "a,b\r\n1,2\r\n",
    );
    let server = Scripted::new(vec![whole, unfinished("text/csv", &["a,b\r\n", "1,"])]);
    let client = client(&server);
    let id = CAMPAIGN.parse().unwrap();
    let mut file = Vec::new();
    let exported = client.export_campaign(id, ExportFormat::Csv, &mut file).unwrap();
    assert_eq!((exported.bytes, exported.file_name.as_deref()), (10, Some("c.csv")));
    assert_eq!(file, b"a,b\r\n1,2\r\n");
    let mut file = Vec::new();
    let error = client.export_campaign(id, ExportFormat::Csv, &mut file).unwrap_err();
    assert!(error.to_string().contains("broke off"), "{error}");
    assert_eq!(
        server.asked()[0].line,
        format!("GET /api/v1/campaigns/{CAMPAIGN}/export?format=csv")
    );
}
