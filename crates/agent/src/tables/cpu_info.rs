// SPDX-License-Identifier: Apache-2.0
//! `cpu_info`: the processors, one row a socket, as the firmware describes them (SMBIOS type
//! 4). Speeds are in MHz.
//!
//! Many virtual and ARM machines have no such description, and others hide it from all but
//! root; osquery has no rows there. Here `/proc/cpuinfo` stands in: what it does not tell (the
//! status, the socket's name) stays empty.

use std::path::Path;

use super::smbios::{self, Structure};
use super::{Column, Scan, Table, TableError, integer, read, text};
use crate::limits::PROC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct CpuInfo;

const COLUMNS: &[Column] = &[
    text("device_id"),
    text("model"),
    text("manufacturer"),
    text("processor_type"),
    integer("cpu_status"),
    text("number_of_cores"),
    integer("logical_processors"),
    text("address_width"),
    integer("current_clock_speed"),
    integer("max_clock_speed"),
    text("socket_designation"),
    text("availability").hidden(),
    integer("load_percentage").hidden(),
    integer("number_of_efficiency_cores").hidden(),
    integer("number_of_performance_cores").hidden(),
];

const PROCESSOR: u8 = 4;
/// The type of a central processor.
const CENTRAL: u8 = 3;
/// A count that does not fit its byte; a word further on has it.
const COUNT_ELSEWHERE: u8 = 0xff;
/// The characteristic "64-bit capable".
const IS_64_BIT: u16 = 1 << 2;
const MAX_FREQUENCY: &str = "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq";

impl Table for CpuInfo {
    fn name(&self) -> &'static str {
        "cpu_info"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let structures = smbios::structures();
        let mut processors: Vec<Processor> =
            structures.iter().filter_map(Processor::of_firmware).collect();
        if processors.is_empty() {
            let cpuinfo = read::text(Path::new("/proc/cpuinfo"), PROC_FILE_BYTES_MAX);
            processors = of_cpuinfo(&cpuinfo.unwrap_or_default(), max_frequency());
        }
        let mut number = 0;
        for processor in processors {
            let device_id = friendly_name(processor.kind).map(|name| format!("{name}{number}"));
            number += i32::from(device_id.is_some());
            let row = scan
                .row()
                .set("device_id", device_id)
                .set("model", processor.model)
                .set("manufacturer", processor.manufacturer)
                .set("processor_type", i32::from(processor.kind))
                .set("cpu_status", processor.status.map(i32::from))
                .set("number_of_cores", processor.cores)
                .set("logical_processors", processor.threads)
                .set("address_width", processor.width)
                .set("current_clock_speed", processor.speed)
                .set("max_clock_speed", processor.max_speed)
                .set("socket_designation", processor.socket);
            scan.push(row)?;
        }
        Ok(())
    }
}

fn friendly_name(kind: u8) -> Option<&'static str> {
    match kind {
        CENTRAL => Some("CPU"),
        4 => Some("MATH"),
        5 => Some("DSP"),
        6 => Some("GPU"),
        _ => None,
    }
}

/// A row.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Processor {
    kind: u8,
    model: Option<String>,
    manufacturer: Option<String>,
    status: Option<u8>,
    cores: Option<u32>,
    threads: Option<u32>,
    width: Option<i32>,
    speed: Option<u32>,
    max_speed: Option<u32>,
    socket: Option<String>,
}

impl Processor {
    /// Offsets of DSP0134, 7.5.
    fn of_firmware(structure: &Structure) -> Option<Self> {
        if structure.kind != PROCESSOR {
            return None;
        }
        let text = |at| structure.string(at).map(str::to_owned);
        let count = |narrow, wide| match structure.byte(narrow)? {
            COUNT_ELSEWHERE => Some(structure.word(wide).unwrap_or(COUNT_ELSEWHERE.into()).into()),
            count => Some(count.into()),
        };
        let width = |traits: u16| if traits & IS_64_BIT == 0 { 32 } else { 64 };
        Some(Self {
            kind: structure.byte(0x05)?,
            model: text(0x10),
            manufacturer: text(0x07),
            status: structure.byte(0x18),
            cores: count(0x23, 0x2a),
            threads: count(0x25, 0x2e),
            width: structure.word(0x26).map(width),
            speed: structure.word(0x16).map(u32::from),
            max_speed: structure.word(0x14).map(u32::from),
            socket: text(0x04),
        })
    }
}

