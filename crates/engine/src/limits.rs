// SPDX-License-Identifier: Apache-2.0
//! Every limit of the product, by name and unit, with its reason: the one source for the server,
//! the command line, the console and the documents.

use mimir_wire::api::problem::FieldError;
use mimir_wire::api::settings::Settings;

/// Hosts that must have answered a part without dying before it may share an offer with others.
pub const PROVEN_AFTER_HOSTS: u64 = 5;
/// Offers of one part to one host before it counts as lost (osquery-protocol 2.8, rule 4).
pub const OFFER_ATTEMPTS_MAX: u32 = 3;
/// Parts in one offer; osquery runs them in one batch and writes all results at its end.
pub const OFFER_PARTS_MAX: usize = 16;
/// Seconds of fast polling asked for after an offer inside a live window, or a leave-out.
pub const ACCELERATE_S: u32 = 30;
/// Longest time after an offer in which a read without a write between is a retransmission.
pub const RETRANSMISSION_S_MAX: u64 = 5;
/// An answer sent later than this after its request arrived never reaches a stock agent: its
/// deadline for connect, upload and answer together is 16 s.
pub const AGENT_DEADLINE_S: u64 = 16;

/// Default minutes of a live window.
pub const LIVE_WINDOW_MINUTES_DEFAULT: i64 = 10;
/// Shortest live window in minutes.
pub const LIVE_WINDOW_MINUTES_MIN: i64 = 1;
/// Longest live window in minutes: a day.
pub const LIVE_WINDOW_MINUTES_MAX: i64 = 1440;
/// Characters of a campaign's name.
pub const CAMPAIGN_NAME_CHARS_MAX: usize = 200;
/// Characters of a stop reason.
pub const STOP_REASON_CHARS_MAX: usize = 1000;
/// Hosts that can be listed in one target.
pub const TARGET_HOSTS_MAX: usize = 100_000;
/// Characters of a saved query's name.
pub const SAVED_QUERY_NAME_CHARS_MAX: usize = 200;
/// Characters of a saved query's description.
pub const SAVED_QUERY_DESCRIPTION_CHARS_MAX: usize = 2000;
/// Bytes of one SQL text.
pub const SQL_BYTES_MAX: usize = 64 * 1024;

/// Bytes of an indicator's normalised value; PostgreSQL can't index much longer ones.
pub const INDICATOR_VALUE_BYTES_MAX: usize = 2048;
/// Bytes of a text that is read as one indicator, defanged and quoted as it may be.
pub const INDICATOR_TEXT_BYTES_MAX: usize = 4 * INDICATOR_VALUE_BYTES_MAX;
/// Characters of an indicator's description.
pub const INDICATOR_DESCRIPTION_CHARS_MAX: usize = 2000;
/// Tags of an indicator.
pub const INDICATOR_TAGS_MAX: usize = 20;
/// Characters of one tag.
pub const INDICATOR_TAG_CHARS_MAX: usize = 50;
/// Indicators in one import.
pub const IMPORT_ENTRIES_MAX: usize = 100_000;
/// Bytes of the text of one import.
pub const IMPORT_BYTES_MAX: usize = 7 << 20;
/// Refused lines of an import that are named one by one.
pub const IMPORT_INVALID_MAX: usize = 1000;
/// Characters kept of a refused line.
pub const IMPORT_VALUE_CHARS_MAX: usize = 200;
/// Values one compiled query looks for.
pub const PART_VALUES_MAX: usize = 1000;
/// Bytes kept of the row that proves a match.
pub const EVIDENCE_BYTES_MAX: usize = 8 * 1024;

