// SPDX-License-Identifier: Apache-2.0
//! What hosts send may be anything: properties of any body, tried on hostile seeds, on pieces of
//! them put together, and on bodies with any cells. `cargo xtask fuzz` tries for longer.

mod bodies;
