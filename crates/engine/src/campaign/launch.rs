// SPDX-License-Identifier: Apache-2.0
//! What makes a launch request valid, apart from what only the database or the guard can tell.

use mimir_wire::Timestamp;
use mimir_wire::api::problem::FieldError;

use crate::limits::{
    CAMPAIGN_NAME_CHARS_MAX, LIVE_WINDOW_MINUTES_DEFAULT, LIVE_WINDOW_MINUTES_MAX,
    LIVE_WINDOW_MINUTES_MIN,
};

/// Refusal of an OS-filtered target, word for word as the contract has it.
pub const OS_FILTER_SENTENCE: &str = "Campaigns don\u{2019}t yet support OS-filtered targets \u{2014} pick Fleet or specific hosts instead.";

/// Words of the SQL that make a default name.
const NAME_WORDS: usize = 6;
/// Characters of the SQL that make a default name.
const NAME_SQL_CHARS_MAX: usize = 60;

/// The live window in minutes, or what is wrong with it.
///
/// # Errors
/// A window outside 1 to 1440.
pub fn live_window(minutes: Option<i64>) -> Result<u64, FieldError> {
    let minutes = minutes.unwrap_or(LIVE_WINDOW_MINUTES_DEFAULT);
    if !(LIVE_WINDOW_MINUTES_MIN..=LIVE_WINDOW_MINUTES_MAX).contains(&minutes) {
        let message = format!(
            "The live window is {minutes} minutes; give {LIVE_WINDOW_MINUTES_MIN} to \
             {LIVE_WINDOW_MINUTES_MAX}."
        );
        return Err(FieldError { field: "live_window_minutes".to_owned(), message });
    }
    Ok(minutes.unsigned_abs())
}

/// The campaign's name: the given one, or the first words of the SQL and the time.
///
/// # Errors
/// A name that is blank or too long.
pub fn name(given: Option<&str>, sql: &str, now: Timestamp) -> Result<String, FieldError> {
    let Some(given) = given else { return Ok(default_name(sql, now)) };
    let name = given.trim();
    let chars = name.chars().count();
    if chars == 0 || chars > CAMPAIGN_NAME_CHARS_MAX || name.chars().any(char::is_control) {
        let message = format!(
            "The name must have 1 to {CAMPAIGN_NAME_CHARS_MAX} characters and no control \
             characters; leave it out for one made from the SQL."
        );
        return Err(FieldError { field: "name".to_owned(), message });
    }
    Ok(name.to_owned())
}

fn default_name(sql: &str, now: Timestamp) -> String {
    let words: Vec<&str> = sql.split_whitespace().take(NAME_WORDS).collect();
    let words: String = words.join(" ").chars().take(NAME_SQL_CHARS_MAX).collect();
    let words: String = words.chars().filter(|c| !c.is_control()).collect();
    let time = now.to_string();
    format!("{words} {}", time.get(..16).unwrap_or(&time).replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_from_a_minute_to_a_day() {
        assert_eq!(live_window(None), Ok(10));
        assert_eq!(live_window(Some(1)), Ok(1));
        assert_eq!(live_window(Some(1440)), Ok(1440));
        for bad in [0, -1, 1441, i64::MAX] {
            let error = live_window(Some(bad)).unwrap_err();
            assert!(error.message.contains("1 to 1440"), "{}", error.message);
        }
    }

    #[test]
    fn a_name_is_made_from_sql_and_time() {
        let now = Timestamp::from_secs(1_790_676_900);
        let made = name(None, "SELECT  pid,\n name FROM processes WHERE on_disk = 0", now).unwrap();
        assert_eq!(made, "SELECT pid, name FROM processes WHERE 2026-09-29 10:15");
        assert_eq!(name(Some(" x "), "", now).unwrap(), "x");
        assert!(name(Some(" "), "", now).is_err());
        assert!(name(Some(&"x".repeat(201)), "", now).is_err());
    }
}