/// Bytes of a `distributed/write` body; beyond it the body is drained and its hosts' offered
/// parts become errors, or the agent would send it again for ever.
pub const WRITE_BODY_BYTES_MAX: usize = 64 << 20;
/// Bytes of any other body of an agent.
pub const AGENT_BODY_BYTES_MAX: usize = 1 << 20;
/// Bytes of a `log` body: agents send up to 1,024 lines of up to 1 MiB; beyond this it is drained
/// and dropped, for the server keeps no log lines yet.
pub const LOG_BODY_BYTES_MAX: usize = 16 << 20;
/// Bytes of a body of the API.
pub const API_BODY_BYTES_MAX: usize = 8 << 20;
/// Bytes of a body that brings indicators: their text as JSON, where some characters take two.
pub const IMPORT_BODY_BYTES_MAX: usize = 16 << 20;
/// Characters of the name of a feed.
pub const INDICATOR_SOURCE_CHARS_MAX: usize = 64;
/// Bytes of a body that anybody may send: a name and a password.
pub const PUBLIC_BODY_BYTES_MAX: usize = 16 * 1024;
/// Bytes of API bodies held in memory at once, all requests together.
pub const API_BODIES_BYTES_MAX: usize = 256 << 20;
/// Bytes of a body that are not counted against what all bodies may hold: whoever fills that
/// memory must not silence the polls of the fleet. Connections bound these.
pub const UNCOUNTED_BODY_BYTES_MAX: usize = 16 * 1024;
/// Exports written at once: each holds a thread for as long as its receiver likes.
pub const EXPORTS_MAX: usize = 16;
/// Bytes of bodies held in memory at once, all requests together.
pub const BODIES_BYTES_MAX: usize = 512 << 20;
/// Of these, bytes for agents that prove who they are before their body is read (osquery 5.23.0 and
/// later): strangers who announce large bodies must not keep them out.
pub const KNOWN_BODIES_BYTES_MAX: usize = BODIES_BYTES_MAX / 4 * 3;
/// Answers that may wait for the group commit before the server sheds load.
pub const LANE_QUEUE_MAX: usize = 4096;
/// Compressed bytes that may wait for the group commit before the server sheds load.
pub const LANE_BYTES_MAX: usize = 256 << 20;
/// Rows in one stored chunk; a page never unpacks more than it must.
pub const CHUNK_ROWS_MAX: usize = 1000;
/// Bytes of rows in one stored chunk, before compression.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;
/// Characters kept of an error message of a host.
pub const HOST_ERROR_CHARS_MAX: usize = 2000;
/// Characters kept of any text by which a host describes itself.
pub const HOST_TEXT_CHARS_MAX: usize = 255;

/// Items on a page when the request does not say.
pub const PAGE_ITEMS_DEFAULT: u64 = 50;
/// Items on a page at the most.
pub const PAGE_ITEMS_MAX: u64 = 500;

/// Stored rows among which a page can be sorted: every page looks at all of them.
pub const ROWS_SORTED_MAX: u64 = 1_000_000;
/// Bytes of rows on one page, each cell with what it takes in memory; a longer row has a page to
/// itself. Rows may have megabytes, and a page is in memory as a whole.
pub const PAGE_ROW_BYTES_MAX: usize = 16 << 20;
/// Bytes that a cell of a row takes in memory besides its text.
pub const CELL_BYTES: usize = 128;
/// Bytes of stored rows that are looked at for one filtered page.
pub const ROWS_SEARCHED_BYTES_MAX: usize = 64 << 20;
/// Bytes of stored rows among which a page can be sorted.
pub const ROWS_SORTED_BYTES_MAX: usize = 1 << 30;
/// Conditions on columns in one request for rows.
pub const ROW_CONDITIONS_MAX: usize = 16;
/// Points of a campaign's course over time when the request does not say.
pub const COMPLETION_POINTS_DEFAULT: u64 = 100;
/// Points of a campaign's course over time at the most: no chart shows more.
pub const COMPLETION_POINTS_MAX: u64 = 200;

/// Shortest password in characters.
pub const PASSWORD_CHARS_MIN: usize = 14;
/// Longest password in characters; hashing is bounded by it.
pub const PASSWORD_CHARS_MAX: usize = 256;
/// Hours a session lasts without being used.
pub const SESSION_IDLE_HOURS: i64 = 12;
/// Hours a session lasts at the most.
pub const SESSION_HOURS_MAX: i64 = 24 * 7;
/// Hours for which an `Idempotency-Key` is remembered.
pub const IDEMPOTENCY_HOURS: i64 = 24;
/// Minutes a host's former node key stays valid after it enrolled again: the enrolment whose
/// answer was lost may still be the one the agent keeps.
pub const NODE_KEY_GRACE_MINUTES: i64 = 60;
/// Minutes for which the results of a live query stay in memory after its end.
pub const LIVE_RESULT_MINUTES: i64 = 10;
/// Bytes of rows all live queries together may hold.
pub const LIVE_BYTES_MAX: usize = 256 << 20;
/// Seconds a `mimir-agent` may hold a read open.
pub const HELD_READ_S_MAX: u64 = 25;

