// SPDX-License-Identifier: Apache-2.0
//! A virtual fleet for tests and load: agents that behave on the wire as stock `osqueryd` does.
//!
//! - [`agent::VirtualAgent`] is the state machine of one osqueryd, without sockets and without a
//!   clock. A test steps it by hand: it says what it wants to send, how long it wants to wait or
//!   which query it runs, and is told what came of it.
//! - [`transport`] carries requests: over real TLS with one connection per request, or through
//!   whatever else implements [`transport::Transport`].
//! - [`fleet::Fleet`] drives many agents over one transport, from one seed.
//! - [`load::Load`] lets a fleet put load on a server by a plan and counts what comes of it.
//!
//! ```no_run
//! # async fn example(url: &str, ca_pem: &str) -> Result<(), mimir_sim::SetupError> {
//! use mimir_sim::Fleet;
//!
//! let fleet = Fleet::builder(url, ca_pem).seed(7).hosts(5).enroll_secret("s").build()?;
//! fleet.enroll_all().await;
//! fleet.poll_once(0).await;
//! for answer in fleet.acknowledged(0) {
//!     println!("{} {} rows", answer.name, answer.row_count);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Deliberately not here: the tables of a real machine (answers are made up, see [`answers`]),
//! the scheduler of osqueryd, carves, and judgement of the server (a test compares
//! [`record::Record`] with what the server stored).

pub mod agent;
pub mod answers;
pub mod fleet;
pub mod load;
pub mod logs;
pub mod profile;
pub mod record;
pub mod rows;
pub mod seed;
pub mod transport;

pub use agent::{Job, LogKind, Report, VirtualAgent};
pub use answers::{Answerer, Outcome, PlausibleAnswers, Question};
pub use fleet::{Fault, Fleet, FleetBuilder, Mix, SetupError, Timing, Totals, Waits};
pub use mimir_wire::Timestamp;
pub use profile::{Platform, Product, Profile, Version};
pub use record::{Acknowledged, Fate, Record, Recording, Sent};
pub use rows::Rows;
pub use transport::{Connections, Endpoint, Transport, TransportError};
