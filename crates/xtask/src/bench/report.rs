// SPDX-License-Identifier: Apache-2.0
//! Results as a table for people and as JSON for programs.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};

/// A target, as a bound on a figure or on its ratio to the floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// The figure is at most this.
    ValueAtMost(f64),
    /// The ratio is at most this.
    RatioAtMost(f64),
    /// The ratio is at least this.
    RatioAtLeast(f64),
    /// Both are at most this.
    RatioAndValueAtMost(f64, f64),
    /// None: it is shown.
    Shown,
}

/// One result.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Which measurement; with a word behind it where there are several.
    pub id: String,
    /// What was measured, in a few words.
    pub what: String,
    /// How many hosts took part; 0 where hosts play no part.
    pub hosts: u64,
    /// The figure: a median.
    pub value: f64,
    /// What the floor took, in the same unit; `None` when there is none.
    pub floor: Option<f64>,
    /// The figure beside the floor: the median of the ratios of runs that followed each other.
    pub ratio: Option<f64>,
    /// The unit of both.
    pub unit: &'static str,
    /// What is asked for.
    pub target: Target,
    /// How it was measured, in one sentence.
    pub note: String,
}

impl Measured {
    /// Whether the target is met; also when there is none.
    pub fn is_met(&self) -> bool {
        let ratio = self.ratio.unwrap_or(f64::NAN);
        match self.target {
            Target::ValueAtMost(bound) => self.value <= bound,
            Target::RatioAtMost(bound) => ratio <= bound,
            Target::RatioAtLeast(bound) => ratio >= bound,
            Target::RatioAndValueAtMost(most, bound) => ratio <= most && self.value <= bound,
            Target::Shown => true,
        }
    }

    fn target(&self) -> Option<String> {
        let unit = self.unit;
        match self.target {
            Target::ValueAtMost(bound) => Some(format!("≤ {bound} {unit}")),
            Target::RatioAtMost(bound) => Some(format!("ratio ≤ {bound}")),
            Target::RatioAtLeast(bound) => Some(format!("ratio ≥ {bound}")),
            Target::RatioAndValueAtMost(ratio, bound) => {
                Some(format!("ratio ≤ {ratio}, ≤ {bound} {unit}"))
            }
            Target::Shown => None,
        }
    }
}

/// Figures of runs, each beside the floor that ran next to it.
#[derive(Debug, Default)]
pub struct Pairs {
    values: Vec<f64>,
    floors: Vec<f64>,
}

impl Pairs {
    /// Notes a run.
    pub fn push(&mut self, value: f64, floor: f64) {
        self.values.push(value);
        self.floors.push(floor);
    }

    /// The result of costs: less is better.
    pub fn lower(
        self,
        id: &str,
        what: &str,
        hosts: u64,
        unit: &'static str,
        target: Target,
        note: &str,
    ) -> Measured {
        let ratios: Vec<f64> = self.values.iter().zip(&self.floors).map(|(v, f)| v / f).collect();
        let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        Measured {
            id: id.to_owned(),
            what: what.to_owned(),
            hosts,
            value: median(self.values),
            floor: Some(median(self.floors)),
            ratio: Some(median(ratios)),
            unit,
            target,
            note: format!("{note} Ratios of the runs: {least:.2} to {most:.2}."),
        }
    }

    /// The result of rates: more is better. The same, said so that calls read well.
    pub fn higher(
        self,
        id: &str,
        what: &str,
        hosts: u64,
        unit: &'static str,
        target: Target,
        note: &str,
    ) -> Measured {
        self.lower(id, what, hosts, unit, target, note)
    }
}

/// The middle of some figures.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => 0.0,
        n if n % 2 == 1 => figures[middle],
        _ => f64::midpoint(figures[middle - 1], figures[middle]),
    }
}

/// Shows the table.
#[expect(clippy::print_stdout, reason = "the table is what was asked for")]
pub fn print(machine: &Value, results: &[Measured]) {
    println!("{}", table(machine, results));
}

/// Between these lines of a page stands the table.
const MARKS: [&str; 2] = ["<!-- table: cargo xtask bench --doc -->\n", "<!-- end of table -->"];

/// Puts the table into a page, in place of the one that stands there.
///
/// # Errors
/// When the page has no place for it.
pub fn put_into(page: &Path, machine: &Value, results: &[Measured]) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let written = replaced(&text, &table(machine, results))
        .with_context(|| format!("{} has no place for the table", page.display()))?;
    Ok(std::fs::write(page, written)?)
}

fn replaced(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(MARKS[0])?;
    let (_, after) = rest.split_once(MARKS[1])?;
    Some(format!("{before}{}\n{}\n\n{}{after}", MARKS[0], table.trim_end(), MARKS[1]))
}

