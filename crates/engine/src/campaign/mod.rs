// SPDX-License-Identifier: Apache-2.0
//! What a campaign may do next: launch, offers, answers, stop, slots.

pub mod launch;
pub mod ledger;
pub mod offers;
pub mod slots;
pub mod spec;
