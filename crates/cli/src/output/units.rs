// SPDX-License-Identifier: Apache-2.0
//! Numbers, times and coverage as people read them.

use mimir_wire::Timestamp;
use mimir_wire::api::campaign::Coverage;
use mimir_wire::time::MICROS_PER_SECOND;

/// A number with its thousands apart: `12,345`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with what it counts, in the right number: `1 host`, `2 hosts`.
pub(crate) fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A span in its largest unit: `5 s`, `12 min`, `3 h`, `40 d`.
fn span(secs: u64) -> String {
    match secs {
        0..60 => format!("{secs} s"),
        60..3_600 => format!("{} min", secs / 60),
        3_600..86_400 => format!("{} h", secs / 3_600),
        _ => format!("{} d", grouped(secs / 86_400)),
    }
}

/// How long ago, or how far ahead, a time is: `3 h ago`, `in 4 min`, `now`.
pub(crate) fn age(at: Timestamp, now: Timestamp) -> String {
    let secs = now.micros_since(at) / MICROS_PER_SECOND;
    match secs {
        0 => "now".into(),
        1.. => format!("{} ago", span(secs.unsigned_abs())),
        _ => format!("in {}", span(secs.unsigned_abs())),
    }
}

/// A time to the second: `2026-11-23 17:00:00 UTC`.
pub(crate) fn short_time(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}

/// A time and how far it is: `2026-11-23 17:00:00 UTC (3 h ago)`.
pub(crate) fn moment(at: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", short_time(at), age(at, now))
}

/// A share in whole per cent; 100 only when it is everything, 0 only when it is nothing.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".into();
    }
    let exact = u128::from(part) * 100 / u128::from(whole);
    match (part, exact) {
        (0, _) => "0%".into(),
        (_, 0) => "<1%".into(),
        _ => format!("{exact}%"),
    }
}

/// Coverage as a bar: `█` answered, `▓` answered late, `▒` offered, `░` pending, `·` the rest,
/// which will not answer. Every kind that is not empty has at least one cell if `width` allows.
pub(crate) fn coverage_bar(coverage: &Coverage, width: usize) -> String {
    let open = coverage.pending + coverage.offered;
    let late = coverage.late.min(coverage.responded);
    let ended = coverage.targeted.saturating_sub(coverage.responded + open);
    let parts = [
        (coverage.responded - late, '█'),
        (late, '▓'),
        (coverage.offered, '▒'),
        (coverage.pending, '░'),
        (ended, '·'),
    ];
    let whole: u64 = parts.iter().map(|(count, _)| count).sum();
    if whole == 0 {
        return "·".repeat(width);
    }
    let mut cells = parts.map(|(count, _)| {
        let share = u128::from(count) * width as u128 / u128::from(whole);
        usize::try_from(share).unwrap_or(width).max(usize::from(count > 0))
    });
    // Rounding is settled with the largest part, which shows it least.
    let used: usize = cells.iter().sum();
    if let Some(largest) = cells.iter_mut().max_by_key(|cells| **cells) {
        *largest = (*largest + width).saturating_sub(used);
    }
    let mut bar = String::new();
    for ((_, c), count) in parts.iter().zip(cells) {
        bar.extend(std::iter::repeat_n(*c, count));
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let texts: Vec<_> = [0, 999, 1_000, 1_234_567].map(grouped).into();
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn what_is_counted_stands_in_the_right_number() {
        let texts: Vec<_> = [0, 1, 2_000].map(|n| counted(n, "host")).into();
        assert_eq!(texts, ["0 hosts", "1 host", "2,000 hosts"]);
    }

    #[test]
    fn times_are_told_from_now() {
        let now = Timestamp::from_secs(1_000_000_000);
        for (secs, text) in [
            (0, "now"),
            (-59, "59 s ago"),
            (-60, "1 min ago"),
            (-7_199, "1 h ago"),
            (-86_400, "1 d ago"),
            (90, "in 1 min"),
        ] {
            assert_eq!(age(now.plus_secs(secs), now), text);
        }
        assert_eq!(moment(now, now), "2001-09-09 01:46:40 UTC (now)");
    }

    #[test]
    fn shares_never_claim_all_or_nothing_falsely() {
        assert_eq!(percent(0, 9), "0%");
        assert_eq!(percent(1, 1_000), "<1%");
        assert_eq!(percent(999, 1_000), "99%");
        assert_eq!(percent(5, 5), "100%");
        assert_eq!(percent(0, 0), "–");
    }

    #[test]
    fn the_bar_has_its_width_and_shows_every_kind() {
        let bar = |targeted, responded, late, pending, offered| {
            let coverage =
                Coverage { targeted, responded, late, pending, offered, ..Coverage::default() };
            coverage_bar(&coverage, 10)
        };
        assert_eq!(bar(10, 6, 2, 3, 1), "████▓▓▒░░░");
        assert_eq!(bar(1_000_000, 999_996, 1, 1, 1), "██████▓▒░·");
        assert_eq!(bar(4, 4, 0, 0, 0), "██████████");
        assert_eq!(bar(0, 0, 0, 0, 0), "··········");
        assert_eq!(bar(3, 1, 0, 1, 1), "███▒▒▒░░░░");
    }
}