fn table(machine: &Value, results: &[Measured]) -> String {
    let word = |name: &str| machine[name].to_string().trim_matches('"').to_owned();
    let mut text = format!(
        "{}, {} cores, {} MiB, Linux {}\n\n\
         | | measured | hosts | value | floor | ratio | target | met |\n\
         |---|---|--:|--:|--:|--:|---|---|\n",
        word("cpu"),
        word("cores"),
        word("memory_mib"),
        word("kernel")
    );
    for result in results {
        let Measured { id, what, hosts, value, floor, ratio, unit, .. } = result;
        let floor = floor.map_or("–".to_owned(), figure);
        let ratio = ratio.map_or("–".to_owned(), |ratio| format!("{ratio:.2}"));
        let hosts = if *hosts == 0 { "–".to_owned() } else { hosts.to_string() };
        let (target, value) = (result.target(), figure(*value));
        let met = match (&target, result.is_met()) {
            (None, _) => "–",
            (_, true) => "yes",
            (_, false) => "**no**",
        };
        let target = target.as_deref().unwrap_or("–");
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "| {id} | {what} | {hosts} | {value} {unit} | {floor} | {ratio} | {target} | {met} |"
        );
    }
    text.push('\n');
    for result in results {
        let _ = writeln!(text, "- **{}** ({}): {}", result.id, result.what, result.note);
    }
    text
}

/// Three figures or so, whatever the size.
fn figure(figure: f64) -> String {
    match figure {
        f if f >= 100.0 => format!("{f:.0}"),
        f if f >= 10.0 => format!("{f:.1}"),
        f => format!("{f:.2}"),
    }
}

/// The same for programs.
pub fn json(machine: &Value, results: &[Measured]) -> String {
    let results: Vec<Value> = results
        .iter()
        .map(|result| {
            json!({
                "id": result.id,
                "what": result.what,
                "hosts": result.hosts,
                "value": result.value,
                "floor": result.floor,
                "ratio": result.ratio,
                "unit": result.unit,
                "target": result.target(),
                "met": result.is_met(),
                "note": result.note,
            })
        })
        .collect();
    format!("{:#}\n", json!({"machine": machine, "results": results}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(pairs: &[(f64, f64)], target: Target) -> Measured {
        let mut all = Pairs::default();
        pairs.iter().for_each(|(value, floor)| all.push(*value, *floor));
        all.lower("P9", "it", 1, "ms", target, "So.")
    }

    #[test]
    fn the_table_and_the_json_say_the_same() {
        let machine = json!({"cpu": "X", "cores": 2, "memory_mib": 5, "kernel": "6"});
        let good = measured(&[(30.0, 12.0)], Target::ValueAtMost(100.0));
        let bad = Measured { floor: None, ratio: None, value: 130.0, ..good.clone() };
        let results = [good, bad];
        let text = table(&machine, &results);
        assert!(text.starts_with("X, 2 cores, 5 MiB, Linux 6\n"), "{text}");
        assert!(
            text.contains("| P9 | it | 1 | 30.0 ms | 12.0 | 2.50 | ≤ 100 ms | yes |"),
            "{text}"
        );
        assert!(text.contains("| P9 | it | 1 | 130 ms | – | – | ≤ 100 ms | **no** |"), "{text}");
        let read: Value = serde_json::from_str(&json(&machine, &results)).unwrap();
        assert_eq!(
            (&read["results"][0]["ratio"], &read["results"][1]["met"]),
            (&json!(2.5), &json!(false))
        );
        assert_eq!(read["results"][1]["floor"], Value::Null);
    }

    #[test]
    fn targets_bound_figures_and_ratios() {
        let met = |target| measured(&[(2.0, 1.0), (9.0, 3.0), (2.2, 1.0)], target).is_met();
        // Ratios 2, 3 and 2.2; the middle one counts, and 2.2 of the values.
        assert!(met(Target::RatioAtMost(2.2)) && !met(Target::RatioAtMost(2.1)));
        assert!(met(Target::RatioAtLeast(2.2)) && !met(Target::RatioAtLeast(2.3)));
        assert!(met(Target::RatioAndValueAtMost(2.2, 2.2)));
        assert!(!met(Target::RatioAndValueAtMost(2.2, 2.1)));
        assert!(!met(Target::RatioAndValueAtMost(2.1, 2.2)));
        assert!(met(Target::Shown) && met(Target::ValueAtMost(2.2)));
        let none = Measured { ratio: None, ..measured(&[(1.0, 1.0)], Target::RatioAtMost(2.0)) };
        assert!(!none.is_met(), "without a ratio none is met");
    }

    #[test]
    fn a_table_takes_the_place_of_the_one_before() {
        let page = format!("a\n{}old\n{}\nb", MARKS[0], MARKS[1]);
        let once = replaced(&page, "new\n").unwrap();
        assert_eq!(once, format!("a\n{}\nnew\n\n{}\nb", MARKS[0], MARKS[1]));
        assert_eq!(replaced(&once, "new").unwrap(), once);
        assert_eq!(replaced("a", "new"), None);
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}
