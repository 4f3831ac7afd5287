// SPDX-License-Identifier: Apache-2.0
//! Typed, blocking client of Mimir's HTTP API (`/api/v1`): for the command line, the simulator
//! and the server's own tests. Bodies are `mimir_wire`'s.
//!
//! It deliberately has no async flavour (run it on a thread), no cache, and no knowledge of the
//! rules: what is allowed is the server's to say, and its refusal arrives whole as
//! [`ClientError::Problem`]. Redirects are never followed, so that a key reaches only the server
//! it was meant for.

mod builder;
mod error;
mod list;
mod ops;
mod params;
mod sse;
mod transport;

pub use builder::ClientBuilder;
pub use error::ClientError;
pub use list::{Items, List, PageBody, PageParts};
pub use ops::audit::AuditFilter;
pub use ops::campaign::{
    AssignmentFilter, CampaignEvent, CampaignFilter, ExportFormat, Exported, ResponseFilter,
    RowFilter,
};
pub use ops::host::{HostFilter, HostSort};
pub use ops::live::LiveEvent;
pub use sse::{Event, Events, RetryPolicy};
pub use transport::{Answer, Client};
pub use ureq::http;
