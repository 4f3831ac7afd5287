// SPDX-License-Identifier: Apache-2.0
//! The virtual fleet seen from outside: what arrives at a small TLS server, and what a single
//! agent asks its driver to do. Each test names a quirk of osqueryd.

mod connections;
mod death;
mod distributed;
mod enrolment;
mod fleet;
mod judgement;
mod logger;
mod server;
mod steps;
