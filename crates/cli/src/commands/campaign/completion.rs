// SPDX-License-Identifier: Apache-2.0
//! `mimir campaign completion`: how the answers came in over time.

use clap::Args;
use mimir_client::Client;
use mimir_wire::Timestamp;
use mimir_wire::api::campaign::{Completion, CompletionPoint};
use serde::Serialize;

use super::IdArgs;
use crate::context::Context;
use crate::output::{self, Column, Format, Kind, col, percent};

/// Characters of the bar of a point.
const BAR_CHARS: u64 = 30;

#[derive(Debug, Args)]
pub(crate) struct CompletionArgs {
    #[command(flatten)]
    campaign: IdArgs,
    /// Points in time, 1 to 200
    #[arg(long, value_name = "N", default_value_t = 20,
          value_parser = clap::value_parser!(u32).range(1..=200))]
    points: u32,
}

const COLUMNS: &[Column] = &[
    col("BY", "at", Kind::Time),
    col("ANSWERED", "responded", Kind::Count),
    col("LATE", "late", Kind::Count),
    col("OF ALL", "share", Kind::Text),
    col("", "bar", Kind::Text),
];

/// A point as a line of the table.
#[derive(Serialize)]
struct Line {
    at: Timestamp,
    responded: u64,
    late: u64,
    share: String,
    bar: String,
}

impl Line {
    fn new(point: CompletionPoint, course: &Completion) -> Self {
        let CompletionPoint { at, responded, late } = point;
        let filled = (responded * BAR_CHARS).checked_div(course.targeted).unwrap_or(0);
        // What came after the window closed is drawn lighter.
        let bar = if at > course.live_until { "▒" } else { "█" };
        let bar = bar.repeat(usize::try_from(filled.min(BAR_CHARS)).unwrap_or(0));
        Self { at, responded, late, share: percent(responded, course.targeted), bar }
    }
}

pub(super) fn run(
    args: &CompletionArgs,
    client: &Client,
    context: &mut Context<'_>,
) -> anyhow::Result<()> {
    let course = client.campaign_completion(args.campaign.id, Some(args.points))?;
    match context.format() {
        Format::Json => output::json(context.console, &course),
        Format::Table if course.points.is_empty() => {
            Ok(context.console.say("Nobody has answered.")?)
        }
        Format::Table => {
            let lines: Vec<_> = course.points.iter().map(|p| Line::new(*p, &course)).collect();
            output::things(context.console, context.global.output, COLUMNS, &lines)
        }
        Format::Csv => {
            let plain = &COLUMNS[..3];
            output::things(context.console, context.global.output, plain, &course.points)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_exist_and_bars_fit() {
        let at: Timestamp = "2026-11-23T16:54:00Z".parse().unwrap();
        let point = CompletionPoint { at, responded: 7, late: 0 };
        let mut course = Completion {
            from: at,
            live_until: at.plus_minutes(1),
            to: at,
            targeted: 14,
            points: vec![point],
        };
        let line = Line::new(point, &course);
        crate::output::assert_columns(COLUMNS, &line);
        crate::output::assert_columns(&COLUMNS[..3], &point);
        assert_eq!((line.bar, line.share.as_str()), ("█".repeat(15), "50%"));
        (course.targeted, course.live_until) = (0, at.plus_minutes(-1));
        assert_eq!(Line::new(point, &course).bar, "");
        course.targeted = 7;
        assert_eq!(Line::new(point, &course).bar, "▒".repeat(30));
    }
}
