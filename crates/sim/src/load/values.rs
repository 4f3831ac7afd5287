// SPDX-License-Identifier: Apache-2.0
//! Values of a plan as people write them: `30s`, `0..40`, `50ms..2s`, `5%`, `linux:3,windows:1`.
//! Refusals say what to write instead.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

/// Longest time that can be asked for: a year.
const TIME_MAX: Duration = Duration::from_secs(366 * 86_400);

/// A time: a number with its unit, `ms`, `s`, `m`, `h` or `d`, several in a row if need be.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: write a number with ms, s, m, h or d, as 90s");
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut sum = 0.0;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => 0.001,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        rest = rest[letters..].trim_start();
        sum += number * unit;
    }
    match Duration::try_from_secs_f64(sum) {
        Ok(time) if time <= TIME_MAX => Ok(time),
        _ => Err(format!("`{text}` is too long: a year is the most")),
    }
}

/// A time that must not be 0.
pub(super) fn some_time(text: &str) -> Result<Duration, String> {
    match time(text)? {
        Duration::ZERO => Err("it must be longer than 0: write it as 10s".to_owned()),
        time => Ok(time),
    }
}

/// A share: from 0 to 1, or in percent.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let (number, of) = match text.trim().strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (text.trim(), 1.0),
    };
    let share = number.parse::<f64>().ok().map(|number| number / of);
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| format!("`{text}` is no share: write a number from 0 to 1, as 0.05, or 5%"))
}

/// A whole number within bounds.
pub(super) fn number<N>(text: &str, least: N, most: N) -> Result<N, String>
where
    N: FromStr + PartialOrd + Display,
{
    let plain = text.trim().replace('_', "");
    match plain.parse::<N>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => Err(format!("`{text}` must be a whole number from {least} to {most}")),
    }
}

/// `least..most`, both included, or one value for both.
pub(super) fn range<T: PartialOrd + Copy>(
    text: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<(T, T), String> {
    let (least, most) = match text.split_once("..") {
        Some((least, most)) => (read(least)?, read(most.trim_start_matches('='))?),
        None => (read(text)?, read(text)?),
    };
    if least > most {
        return Err(format!("`{text}` begins above its end: write the smaller value first"));
    }
    Ok((least, most))
}

/// `name:weight,name:weight`; a name without a weight weighs 1.
pub(super) fn weights<T>(
    text: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<(T, f64)>, String> {
    let mut weights = Vec::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let (name, weight) = item.split_once([':', '=']).unwrap_or((item, "1"));
        let weight = weight.trim().parse::<f64>().ok();
        let weight =
            weight.filter(|weight| weight.is_finite() && *weight >= 0.0).ok_or_else(|| {
                format!("`{item}` has no weight that is a number: write it as {name}:3")
            })?;
        weights.push((read(name.trim())?, weight));
    }
    if weights.iter().map(|(_, weight)| weight).sum::<f64>() <= 0.0 {
        return Err(format!("`{text}` names nothing: write it as name:3,other:1"));
    }
    Ok(weights)
}

/// The item at `draw` (0 to 1) of the weights laid end to end.
pub(super) fn pick<T: Copy>(weights: &[(T, f64)], draw: f64) -> Option<T> {
    let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let mut left = draw * sum;
    for (item, weight) in weights {
        if left < *weight {
            return Some(*item);
        }
        left -= weight;
    }
    weights.iter().rev().find(|(_, weight)| *weight > 0.0).map(|(item, _)| *item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_units() {
        let ms = |text| time(text).map(|time| time.as_millis());
        assert_eq!(ms("250ms"), Ok(250));
        assert_eq!(ms("1.5s"), Ok(1_500));
        assert_eq!(ms("1h 30m"), Ok(5_400_000));
        assert_eq!(ms("2m30s"), Ok(150_000));
        assert_eq!(ms("0"), Ok(0));
        for wrong in ["", "5", "s", "-1s", "1 week", "5s x", "1e9s", "9999999d"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
        assert!(some_time("0s").is_err() && some_time("1ms").is_ok());
    }

    #[test]
    fn shares_ranges_and_numbers_are_bounded() {
        assert_eq!((share("0.25"), share("5 %"), share("1")), (Ok(0.25), Ok(0.05), Ok(1.0)));
        for wrong in ["1.1", "-0.1", "101%", "many", "NaN", ""] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
        assert_eq!(range("0..40", |text| number(text, 0, 100)), Ok((0, 40)));
        assert_eq!(range("7", |text| number(text, 0, 100)), Ok((7, 7)));
        assert!(range("9..3", |text| number(text, 0, 100)).is_err());
        assert!(range("0..101", |text| number(text, 0, 100)).is_err());
        assert_eq!(number("100_000", 1, 1_000_000), Ok(100_000));
    }

    #[test]
    fn weights_pick_by_their_size() {
        let read = |text: &str| text.parse::<u32>().map_err(|error| error.to_string());
        let weights = weights("1:3, 2:1,3:0", read).unwrap();
        let at = |draw| pick(&weights, draw).unwrap();
        assert_eq!((at(0.0), at(0.74), at(0.76), at(1.0)), (1, 1, 2, 2));
        for wrong in ["", "1:0", "1:x", "x:1", "1:-2"] {
            assert!(super::weights(wrong, read).is_err(), "{wrong}");
        }
    }
}
