// SPDX-License-Identifier: Apache-2.0
//! Enrolment: body, new keys, the lock, clones.

use mimir_sim::{Endpoint, Platform};

use crate::server::{FakeServer, Reply};

#[tokio::test]
async fn the_body_tells_who_the_host_is() {
    let server = FakeServer::start().await;
    let fleet = server
        .fleet()
        .hosts(3)
        .host(1, |h| h.platform = Platform::Darwin)
        .host(2, |h| h.platform = Platform::Windows)
        .build()
        .unwrap();
    assert!(fleet.enroll_all().await.iter().all(|report| report.ok));
    let mut types = Vec::new();
    for request in server.to(Endpoint::Enroll) {
        let body = request.json();
        assert_eq!(body["enroll_secret"], "s3cret");
        let host = body["host_identifier"].as_str().unwrap().to_owned();
        let details = &body["host_details"];
        assert_eq!(details["system_info"]["hostname"], host.as_str());
        assert_eq!(details["osquery_info"]["version"], "5.23.1");
        assert_eq!(details.as_object().unwrap().len(), 4);
        assert!(request.header("authorization").is_none());
        types.push((host, body["platform_type"].as_str().unwrap().to_owned()));
    }
    types.sort();
    let expected = [("mac-000001", "21"), ("srv-000000", "9"), ("win-000002", "2")];
    assert_eq!(types, expected.map(|(host, number)| (host.to_owned(), number.to_owned())));
    fleet.enroll_all().await;
    assert_eq!(server.to(Endpoint::Enroll).len(), 3, "who has a key does not enrol");
}

#[tokio::test]
async fn node_invalid_on_a_write_enrols_again_and_sends_the_old_results_under_the_new_key() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT 1"}}"#);
    server.next(Endpoint::Write, r#"{"node_invalid": true, "error": "who?"}"#);
    let report = fleet.poll_once(0).await;
    assert!(report.ok);
    let paths: Vec<_> = server.arrived().iter().map(|r| r.path.clone()).collect();
    let order =
        [Endpoint::Enroll, Endpoint::Read, Endpoint::Write, Endpoint::Enroll, Endpoint::Write];
    assert_eq!(paths, order.map(|endpoint| endpoint.path().to_owned()));
    let writes = server.to(Endpoint::Write);
    let (first, second) = (writes[0].json(), writes[1].json());
    assert_eq!((&first["node_key"], &second["node_key"]), (&"K1".into(), &"K2".into()));
    assert_eq!(first["queries"], second["queries"]);
    assert_eq!(writes[1].header("authorization"), Some("NodeKey K2"));
    assert_eq!(fleet.acknowledged(0).len(), 1);
}

#[tokio::test]
async fn a_refused_enrolment_ends_after_twelve_attempts_with_an_empty_key() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    server.always(Endpoint::Enroll, Reply::Body(401, b"{\"error\": \"wrong secret\"}".to_vec()));
    let report = fleet.enroll(0).await;
    assert!(!report.ok);
    assert_eq!(server.to(Endpoint::Enroll).len(), 12);
    server.clear();
    fleet.poll_once(0).await;
    let reads = server.to(Endpoint::Read);
    assert_eq!(reads.len(), 1, "`{{}}` is success even with an empty key");
    assert_eq!(reads[0].json()["node_key"], "");
    assert_eq!(reads[0].header("authorization"), None);
}

#[tokio::test]
async fn threads_of_one_host_enrol_once() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    let jobs = tokio::join!(fleet.fetch_config(0), fleet.poll_once(0), fleet.enroll(0));
    assert!(jobs.0.ok && jobs.1.ok && jobs.2.ok);
    assert_eq!(server.to(Endpoint::Enroll).len(), 1);
    assert_eq!(server.to(Endpoint::Read)[0].json()["node_key"], "K1");
    assert_eq!(server.to(Endpoint::Config)[0].json()["node_key"], "K1");
}

#[tokio::test]
async fn an_enrolment_whose_answer_is_lost_arrives_twice_and_the_last_key_counts() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    fleet.inject(0, Endpoint::Enroll, mimir_sim::Fault::AnswerLost, 1);
    assert!(fleet.enroll(0).await.ok);
    assert_eq!(server.to(Endpoint::Enroll).len(), 2);
    assert_eq!(fleet.node_key(0).as_deref(), Some("K2"));
}

#[tokio::test]
async fn clones_share_key_and_uuid_until_node_invalid_splits_them() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().hosts(2).host(1, |h| h.image = 0).build().unwrap();
    fleet.enroll_all().await;
    let third = fleet.clone_host(0);
    assert_eq!(server.to(Endpoint::Enroll).len(), 1);
    for host in [1, third] {
        assert_eq!(fleet.node_key(host), fleet.node_key(0));
        assert_eq!(fleet.profile(host).uuid(), fleet.profile(0).uuid());
        assert_ne!(fleet.profile(host).serial(), fleet.profile(0).serial());
    }
    server.next(Endpoint::Read, r#"{"node_invalid": true}"#);
    assert!(fleet.poll_once(third).await.ok);
    assert_eq!(fleet.node_key(third).as_deref(), Some("K2"));
    assert_eq!(fleet.node_key(0).as_deref(), Some("K1"));
    fleet.enroll_all().await;
    assert_eq!(fleet.node_key(third).as_deref(), Some("K2"), "the split lasts");
    let enrolled = server.to(Endpoint::Enroll)[1].json();
    assert_eq!(enrolled["host_details"]["system_info"]["uuid"], fleet.profile(0).uuid());
    assert_eq!(enrolled["host_identifier"], fleet.hostname(third));
}
