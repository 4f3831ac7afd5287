// SPDX-License-Identifier: Apache-2.0
//! The client against a scripted server on loopback: what it sends, and what it makes of answers
//! that are good, refusing, foreign, broken off or hostile.

mod calls;
mod events;
mod lists;
mod scripted;
mod tls;

use mimir_client::Client;

/// A client of a scripted server.
fn client(server: &scripted::Scripted) -> Client {
    Client::builder(&server.url()).api_key("key-1").build().unwrap()
}
