// SPDX-License-Identifier: Apache-2.0
//! The agent alone, stepped by hand: what it asks for, in order, without sockets or time.

use mimir_sim::agent::{Action, Event, Ticket};
use mimir_sim::{Endpoint, Job, Outcome, Profile, Report, Timestamp, TransportError, VirtualAgent};

const NOW: Timestamp = Timestamp::from_secs(1_790_000_000);

fn agent() -> VirtualAgent {
    VirtualAgent::new(Profile::new(7, 0), "s".into(), NOW)
}

fn broken() -> Event {
    Event::Answered(Err(TransportError::of("refused")))
}

fn answer(text: &str) -> Event {
    Event::Answered(Ok(text.as_bytes().to_vec()))
}

/// Goes on until the job is over, with the same event for every sending. Answers the seconds
/// of the waits, the endpoints sent to, and the report.
fn finish(
    agent: &mut VirtualAgent,
    (ticket, mut action): (Ticket, Action),
    event: impl Fn(Endpoint) -> Event,
) -> (Vec<u64>, Vec<Endpoint>, Report) {
    let (mut waits, mut sent) = (Vec::new(), Vec::new());
    loop {
        let event = match action {
            Action::Send { request, .. } => {
                sent.push(request.endpoint);
                event(request.endpoint)
            }
            Action::Wait(wait) => {
                waits.push(wait.as_secs());
                Event::Waited
            }
            Action::Run(_) => Event::Ran(Outcome::empty()),
            Action::Blocked => panic!("nobody else enrols"),
            Action::Done(report) => return (waits, sent, report),
        };
        action = agent.resume(ticket, event, NOW);
    }
}

#[test]
fn enrolment_waits_n_squared_seconds_between_twelve_attempts() {
    let mut agent = agent();
    let begun = agent.begin(Job::Enroll, NOW);
    let (waits, sent, report) = finish(&mut agent, begun, |_| answer("{}"));
    assert_eq!(waits, [1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121]);
    assert_eq!(sent.len(), 12);
    assert!(!report.ok);
}

#[test]
fn an_unreachable_server_costs_six_connections_and_five_seconds_a_call() {
    let mut agent = agent();
    agent.disk_mut().node_key = Some("K".into());
    let begun = agent.begin(Job::Distributed, NOW);
    let (waits, sent, report) = finish(&mut agent, begun, |_| broken());
    assert_eq!((waits, sent), (vec![1, 4], vec![Endpoint::Read; 6]));
    assert!(report.error.unwrap().contains("refused"));
}

#[test]
fn after_the_empty_key_each_attempt_enrols_again() {
    let mut agent = agent();
    let begun = agent.begin(Job::Distributed, NOW);
    let (waits, sent, _) = finish(&mut agent, begun, |endpoint| match endpoint {
        Endpoint::Read => answer(r#"{"node_invalid": true}"#),
        _ => answer("{}"),
    });
    assert_eq!(sent.iter().filter(|to| **to == Endpoint::Enroll).count(), 36);
    assert_eq!(sent.iter().filter(|to| **to == Endpoint::Read).count(), 3);
    assert_eq!(waits.len(), 35);
}

#[test]
fn while_one_thread_enrols_the_others_are_blocked() {
    let mut agent = agent();
    let (config, action) = agent.begin(Job::Config, NOW);
    assert!(
        matches!(&action, Action::Send { request, .. } if request.endpoint == Endpoint::Enroll)
    );
    let (read, action) = agent.begin(Job::Distributed, NOW);
    assert!(matches!(action, Action::Blocked) && agent.is_enrolling());
    assert!(matches!(agent.resume(read, Event::Waited, NOW), Action::Blocked));
    let action = agent.resume(config, answer(r#"{"node_key": "K"}"#), NOW);
    assert!(
        matches!(&action, Action::Send { request, .. } if request.endpoint == Endpoint::Config)
    );
    let Action::Send { request, .. } = agent.resume(read, Event::Waited, NOW) else {
        panic!("it goes on with the key")
    };
    assert_eq!(request.header("Authorization"), Some("NodeKey K"));
}

#[test]
fn a_job_of_a_dead_worker_cannot_go_on() {
    let mut agent = agent();
    agent.disk_mut().node_key = Some("K".into());
    let (old, _) = agent.begin(Job::Distributed, NOW);
    agent.kill_worker(NOW);
    let (new, action) = agent.begin(Job::Distributed, NOW);
    assert!(matches!(action, Action::Send { .. }));
    let late = agent.resume(old, answer(r#"{"queries": {"a": "SELECT 1"}}"#), NOW);
    assert!(matches!(late, Action::Done(report) if report.died));
    assert!(agent.disk().pending.is_empty());
    assert!(matches!(agent.resume(new, answer("{}"), NOW), Action::Done(report) if report.ok));
}

#[test]
fn a_second_run_of_a_busy_job_does_nothing() {
    let mut agent = agent();
    agent.disk_mut().node_key = Some("K".into());
    let (first, _) = agent.begin(Job::Distributed, NOW);
    assert!(agent.is_busy(Job::Distributed));
    let (_, action) = agent.begin(Job::Distributed, NOW);
    assert!(matches!(action, Action::Done(report) if report.busy));
    assert!(matches!(agent.resume(first, answer("{}"), NOW), Action::Done(report) if report.ok));
    assert!(!agent.is_busy(Job::Distributed));
}

#[test]
fn an_abandoned_enrolment_frees_the_lock() {
    let mut agent = agent();
    let (config, _) = agent.begin(Job::Config, NOW);
    assert!(agent.is_enrolling());
    agent.abandon(config);
    assert!(!agent.is_enrolling() && !agent.is_busy(Job::Config));
}

#[test]
fn an_idle_agent_is_small() {
    assert!(size_of::<VirtualAgent>() <= 768, "{}", size_of::<VirtualAgent>());
}

#[test]
fn a_text_is_refused_for_exactly_86400_seconds_from_its_start() {
    let offer = r#"{"queries": {"a": "killer"}}"#;
    for (age_us, refused) in [(86_400_000_000 - 1, true), (86_400_000_000, false)] {
        let mut agent = agent();
        agent.disk_mut().node_key = Some("K".into());
        let (ticket, _) = agent.begin(Job::Distributed, NOW);
        assert!(matches!(agent.resume(ticket, answer(offer), NOW), Action::Run(_)));
        let action = agent.resume(ticket, Event::Ran(Outcome::Death), NOW);
        assert!(matches!(action, Action::Done(report) if report.died));

        let later = Timestamp::from_micros(NOW.micros() + age_us);
        let (ticket, _) = agent.begin(Job::Distributed, later);
        let action = agent.resume(ticket, answer(offer), later);
        assert_eq!(matches!(action, Action::Run(_)), !refused, "after {age_us} µs");
    }
}
