// SPDX-License-Identifier: Apache-2.0
//! Mathematics. A result that does not exist or cannot be represented fails the statement, as in
//! osquery, which passes on what the C library says. `log` is natural, unlike SQLite's own.

use std::f64::consts::PI;

use rusqlite::functions::Context;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

use super::{PURE, args, failure};

/// A function of one number.
type Unary = fn(f64) -> f64;

/// The C library's words for an argument outside of a function's domain.
const DOMAIN: &str = "Numerical argument out of domain";
/// The C library's words for a result that is too large or too small.
const RANGE: &str = "Numerical result out of range";
/// Beyond this `exp` overflows even the wider type in which osquery computes it.
const EXP_MAX: f64 = 11_356.0;

pub fn register(db: &Connection) -> Result<()> {
    let functions: [(&str, Unary); 13] = [
        ("sqrt", f64::sqrt),
        ("acos", f64::acos),
        ("asin", f64::asin),
        ("atan", f64::atan),
        ("cos", f64::cos),
        ("sin", f64::sin),
        ("tan", f64::tan),
        ("log", f64::ln),
        ("log10", f64::log10),
        ("cot", |x| 1.0 / x.tan()),
        ("exp", f64::exp),
        ("degrees", |x| 180.0 * x / PI),
        ("radians", |x| x * PI / 180.0),
    ];
    for (name, function) in functions {
        // Of these the C library reports no overflow, or only far beyond our numbers.
        let is_checked = !matches!(name, "cot" | "exp" | "degrees" | "radians");
        db.create_scalar_function(name, 1, PURE, move |context| {
            let Some(x) = args::real(context, 0) else { return Ok(None) };
            let is_beyond = name == "exp" && x.is_finite() && x > EXP_MAX;
            checked(function(x), x.is_nan(), x.is_finite() && (is_checked || is_beyond)).map(Some)
        })?;
    }
    for (name, function) in [("ceil", f64::ceil as Unary), ("floor", f64::floor)] {
        db.create_scalar_function(name, 1, PURE, move |context| Ok(rounded(context, function)))?;
    }
    db.create_scalar_function("power", 2, PURE, power)?;
    db.create_scalar_function("pi", 0, PURE, |_| Ok(PI))
}

fn checked(result: f64, was_nan: bool, must_be_finite: bool) -> Result<f64> {
    match result {
        result if result.is_nan() && !was_nan => Err(failure(DOMAIN)),
        result if result.is_infinite() && must_be_finite => Err(failure(RANGE)),
        result => Ok(result),
    }
}

/// Whole numbers stay as they are; others become whole.
fn rounded(context: &Context<'_>, function: Unary) -> Value {
    match (context.get_raw(0), args::real(context, 0)) {
        (ValueRef::Integer(number), _) => Value::Integer(number),
        (_, Some(number)) => Value::Integer(function(number) as i64),
        (_, None) => Value::Null,
    }
}

fn power(context: &mut Context<'_>) -> Result<Option<f64>> {
    let (Some(base), Some(exponent)) = (args::real(context, 0), args::real(context, 1)) else {
        return Ok(None);
    };
    let is_finite = base.is_finite() && exponent.is_finite();
    let result = base.powf(exponent);
    if result == 0.0 && is_finite && base != 0.0 {
        return Err(failure(RANGE));
    }
    checked(result, base.is_nan() || exponent.is_nan(), is_finite).map(Some)
}
