// SPDX-License-Identifier: Apache-2.0
//! The fleet as a whole: seeds, mixes, offline hosts, running by intervals, other transports.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mimir_sim::transport::Request;
use mimir_sim::{
    Connections, Endpoint, Fleet, Mix, Platform, Recording, Timestamp, Timing, TransportError,
    Waits,
};

use crate::server::{FakeServer, wait_until};

/// What arrived: host, endpoint, body.
type Log = Arc<Mutex<Vec<(u32, Endpoint, Vec<u8>)>>>;

/// A server inside the process that offers one query to everyone and keeps what arrives.
fn in_process(log: Log) -> impl mimir_sim::Transport {
    move |request: Request| -> Result<Vec<u8>, TransportError> {
        log.lock().unwrap().push((request.host, request.endpoint, request.body.to_vec()));
        let answer = match request.endpoint {
            Endpoint::Enroll => format!("{{\"node_key\": \"K{}\"}}", request.host),
            Endpoint::Read => {
                r#"{"queries": {"a": "SELECT * FROM processes", "b": "SELECT * FROM users"}}"#
                    .into()
            }
            _ => "{}".to_owned(),
        };
        Ok(answer.into_bytes())
    }
}

/// Everything that a fleet of this seed sends in two rounds.
async fn traffic(seed: u64) -> Vec<(u32, Endpoint, Vec<u8>)> {
    let log = Log::default();
    let fleet = Fleet::over(in_process(Arc::clone(&log)))
        .seed(seed)
        .hosts(12)
        .mix(Mix { requests_lost: 0.1, answers_lost: 0.1, ..Mix::rough() })
        .start_time(Timestamp::from_secs(1_790_000_000))
        .build()
        .unwrap();
    for host in 0..12 {
        fleet.enroll(host).await;
        fleet.poll_once(host).await;
        fleet.poll_once(host).await;
    }
    std::mem::take(&mut log.lock().unwrap())
}

#[tokio::test]
async fn one_seed_one_traffic() {
    let first = traffic(7).await;
    assert!(first == traffic(7).await, "the same seed sends the same bytes");
    assert!(first != traffic(8).await);
    let sends = |endpoint| first.iter().filter(|(_, to, _)| *to == endpoint).count();
    assert!(sends(Endpoint::Write) > 20 && sends(Endpoint::Enroll) >= 12);
}

#[tokio::test]
async fn a_mix_has_the_asked_shares() {
    let mix = Mix { darwin: 0.2, windows: 0.5, clones: 0.1, invalid_utf8: 0.1, ..Mix::rough() };
    let log = Log::default();
    let fleet = Fleet::over(in_process(log)).seed(3).hosts(2000).mix(mix).build().unwrap();
    let count = |check: &dyn Fn(&mimir_sim::Profile) -> bool| {
        (0..fleet.len()).filter(|host| check(&fleet.profile(*host))).count()
    };
    let near = |count: usize, share: f64| {
        assert!((count as f64 / 2000.0 - share).abs() < 0.04, "{count} is not about {share}");
    };
    near(count(&|h| h.platform == Platform::Darwin), 0.2);
    near(count(&|h| h.platform == Platform::Windows), 0.5);
    near(count(&|h| h.image != h.index), 0.1);
    near(count(&|h| h.invalid_utf8), 0.1);
    near(count(&|h| !h.version.has_auth_header()), 0.335);
    let originals = count(&|h| h.image == h.index);
    fleet.enroll_all().await;
    assert_eq!(fleet.totals().requests as usize, fleet.record_sum(Endpoint::Enroll));
    assert!(fleet.record_sum(Endpoint::Enroll) >= originals);
}

/// Adds up over hosts.
trait Sum {
    fn record_sum(&self, endpoint: Endpoint) -> usize;
}

impl Sum for Fleet {
    fn record_sum(&self, endpoint: Endpoint) -> usize {
        (0..self.len()).map(|host| arrived(self, host, endpoint)).sum()
    }
}

