// SPDX-License-Identifier: Apache-2.0
//! `osquery_flags`: the flags of osquery that mean something to this agent, with osquery's
//! defaults and the values in effect here: set by the command line or the configuration, or what
//! this agent does in their place. Never a secret, only where it lies.

use super::{Column, Scan, Table, TableError, integer, text};

/// See the head of this file.
pub struct OsqueryFlags;

const COLUMNS: &[Column] = &[
    text("name"),
    text("type"),
    text("description"),
    text("default_value"),
    text("value"),
    integer("shell_only"),
];

/// A flag. Its type is that of its default.
struct Flag {
    name: &'static str,
    default: &'static str,
    /// The value in effect when nobody set it.
    own: &'static str,
    description: &'static str,
}

const fn flag(name: &'static str, default: &'static str, description: &'static str) -> Flag {
    Flag { name, default, own: default, description }
}

impl Flag {
    /// This agent does otherwise than osquery by default.
    const fn own(mut self, own: &'static str) -> Self {
        self.own = own;
        self
    }
}

const FLAGS: [Flag; 37] = [
    flag("buffered_log_max", "1000000", "Log lines that may wait for the server"),
    flag("config_accelerated_refresh", "300", "Seconds to the next fetch after a failed one")
        .own("60"),
    flag("config_plugin", "filesystem", "Where the configuration comes from").own("tls"),
    flag("config_refresh", "0", "Seconds between fetches of the configuration").own("300"),
    flag("decorations_top_level", "false", "Put decorations beside the members of a line"),
    flag("disable_carver", "true", "Copy no files to the server"),
    flag("disable_decorators", "false", "Add no decorations to lines"),
    flag("disable_distributed", "true", "Take no queries from the server").own("false"),
    flag("disable_events", "false", "Publish no events").own("true"),
    flag("disable_extensions", "false", "Take no extensions").own("true"),
    flag("distributed_denylist_duration", "86400", "Seconds for which a fatal query is refused"),
    flag("distributed_interval", "60", "Seconds between requests for queries"),
    flag("distributed_plugin", "tls", "Where queries come from"),
    flag("enroll_secret_path", "", "File with the secret that admits the host"),
    flag("enroll_tls_endpoint", "", "Path of enrolment on the server"),
    flag("hash_delay", "20", "Milliseconds between files that are hashed").own("0"),
    flag("host_identifier", "hostname", "What the host calls itself").own("uuid"),
    flag("logger_event_type", "true", "Log each changed row as a line"),
    flag("logger_min_status", "0", "Least severity of status lines that are logged"),
    flag("logger_numerics", "false", "Log numbers as numbers"),
    flag("logger_plugin", "filesystem", "Where log lines go").own("tls"),
    flag("logger_snapshot_event_type", "false", "Log each row of a snapshot as a line"),
    flag("logger_tls_backoff_max", "3600", "Longest wait in seconds after failed requests"),
    flag("logger_tls_compress", "false", "Compress log lines on their way"),
    flag("logger_tls_max_lines", "1024", "Log lines in one request"),
    flag("logger_tls_max_linesize", "1048576", "Bytes in one log line"),
    flag("logger_tls_period", "4", "Seconds between requests with log lines"),
    flag("pack_delimiter", "_", "What stands between the parts of a query's name"),
    flag("pack_refresh_interval", "3600", "Seconds for which discovery queries hold"),
    flag("read_max", "52428800", "Bytes of the largest file that is read"),
    flag("schedule_default_interval", "3600", "Seconds between runs of a scheduled query"),
    flag("schedule_epoch", "0", "A new number makes scheduled queries report everything"),
    flag("schedule_splay_percent", "10", "Percent by which intervals differ between hosts"),
    flag("specified_identifier", "", "Name of the host when host_identifier is specified"),
    flag("tls_disable_status_log", "false", "Keep status lines on the host"),
    flag("tls_hostname", "", "The server, with its port"),
    flag("tls_server_certs", "", "File with the authorities that are trusted"),
];

impl Table for OsqueryFlags {
    fn name(&self) -> &'static str {
        "osquery_flags"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for flag in &FLAGS {
            let value = scan.host().facts.flag(flag.name);
            let row = scan
                .row()
                .set("name", flag.name)
                .set("type", kind(flag.default))
                .set("description", flag.description)
                .set("default_value", flag.default)
                .set("value", value.unwrap_or_else(|| flag.own.to_owned()))
                .set("shell_only", 0);
            scan.push(row)?;
        }
        Ok(())
    }
}

/// osquery's word for the type of a flag with this default.
fn kind(default: &str) -> &'static str {
    match default {
        "true" | "false" => "bool",
        _ if default.parse::<u64>().is_ok() => "uint64",
        _ => "string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_in_order_and_once() {
        assert!(FLAGS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn types_are_those_of_the_defaults() {
        assert_eq!([kind("true"), kind("60"), kind("")], ["bool", "uint64", "string"]);
    }
}
