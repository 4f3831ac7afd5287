// SPDX-License-Identifier: Apache-2.0
//! Functions that do something: `sleep`, which waits within the query's time, and `carve`, which
//! is refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::functions::{Aggregate, Context};
use rusqlite::{Connection, Result};

use super::{IMPURE, args, failure};
use crate::tables::Budget;

/// Time between two looks at whether the query must end.
const SLEEP_SLICE: Duration = Duration::from_millis(20);

pub fn register(db: &Connection, budget: &Arc<Budget>) -> Result<()> {
    let budget = Arc::clone(budget);
    db.create_scalar_function("sleep", 1, IMPURE, move |context| sleep(context, &budget))?;
    db.create_aggregate_function("carve", 1, IMPURE, Carve)
}

/// Waits for so many seconds and answers how many; 0 for a negative number.
fn sleep(context: &mut Context<'_>, budget: &Budget) -> Result<i32> {
    let Ok(seconds) = u64::try_from(args::int(context, 0)) else { return Ok(0) };
    let until = Instant::now() + Duration::from_secs(seconds);
    while !budget.is_over() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(args::int(context, 0));
        }
        std::thread::sleep(left.min(SLEEP_SLICE));
    }
    Err(failure("interrupted"))
}

/// The refusal. An aggregate, as in osquery, so that it is heard even over no rows at all.
struct Carve;

impl Carve {
    const REFUSAL: &'static str =
        "carve is not available: this agent uploads no files; fetch them by other means";
}

impl Aggregate<(), Option<i64>> for Carve {
    fn init(&self, _: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    fn step(&self, _: &mut Context<'_>, (): &mut ()) -> Result<()> {
        Err(failure(Self::REFUSAL))
    }

    fn finalize(&self, _: &mut Context<'_>, _: Option<()>) -> Result<Option<i64>> {
        Err(failure(Self::REFUSAL))
    }
}
