// SPDX-License-Identifier: Apache-2.0
//! Connections, headers, re-sends, attempts and the deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mimir_sim::transport::{Answering, Request, TlsTransport};
use mimir_sim::{
    Connections, Endpoint, Fate, Fault, Fleet, Timing, Transport, TransportError, Version,
};

use crate::server::{FakeServer, Reply, wait_until};

fn brief(deadline_ms: u64) -> Timing {
    Timing { deadline: Duration::from_millis(deadline_ms), ..Timing::default() }
}

#[tokio::test]
async fn every_request_is_a_new_connection_with_a_full_handshake() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    fleet.enroll_all().await;
    for _ in 0..3 {
        assert!(fleet.poll_once(0).await.ok);
    }
    assert!(fleet.fetch_config(0).await.ok);
    let connections: Vec<_> = server.arrived().iter().map(|r| r.connection).collect();
    assert_eq!(connections, [0, 1, 2, 3, 4]);
    assert_eq!((server.connections(), server.resumed()), (5, 0));
}

#[tokio::test]
async fn the_old_socket_lingers_until_the_same_thread_sends_again() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    fleet.enroll_all().await;
    fleet.poll_once(0).await;
    fleet.fetch_config(0).await;
    assert_eq!(server.closed(), [] as [usize; 0], "nothing is closed by the client");
    fleet.poll_once(0).await;
    wait_until("the read's old socket is closed", || server.closed() == [1]).await;
    fleet.kill_worker(0);
    wait_until("death closes all sockets", || server.closed().len() == 4).await;

    let fleet = server.fleet().connections(Connections::Closed).build().unwrap();
    fleet.enroll_all().await;
    wait_until("closed at once", || server.closed().len() == 5).await;
}

#[tokio::test]
async fn a_kept_connection_carries_many_requests_and_is_replaced_when_it_ends() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().connections(Connections::KeptAlive).build().unwrap();
    fleet.enroll_all().await;
    for _ in 0..3 {
        assert!(fleet.poll_once(0).await.ok);
    }
    assert_eq!(server.connections(), 2, "one for the main thread, one for the distributed one");
    server.next(Endpoint::Read, Reply::Drop);
    assert!(fleet.poll_once(0).await.ok);
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn headers_are_those_of_osquery_and_the_key_is_in_them_since_5_23() {
    let server = FakeServer::start().await;
    let old = Version::new(5, 22, 1);
    let fleet = server.fleet().hosts(2).host(1, move |h| h.version = old).build().unwrap();
    for host in 0..2 {
        assert!(fleet.poll_once(host).await.ok);
    }
    let arrived = server.arrived();
    let of = |name| arrived.iter().map(|r| r.header(name).unwrap_or("-")).collect::<Vec<_>>();
    assert_eq!(of("authorization"), ["-", "NodeKey K1", "-", "-"]);
    assert_eq!(
        of("user-agent"),
        ["osquery/5.23.1", "osquery/5.23.1", "osquery/5.22.1", "osquery/5.22.1"]
    );
    for request in &arrived {
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("accept"), Some("application/json"));
        assert_eq!(request.header("host"), Some(server.url.strip_prefix("https://").unwrap()));
        assert_eq!(request.header("transfer-encoding"), None);
    }
    assert_eq!(arrived[3].json()["node_key"], "K2", "the body carries the key in any case");
}

#[tokio::test]
async fn a_broken_connection_is_resent_once_at_once_in_each_of_three_attempts() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    fleet.enroll_all().await;
    let before = fleet.now(0);
    server.always(Endpoint::Read, Reply::Drop);
    let report = fleet.poll_once(0).await;
    assert!(!report.ok && report.error.is_some());
    assert_eq!(server.to(Endpoint::Read).len(), 6);
    let record = fleet.record(0);
    let resends: Vec<_> = record.sent_to(Endpoint::Read).map(|sent| sent.resend).collect();
    assert_eq!(resends, [false, true, false, true, false, true]);
    let waited = fleet.now(0).micros() - before.micros();
    assert!(waited >= 5_000_000, "1 s and 4 s were waited: {waited}");
}

