// SPDX-License-Identifier: Apache-2.0
//! The machine that was measured on, in the words of `/proc`.

use serde_json::{Value, json};

/// Processor, memory, kernel; what cannot be found out is `null`.
pub fn describe() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = field(&read("/proc/cpuinfo"), "model name");
    let memory = field(&read("/proc/meminfo"), "MemTotal");
    let memory_mib = memory.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
    json!({
        "cpu": cpu,
        "cores": std::thread::available_parallelism().map(usize::from).ok(),
        "memory_mib": memory_mib.map(|kib| kib / 1024),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
    })
}

/// The value of the first line `name : value`.
fn field(text: &str, name: &str) -> Option<String> {
    let of = |line: &str| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    };
    text.lines().find_map(of)
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn the_first_line_of_a_name_counts() {
        let text = "processor\t: 0\nmodel name\t: X 1: Y\n\nmodel name\t: Z\n";
        assert_eq!(field(text, "model name").as_deref(), Some("X 1: Y"));
        assert_eq!(field(text, "flags"), None);
    }
}
