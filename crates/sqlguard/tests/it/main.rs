// SPDX-License-Identifier: Apache-2.0
//! Tests of the guard through its public face.

mod corpus;
mod errors;
mod extensions;
mod hunts;
mod properties;
mod property;
mod settings;
mod size;
mod warnings;
