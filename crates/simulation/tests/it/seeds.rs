// SPDX-License-Identifier: Apache-2.0
//! Two hundred seeds on SQLite in several tests, so that they run side by side, and a few on
//! PostgreSQL.

use mimir_simulation::Options;
use mimir_store::db::Engine;

use crate::{holds, options};

macro_rules! seeds {
    ($($name:ident: $first:literal to $last:literal),+ $(,)?) => {
        $(#[test]
        fn $name() {
            ($first..=$last).for_each(|seed| holds(options(seed)));
        })+
    };
}

seeds! {
    from_1: 1 to 25,
    from_26: 26 to 50,
    from_51: 51 to 75,
    from_76: 76 to 100,
    from_101: 101 to 125,
    from_126: 126 to 150,
    from_151: 151 to 175,
    from_176: 176 to 200,
}

#[test]
fn on_postgres() {
    for seed in 1..=4 {
        holds(Options { engine: Engine::Postgres, ..options(seed) });
    }
}