/// Connections open at once, all addresses together; also bounded by the open files allowed.
pub const CONNECTIONS_MAX: usize = 65_536;
/// Connections open at once from one address (IPv6: from one /64). Generous, because a whole site
/// of agents may stand behind one address.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 4096;
/// TLS handshakes in progress at once; more wait their turn within the handshake's time.
pub const HANDSHAKES_MAX: usize = 8192;
/// Seconds a TLS handshake may take, waiting for its turn included.
pub const HANDSHAKE_S_MAX: u64 = 10;
/// Bytes of a request's head.
pub const REQUEST_HEAD_BYTES_MAX: usize = 32 * 1024;
/// Seconds from a connection's start, or from the end of an answer, to the end of the next
/// request's head: idle connections and slow heads alike.
pub const REQUEST_HEAD_S_MAX: u64 = 30;
/// Seconds a client may refuse to take the next bytes of an answer.
pub const WRITE_STALL_S_MAX: u64 = 60;
/// Seconds requests in progress may take to end when the server stops.
pub const SHUTDOWN_S_MAX: u64 = 20;
/// Open files left for the database, logs and files when connections take the rest.
pub const OPEN_FILES_RESERVED: usize = 256;
/// Seconds reading one body may take; stock agents give up sooner by themselves.
pub const BODY_S_MAX: u64 = 60;
/// Seconds between two pieces of one body.
pub const BODY_STALL_S_MAX: u64 = 15;
/// Bytes of an oversized body that are taken and dropped so that its sender hears the answer.
pub const BODY_DRAIN_BYTES_MAX: u64 = 2 << 30;
/// Bytes of one row that can be stored; a longer row ends its host's stored rows.
pub const ROW_BYTES_MAX: usize = 64 << 20;
/// Cells of one row that can be stored; a wider row ends its host's stored rows. SQLite returns no
/// more columns than this, however it was built.
pub const ROW_CELLS_MAX: usize = 32_767;
/// Columns listed of one answer; cells of further columns are stored but not listed.
pub const COLUMNS_MAX: usize = 2000;
/// Bytes of all listed column names of one answer.
pub const COLUMN_NAMES_BYTES_MAX: usize = 256 * 1024;
/// Rows in one row group of a Parquet export.
pub const EXPORT_GROUP_ROWS_MAX: usize = 100_000;
/// Bytes of cells in one row group of a Parquet export; the group is what is held in memory.
pub const EXPORT_GROUP_BYTES_MAX: usize = 16 << 20;

/// The settings of a new server. The deny-list comes from the guard, which knows its reasons.
pub fn default_settings() -> Settings {
    Settings {
        offline_campaigns_enabled: false,
        max_concurrent_hunts: 10,
        per_user_hunt_isolation: false,
        live_query_row_cap: 50_000,
        live_query_window_s: 60,
        campaign_host_row_cap: 50_000,
        campaign_host_byte_cap: 64 << 20,
        campaign_aggregate_row_cap: 10_000_000,
        operator_hunt_host_cap: 50,
        stop_grace_minutes: 60,
        host_online_s: 600,
        host_offline_s: 86_400,
        agent_poll_interval_s: 10,
        denied_tables: Vec::new(),
        denied_columns: Vec::new(),
        denied_functions: Vec::new(),
        allowed_extension_tables: Vec::new(),
    }
}

/// Entries of one list in settings.
pub const SETTING_LIST_ENTRIES_MAX: usize = 1000;

/// A setting that is a number, and which numbers it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingRange {
    /// Its name.
    pub name: &'static str,
    /// What is counted.
    pub unit: &'static str,
    /// The smallest value.
    pub min: u64,
    /// The largest value.
    pub max: u64,
}

const fn ranged(name: &'static str, unit: &'static str, min: u64, max: u64) -> SettingRange {
    SettingRange { name, unit, min, max }
}

/// All settings that are numbers.
pub const SETTING_RANGES: &[SettingRange] = &[
    ranged("max_concurrent_hunts", "campaigns", 1, 1000),
    ranged("live_query_row_cap", "rows", 1, 10_000_000),
    ranged("live_query_window_s", "seconds", 10, 600),
    ranged("campaign_host_row_cap", "rows", 1, 1_000_000_000),
    ranged("campaign_host_byte_cap", "bytes", 1, 1 << 40),
    ranged("campaign_aggregate_row_cap", "rows", 1, 1_000_000_000_000),
    ranged("operator_hunt_host_cap", "hosts", 1, 1_000_000),
    ranged("stop_grace_minutes", "minutes", 1, 60 * 24 * 30),
    ranged("host_online_s", "seconds", 1, 86_400 * 30),
    ranged("host_offline_s", "seconds", 1, 86_400 * 365),
    ranged("agent_poll_interval_s", "seconds", 1, 3600),
];