/// Sendings that reached the transport: all but those lost before.
fn arrived(fleet: &Fleet, host: usize, endpoint: Endpoint) -> usize {
    let reset = mimir_sim::Fate::Failed("the connection was reset".to_owned());
    fleet.record(host).sent_to(endpoint).filter(|sent| sent.fate != reset).count()
}

#[tokio::test]
async fn an_offline_host_reaches_nobody_and_catches_up() {
    let server = FakeServer::start().await;
    let fleet = server.fleet().hosts(2).build().unwrap();
    fleet.enroll_all().await;
    server.next(Endpoint::Read, r#"{"queries": {"a": "SELECT 1"}}"#);
    fleet.go_offline(0);
    assert!(!fleet.is_online(0));
    let before = server.connections();
    assert!(!fleet.poll_once(0).await.ok);
    assert_eq!(server.connections(), before);
    fleet.go_online(0);
    assert_eq!(fleet.poll_once(0).await.executed, ["a"]);
}

#[tokio::test]
async fn a_running_fleet_fetches_config_polls_and_stops() {
    let server = FakeServer::start().await;
    let timing = Timing {
        distributed_interval: Some(Duration::from_millis(10)),
        logger_period: Some(Duration::from_millis(10)),
        start_spread: Duration::from_millis(20),
        ..Timing::default()
    };
    let fleet = server
        .fleet()
        .hosts(4)
        .timing(timing)
        .connections(Connections::Closed)
        .concurrency(3)
        .build()
        .unwrap();
    server.always(Endpoint::Read, r#"{"queries": {"a": "SELECT 1"}}"#);
    let running = fleet.start();
    wait_until("everyone wrote three times", || {
        (0..4).all(|host| fleet.acknowledged(host).len() >= 3)
    })
    .await;
    let totals = running.stop().await;
    assert_eq!(server.to(Endpoint::Config).len(), 4, "once each, at start");
    assert_eq!(server.to(Endpoint::Enroll).len(), 4);
    assert!(totals.iterations >= 12 && totals.executed >= 12);
    let after = server.arrived().len();
    assert_eq!(after as u64, totals.requests, "after the stop nothing is under way");
}

#[tokio::test]
async fn intervals_are_the_agents_own_times_the_scale() {
    let log = Log::default();
    // 60 s become 30 ms, and run_for ends by itself.
    let timing = Timing { waits: Waits::Scaled(0.0005), ..Timing::default() };
    let fleet = Fleet::over(in_process(Arc::clone(&log)))
        .timing(timing)
        .recording(Recording::Off)
        .build()
        .unwrap();
    let running = fleet.start();
    let reads = || log.lock().unwrap().iter().filter(|(_, to, _)| *to == Endpoint::Read).count();
    wait_until("four loops", || reads() >= 4).await;
    assert_eq!(running.stop().await.iterations as usize, reads());
    let before = reads();
    fleet.run_for(Duration::from_millis(1)).await;
    assert!(fleet.totals().iterations as usize == reads() && reads() >= before);
    assert!(fleet.record(0).sent.is_empty());
}

#[tokio::test]
async fn wrong_wishes_are_refused_with_a_reason() {
    let refused = |builder: mimir_sim::FleetBuilder| match builder.build() {
        Ok(_) => panic!("it was built"),
        Err(e) => e.to_string(),
    };
    let server = FakeServer::start().await;
    assert!(refused(Fleet::builder("http://x", &server.ca_pem)).contains("https://"));
    assert!(refused(Fleet::builder(&server.url, "nonsense")).contains("certificate"));
    let mix = Mix { clones: 2.0, ..Mix::default() };
    assert!(refused(server.fleet().mix(mix)).contains("between 0 and 1"));
    assert!(refused(server.fleet().host(5, |_| ())).contains("no host 5"));
}
