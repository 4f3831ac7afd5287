// SPDX-License-Identifier: Apache-2.0
//! Results as a table for people and as JSON for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// A target, as a bound on a figure or on its ratio to the floor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Target {
    /// The figure is at most this.
    ValueAtMost(f64),
}

/// One result.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Which measurement; with a word behind it where there are several.
    pub id: String,
    /// How many hosts took part.
    pub hosts: u64,
    /// The figure: a median.
    pub value: f64,
    /// What the floor took, in the same unit; `None` when there is none.
    pub floor: Option<f64>,
    /// The unit of both.
    pub unit: &'static str,
    /// What is asked for.
    pub target: Target,
    /// How it was measured, in one sentence.
    pub note: String,
}

impl Measured {
    /// The figure divided by the floor.
    fn ratio(&self) -> Option<f64> {
        self.floor.filter(|floor| *floor > 0.0).map(|floor| self.value / floor)
    }

    /// Whether the target is met.
    pub fn is_met(&self) -> bool {
        match self.target {
            Target::ValueAtMost(bound) => self.value <= bound,
        }
    }

    fn target(&self) -> String {
        match self.target {
            Target::ValueAtMost(bound) => format!("≤ {bound} {}", self.unit),
        }
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

fn table(machine: &Value, results: &[Measured]) -> String {
    let word = |name: &str| machine[name].to_string().trim_matches('"').to_owned();
    let mut text = format!(
        "{}, {} cores, {} MiB, Linux {}\n\n\
         | | hosts | value | floor | ratio | target | met |\n|---|---|---|---|---|---|---|\n",
        word("cpu"),
        word("cores"),
        word("memory_mib"),
        word("kernel")
    );
    let figure = |figure: Option<f64>| figure.map_or("–".to_owned(), |it| format!("{it:.2}"));
    for result in results {
        let Measured { id, hosts, value, floor, unit, .. } = result;
        let (floor, ratio) = (figure(*floor), figure(result.ratio()));
        let met = if result.is_met() { "yes" } else { "**no**" };
        // Writing to a text cannot fail.
        let _ = writeln!(
            text,
            "| {id} | {hosts} | {value:.2} {unit} | {floor} | {ratio} | {} | {met} |",
            result.target()
        );
    }
    for result in results {
        let _ = write!(text, "\n{}: {}", result.id, result.note);
    }
    text
}

/// The same for programs.
pub fn json(machine: &Value, results: &[Measured]) -> String {
    let results: Vec<Value> = results
        .iter()
        .map(|result| {
            json!({
                "id": result.id,
                "hosts": result.hosts,
                "value": result.value,
                "floor": result.floor,
                "ratio": result.ratio(),
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

    fn measured(value: f64, floor: Option<f64>) -> Measured {
        let (id, note) = ("P9".to_owned(), "So.".to_owned());
        let target = Target::ValueAtMost(100.0);
        Measured { id, hosts: 1, value, floor, unit: "ms", target, note }
    }

    #[test]
    fn the_table_and_the_json_say_the_same() {
        let machine = json!({"cpu": "X", "cores": 2, "memory_mib": 5, "kernel": "6"});
        let results = [measured(30.0, Some(12.0)), measured(130.0, None)];
        let text = table(&machine, &results);
        assert!(text.starts_with("X, 2 cores, 5 MiB, Linux 6\n"), "{text}");
        assert!(text.contains("| P9 | 1 | 30.00 ms | 12.00 | 2.50 | ≤ 100 ms | yes |"), "{text}");
        assert!(text.contains("| P9 | 1 | 130.00 ms | – | – | ≤ 100 ms | **no** |"), "{text}");
        let read: Value = serde_json::from_str(&json(&machine, &results)).unwrap();
        assert_eq!(
            (&read["results"][0]["ratio"], &read["results"][1]["met"]),
            (&json!(2.5), &json!(false))
        );
        assert_eq!(read["results"][1]["floor"], Value::Null);
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}