/// What is wrong with these settings, member by member; empty when nothing is.
pub fn check_settings(settings: &Settings) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let values = serde_json::to_value(settings).unwrap_or_default();
    for SettingRange { name, min, max, .. } in SETTING_RANGES {
        let value = values[name].as_u64().unwrap_or_default();
        if !(min..=max).contains(&&value) {
            let message = format!("{name} is {value}; give a whole number from {min} to {max}.");
            errors.push(FieldError { field: (*name).to_owned(), message });
        }
    }
    if settings.host_offline_s < settings.host_online_s {
        errors.push(FieldError {
            field: "host_offline_s".to_owned(),
            message: format!(
                "host_offline_s ({}) must not be below host_online_s ({}).",
                settings.host_offline_s, settings.host_online_s
            ),
        });
    }
    check_names("denied_tables", &settings.denied_tables, false, &mut errors);
    check_names("denied_columns", &settings.denied_columns, true, &mut errors);
    check_names("denied_functions", &settings.denied_functions, false, &mut errors);
    let extensions = &settings.allowed_extension_tables;
    check_names("allowed_extension_tables", extensions, false, &mut errors);
    errors
}

fn check_names(field: &str, names: &[String], dotted: bool, errors: &mut Vec<FieldError>) {
    let mut refuse = |message: String| {
        errors.push(FieldError { field: field.to_owned(), message });
    };
    if names.len() > SETTING_LIST_ENTRIES_MAX {
        refuse(format!("{field} has more than {SETTING_LIST_ENTRIES_MAX} entries."));
    }
    for name in names.iter().take(SETTING_LIST_ENTRIES_MAX) {
        let plain = |part: &str| {
            !part.is_empty()
                && part.len() <= 128
                && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let fits = match (dotted, name.split_once('.')) {
            (true, Some((table, column))) => plain(table) && plain(column),
            (false, None) => plain(name),
            _ => false,
        };
        if !fits {
            let wanted = if dotted { "`table.column`" } else { "a plain name" };
            refuse(format!(
                "`{}` in {field} is not {wanted}; entries have no wildcards or conditions.",
                name.chars().take(64).collect::<String>()
            ));
        }
    }
}

// Relations between limits that the code relies on.
const _: () = {
    assert!(RETRANSMISSION_S_MAX < AGENT_DEADLINE_S);
    assert!(LANE_BYTES_MAX <= BODIES_BYTES_MAX);
    assert!(WRITE_BODY_BYTES_MAX <= BODIES_BYTES_MAX - KNOWN_BODIES_BYTES_MAX);
    assert!(PAGE_ITEMS_DEFAULT <= PAGE_ITEMS_MAX);
    assert!(OFFER_PARTS_MAX >= 1 && OFFER_ATTEMPTS_MAX >= 1);
    // One address must be able to exhaust neither connections nor handshakes.
    assert!(CONNECTIONS_PER_ADDRESS_MAX * 2 <= HANDSHAKES_MAX);
    assert!(CONNECTIONS_PER_ADDRESS_MAX * 2 <= CONNECTIONS_MAX);
    assert!(HANDSHAKE_S_MAX < AGENT_DEADLINE_S);
    assert!(CHUNK_BYTES_MAX <= ROW_BYTES_MAX);
    assert!(PUBLIC_BODY_BYTES_MAX <= UNCOUNTED_BODY_BYTES_MAX);
    assert!(API_BODY_BYTES_MAX <= API_BODIES_BYTES_MAX);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(check_settings(&default_settings()), []);
    }

    /// A number without a range would be judged as 0, and a name without a number too.
    #[test]
    fn every_number_has_a_range_and_every_range_a_number() {
        let settings = serde_json::to_value(default_settings()).unwrap();
        let numbers = settings.as_object().unwrap().iter().filter(|(_, value)| value.is_u64());
        let numbers: Vec<_> = numbers.map(|(name, _)| name.as_str()).collect();
        let ranges: Vec<_> = SETTING_RANGES.iter().map(|range| range.name).collect();
        assert_eq!(numbers, ranges);
    }

    #[test]
    fn every_bad_member_is_named_with_its_range() {
        let mut settings = default_settings();
        settings.max_concurrent_hunts = 0;
        settings.live_query_window_s = 601;
        settings.host_offline_s = 10;
        settings.denied_tables = vec!["cur*".into()];
        settings.denied_columns = vec!["path".into()];
        let errors = check_settings(&settings);
        let fields: Vec<_> = errors.iter().map(|error| &*error.field).collect();
        assert_eq!(
            fields,
            [
                "max_concurrent_hunts",
                "live_query_window_s",
                "host_offline_s",
                "denied_tables",
                "denied_columns"
            ]
        );
        assert!(errors[1].message.contains("10 to 600"));
    }
}