/// The sockets that `/proc/cpuinfo` tells apart; all processors are in one where it does not.
fn of_cpuinfo(cpuinfo: &str, max_speed: Option<u32>) -> Vec<Processor> {
    let mut sockets: Vec<(&str, Processor)> = Vec::new();
    for block in cpuinfo.split("\n\n") {
        let field = |name: &str| {
            let value = |line: &'_ str| {
                let (found, value) = line.split_once(':')?;
                (found.trim() == name).then(|| value.trim().to_owned())
            };
            block.lines().find_map(value)
        };
        if field("processor").is_none() {
            continue;
        }
        let socket = block.lines().find(|line| line.starts_with("physical id")).unwrap_or("");
        if let Some((_, known)) = sockets.iter_mut().find(|(name, _)| *name == socket) {
            known.threads = known.threads.map(|threads| threads + 1);
            continue;
        }
        // x86 lists the flag "lm"; the other architectures say it by their name.
        let is_wide = field("flags").map(|flags| flags.split(' ').any(|flag| flag == "lm"));
        let is_wide = is_wide.unwrap_or(cfg!(target_pointer_width = "64"));
        let megahertz = field("cpu MHz").and_then(|text| text.split('.').next()?.parse().ok());
        let processor = Processor {
            kind: CENTRAL,
            model: field("model name"),
            manufacturer: field("vendor_id"),
            status: None,
            cores: field("cpu cores").and_then(|text| text.parse().ok()),
            threads: Some(1),
            width: Some(if is_wide { 64 } else { 32 }),
            speed: megahertz,
            max_speed,
            socket: None,
        };
        sockets.push((socket, processor));
    }
    sockets.into_iter().map(|(_, processor)| processor).collect()
}

/// MHz, from the kernel's kHz.
fn max_frequency() -> Option<u32> {
    let text = read::text(Path::new(MAX_FREQUENCY), PROC_FILE_BYTES_MAX).ok()?;
    Some(text.trim().parse::<u32>().ok()? / 1_000)
}

#[cfg(test)]
mod tests {
    use super::super::smbios::tests::{structure, written};
    use super::*;

    /// The fixed part after the header, with bytes at offsets of the whole structure.
    fn firmware(length: usize, bytes: &[(usize, u8)]) -> Structure {
        let mut fixed = vec![0; length - 4];
        for (at, byte) in bytes {
            fixed[at - 4] = *byte;
        }
        structure(&written(PROCESSOR, &fixed, &["Socket 1", "Acme", "Fast 9000"]))
    }

    #[test]
    fn a_processor_of_the_firmware() {
        let bytes = [
            (0x04, 1),
            (0x05, 3),
            (0x07, 2),
            (0x10, 3),
            (0x14, 0xa0),
            (0x15, 0x0f),
            (0x16, 0xc4),
            (0x17, 0x09),
            (0x18, 0x41),
            (0x23, 8),
            (0x25, 0xff),
            (0x26, 0x04),
            (0x2f, 1),
        ];
        let found = Processor::of_firmware(&firmware(0x30, &bytes)).unwrap();
        let expected = Processor {
            kind: CENTRAL,
            model: Some("Fast 9000".to_owned()),
            manufacturer: Some("Acme".to_owned()),
            status: Some(0x41),
            cores: Some(8),
            threads: Some(256),
            width: Some(64),
            speed: Some(2_500),
            max_speed: Some(4_000),
            socket: Some("Socket 1".to_owned()),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn older_firmware_says_less() {
        let found = Processor::of_firmware(&firmware(0x1a, &[(0x05, 3), (0x04, 9)])).unwrap();
        assert_eq!((found.cores, found.width, found.socket), (None, None, None));
        assert_eq!(Processor::of_firmware(&structure(&written(PROCESSOR, &[], &[]))), None);
        assert_eq!(Processor::of_firmware(&structure(&written(17, &[0; 40], &[]))), None);
    }

    #[test]
    fn sockets_of_the_kernel() {
        let one = |processor, socket| {
            format!(
                "processor\t: {processor}\nvendor_id\t: Acme\nmodel name\t: Fast: 9000\n\
                 cpu MHz\t\t: 2596.122\nphysical id\t: {socket}\ncpu cores\t: 2\n\
                 flags\t\t: fpu lm\n\n"
            )
        };
        let text = [one(0, 0), one(1, 0), one(2, 1)].concat();
        let found = of_cpuinfo(&text, Some(4_000));
        let threads: Vec<_> = found.iter().map(|processor| processor.threads).collect();
        assert_eq!(threads, [Some(2), Some(1)]);
        assert_eq!(
            (found[0].cores, found[0].speed, found[0].width),
            (Some(2), Some(2_596), Some(64))
        );
        assert_eq!(found[0].model.as_deref(), Some("Fast: 9000"));
        let bare = of_cpuinfo("processor : 0\n\nprocessor : 1\n\nHardware : x\n", None);
        assert_eq!((bare.len(), bare[0].threads), (1, Some(2)));
        assert!(of_cpuinfo("", None).is_empty());
    }
}
