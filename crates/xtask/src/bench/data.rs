// SPDX-License-Identifier: Apache-2.0
//! Rows as hosts send them: eight columns of a list of processes, about 200 bytes a row, that
//! differ from host to host and compress like the real ones.

use mimir_server::rows::{Chunk, RowCaps, RowWriter};

/// Rows of an ordinary answer.
pub const ROWS: u64 = 40;
/// No cap.
pub const WIDE: RowCaps = RowCaps { rows: u64::MAX, bytes: u64::MAX };

const NAMES: [&str; 12] = [
    "systemd",
    "sshd",
    "nginx",
    "postgres",
    "node",
    "python3",
    "bash",
    "cron",
    "rsyslogd",
    "containerd",
    "dbus-daemon",
    "kworker",
];
const FOLDERS: [&str; 6] =
    ["/usr/lib/systemd", "/usr/sbin", "/usr/bin", "/opt/app/bin", "/usr/libexec", "/home/svc"];

/// Numbers that look like chance and are the same each time.
fn mixed(seed: u64) -> u64 {
    let seed = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let seed = (seed ^ (seed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    seed ^ (seed >> 31)
}

/// One row of a host, as compact JSON.
pub fn row(host: u64, n: u64) -> String {
    let chance = mixed(host.wrapping_mul(1_000_003).wrapping_add(n));
    let name = NAMES[usize::try_from(chance % 12).unwrap_or(0)];
    let folder = FOLDERS[usize::try_from((chance >> 8) % 6).unwrap_or(0)];
    let (pid, uid) = (n * 7 + chance % 7, [0, 0, 0, 33, 999, 1000][(chance >> 16) as usize % 6]);
    let (size, start) = ((chance >> 20) % 900_000_000, 1_700_000_000 + (chance >> 40) % 9_999_999);
    format!(
        "{{\"pid\":\"{pid}\",\"name\":\"{name}\",\"path\":\"{folder}/{name}\",\
         \"cmdline\":\"{folder}/{name} --config /etc/{name}/{}.conf -w {}\",\"cwd\":\"/\",\
         \"uid\":\"{uid}\",\"resident_size\":\"{size}\",\"start_time\":\"{start}\"}}",
        chance % 97,
        chance % 5
    )
}

/// The rows of a host with commas between them.
pub fn rows(host: u64, count: u64) -> String {
    let mut text = String::new();
    for n in 0..count {
        text.push_str(if n == 0 { "" } else { "," });
        text.push_str(&row(host, n));
    }
    text
}

/// The same rows as they are stored.
pub fn chunks(host: u64, count: u64) -> anyhow::Result<Vec<Chunk>> {
    let mut writer = RowWriter::new(WIDE);
    for n in 0..count {
        writer.push(row(host, n).as_bytes());
    }
    Ok(writer.finish()?.chunks)
}

/// The body of an answer with these rows under the id of an offer.
pub fn body(node_key: &str, id: &str, rows: &str) -> Vec<u8> {
    format!(
        "{{\"queries\":{{\"{id}\":[{rows}]}},\"statuses\":{{\"{id}\":0}},\"messages\":{{\"{id}\":\
         \"\"}},\"stats\":{{\"{id}\":{{\"wall_time_ms\":12,\"user_time\":7,\"system_time\":3,\
         \"memory\":65536}}}},\"node_key\":\"{node_key}\"}}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_differ_and_are_stored() {
        assert_ne!(rows(1, 40), rows(2, 40));
        let read: Vec<serde_json::Map<String, serde_json::Value>> =
            serde_json::from_str(&format!("[{}]", rows(7, 40))).unwrap();
        assert!(read.iter().all(|row| row.len() == 8));
        assert_eq!(chunks(7, 1500).unwrap().len(), 2);
        assert!(serde_json::from_slice::<serde_json::Value>(&body("k", "i", "{}")).is_ok());
    }
}