#[tokio::test]
async fn the_resend_has_the_same_body_and_its_success_ends_the_call() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT 1"}}"#);
    server.next(Endpoint::Write, Reply::Drop);
    let report = fleet.poll_once(0).await;
    assert!(report.ok);
    let writes = server.to(Endpoint::Write);
    assert_eq!(writes.len(), 2);
    assert_eq!(writes[0].body, writes[1].body);
    assert_eq!(fleet.acknowledged(0).len(), 1, "acknowledged once, though it arrived twice");
}

#[tokio::test]
async fn a_lost_answer_makes_the_body_arrive_twice() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT 1"}}"#);
    fleet.inject(0, Endpoint::Write, Fault::AnswerLost, 1);
    assert!(fleet.poll_once(0).await.ok);
    let writes = server.to(Endpoint::Write);
    assert_eq!(writes.len(), 2);
    assert_eq!(writes[0].body, writes[1].body);
}

#[tokio::test]
async fn a_timeout_is_not_resent() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().timing(brief(250)).build().unwrap();
    fleet.enroll_all().await;
    server.always(Endpoint::Read, Reply::Never);
    assert!(!fleet.poll_once(0).await.ok);
    let record = fleet.record(0);
    let fates: Vec<_> = record.sent_to(Endpoint::Read).map(|sent| sent.fate.clone()).collect();
    assert_eq!(fates, [Fate::TimedOut, Fate::TimedOut, Fate::TimedOut]);
    assert!(fleet.totals().timeouts == 3 && fleet.totals().failures == 3);
}

/// Each sending takes longer than half the deadline; every second one is answered.
#[derive(Default)]
struct Slow(AtomicU32);

impl Transport for Slow {
    fn post(&self, _: Request) -> Answering<'_> {
        let answered = self.0.fetch_add(1, Ordering::Relaxed) % 2 == 1;
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            match answered {
                true => Ok(br#"{"node_key": "K"}"#.to_vec()),
                false => Err(TransportError::of("reset")),
            }
        })
    }
}

#[tokio::test]
async fn one_deadline_covers_both_sendings() {
    let fleet = Fleet::over(Slow::default()).timing(brief(500)).build().unwrap();
    fleet.with_agent(0, |agent| agent.disk_mut().node_key = Some("K".into()));
    assert!(!fleet.fetch_config(0).await.ok, "the answer to the second sending is too late");
    assert!(fleet.totals().timeouts > 0);
}

#[tokio::test]
async fn an_answer_after_the_deadline_is_as_none() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().build().unwrap();
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT 1"}}"#);
    fleet.inject(0, Endpoint::Write, Fault::AnswerTooLate, 3);
    let report = fleet.poll_once(0).await;
    assert_eq!((report.written, report.unsent), (Some(false), 1));
    assert_eq!(server.to(Endpoint::Write).len(), 3, "no immediate re-send");
    assert!(fleet.acknowledged(0).is_empty());
}

#[tokio::test]
async fn another_ca_is_not_trusted() {
    let (server, other) = (FakeServer::start().await, FakeServer::start().await);
    let fleet = Fleet::builder(&server.url, &other.ca_pem).build().unwrap();
    let report = fleet.enroll(0).await;
    let why = report.error.unwrap();
    assert!(why.contains("TLS handshake"), "{why}");
    assert!(fleet.node_key(0).is_none() && server.arrived().is_empty());
}

#[tokio::test]
async fn hosts_can_come_from_addresses_of_their_own() {
    let server = FakeServer::start().await;
    let url = server.url.replace("localhost", "127.0.0.1");
    let transport = TlsTransport::new(&url, &server.ca_pem, Connections::Closed).unwrap();
    let transport = Arc::new(transport.with_sources(2));
    let fleet = Fleet::over_shared(transport.clone()).hosts(3).build().unwrap();
    fleet.enroll_all().await;
    assert_eq!(transport.opened(), 3);
    let mut peers: Vec<_> = server.arrived().iter().map(|r| r.peer.to_string()).collect();
    peers.sort();
    assert_eq!(peers, ["127.1.0.1", "127.1.0.1", "127.1.0.2"]);
}
