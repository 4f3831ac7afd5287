// SPDX-License-Identifier: Apache-2.0
//! P10: how costs grow. P1 to P5 with three fleets, of which each has ten times the hosts of the
//! one before; what a host, a poll, an answer or a row costs must stay the same.

use super::report::{Measured, Target};
use super::setting::Setting;
use super::{p1, p3, p4, p5};

/// What is measured.
pub const WHAT: &str = "cost with the largest fleet beside cost with the smallest";
/// By how much a cost may grow.
const TARGET: f64 = 1.3;

type Measure = fn(&Setting<'_>, u64) -> anyhow::Result<Measured>;

/// How a figure becomes the cost of one thing.
type Cost = fn(&Measured) -> f64;

/// Measures it.
pub fn run(setting: &Setting<'_>) -> anyhow::Result<Vec<Measured>> {
    let kinds: [(&'static str, Measure, Cost); 5] = [
        ("P1", p1::measure_new, |m| m.value),
        ("P2", p1::measure_kept, |m| m.value),
        ("P3", p3::measure, |m| 1e6 / m.value),
        ("P4", p4::measure_at, |m| 1e3 / m.value),
        ("P5", p5::measure, |m| m.value * 1e3 / m.hosts as f64),
    ];
    kinds.into_iter().map(|(id, measure, cost)| grown(setting, id, measure, cost)).collect()
}

fn grown(
    setting: &Setting<'_>,
    id: &'static str,
    measure: Measure,
    cost: Cost,
) -> anyhow::Result<Measured> {
    let sizes = setting.sizes();
    let measured = sizes.map(|hosts| setting.once(id, hosts, measure));
    let [least, middle, most] = measured;
    let (least, middle, most) = (cost(&least?), cost(&middle?), cost(&most?));
    let unit = match id {
        "P4" => "ns/B",
        _ => "µs",
    };
    Ok(Measured {
        id: format!("P10 {id}"),
        what: format!("{WHAT}, {id}"),
        hosts: setting.hosts,
        value: most,
        floor: Some(least),
        ratio: Some(most / least),
        unit,
        target: if setting.smoke { Target::Shown } else { Target::RatioAtMost(TARGET) },
        note: format!(
            "{least:.2}, {middle:.2}, {most:.2} {unit} with {}, {}, {} hosts.",
            sizes[0], sizes[1], sizes[2]
        ),
    })
}
