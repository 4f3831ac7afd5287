// SPDX-License-Identifier: Apache-2.0
//! Seeds that once broke something, each with what it showed. They stay: what is decided by a
//! seed may come to mean another run when steps are added, and then costs little.

use crate::{holds, options};

/// A node key was offered work by a replica whose clock was behind, while another one, whose clock
/// was ahead, had forgotten the key: the checker looked keys up in the database and lost sight of
/// whom the offer was for. Keys are kept as evidence since.
#[test]
fn keys_are_forgotten_by_the_clock_that_is_ahead() {
    holds(options(234));
}
