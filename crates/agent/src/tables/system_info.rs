// SPDX-License-Identifier: Apache-2.0
//! `system_info`: the machine: names, processor, memory, what the firmware says of it.

use std::collections::BTreeSet;
use std::path::Path;

use nix::unistd::{SysconfVar, sysconf};

use super::{Column, Scan, Table, TableError, bigint, integer, read, text};
use crate::host::dmi;
use crate::limits::PROC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct SystemInfo;

const COLUMNS: &[Column] = &[
    text("hostname"),
    text("uuid").nocase(),
    text("cpu_type"),
    text("cpu_subtype"),
    text("cpu_brand"),
    integer("cpu_physical_cores"),
    integer("cpu_logical_cores"),
    integer("cpu_sockets"),
    text("cpu_microcode"),
    bigint("physical_memory"),
    text("hardware_vendor"),
    text("hardware_model"),
    text("hardware_version"),
    text("hardware_serial"),
    text("board_vendor"),
    text("board_model"),
    text("board_version"),
    text("board_serial"),
    text("computer_name"),
    text("local_hostname"),
    text("emulated_cpu_type").hidden(),
];

impl Table for SystemInfo {
    fn name(&self) -> &'static str {
        "system_info"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let host = scan.host();
        let cpuinfo = read::text(Path::new("/proc/cpuinfo"), PROC_FILE_BYTES_MAX);
        let cpu = Cpu::parse(&cpuinfo.unwrap_or_default());
        let uname = nix::sys::utsname::uname().ok();
        let virtual_serial = host.identity.virtual_host.as_ref().map(|host| host.serial.clone());
        let row = scan
            .row()
            .set("hostname", host.hostname())
            .set("uuid", host.identity.uuid.as_str())
            .set("cpu_type", uname.as_ref().map(|uname| uname.machine()))
            .set("cpu_subtype", cpu.model)
            .set("cpu_brand", cpu.brand)
            .set("cpu_physical_cores", cpu.physical_cores)
            .set("cpu_logical_cores", cpu.logical_cores)
            .set("cpu_sockets", cpu.sockets)
            .set("cpu_microcode", cpu.microcode)
            .set("physical_memory", physical_memory())
            .set("hardware_vendor", dmi("sys_vendor"))
            .set("hardware_model", dmi("product_name"))
            .set("hardware_version", dmi("product_version"))
            .set("hardware_serial", virtual_serial.or_else(|| dmi("product_serial")))
            .set("board_vendor", dmi("board_vendor"))
            .set("board_model", dmi("board_name"))
            .set("board_version", dmi("board_version"))
            .set("board_serial", dmi("board_serial"))
            .set("computer_name", host.computer_name())
            .set("local_hostname", host.computer_name());
        scan.push(row)
    }
}

/// Bytes of memory that the kernel manages.
fn physical_memory() -> Option<i64> {
    let pages = sysconf(SysconfVar::_PHYS_PAGES).ok()??;
    let page = sysconf(SysconfVar::PAGE_SIZE).ok()??;
    Some(pages * page)
}

/// What `/proc/cpuinfo` says.
#[derive(Debug, Default, PartialEq)]
struct Cpu {
    brand: Option<String>,
    model: Option<String>,
    microcode: Option<String>,
    logical_cores: usize,
    physical_cores: usize,
    sockets: usize,
}

impl Cpu {
    fn parse(cpuinfo: &str) -> Self {
        let mut cpu = Self::default();
        let mut cores = BTreeSet::new();
        let mut sockets = BTreeSet::new();
        let mut socket = "0".to_owned();
        for line in cpuinfo.lines() {
            let Some((name, value)) = line.split_once(':') else { continue };
            let value = value.trim().to_owned();
            match name.trim() {
                "processor" => cpu.logical_cores += 1,
                "model name" => cpu.brand = cpu.brand.or(Some(value)),
                "model" => cpu.model = cpu.model.or(Some(value)),
                "microcode" => cpu.microcode = cpu.microcode.or(Some(value)),
                "physical id" => {
                    socket.clone_from(&value);
                    sockets.insert(value);
                }
                "core id" => drop(cores.insert((socket.clone(), value))),
                _ => {}
            }
        }
        // Virtual and ARM machines name neither sockets nor cores.
        cpu.physical_cores = if cores.is_empty() { cpu.logical_cores } else { cores.len() };
        cpu.sockets = sockets.len().max(1);
        cpu
    }
}

#[cfg(test)]
mod tests {
    use super::Cpu;

    #[test]
    fn threads_of_a_core_count_once() {
        let one = |processor, socket, core| {
            format!(
                "processor\t: {processor}\nmodel\t\t: 85\nmodel name\t: Xeon\n\
                 physical id\t: {socket}\ncore id\t\t: {core}\n\n"
            )
        };
        let text = [one(0, 0, 0), one(1, 0, 0), one(2, 1, 0), one(3, 1, 1)].concat();
        let cpu = Cpu::parse(&text);
        assert_eq!((cpu.logical_cores, cpu.physical_cores, cpu.sockets), (4, 3, 2));
        assert_eq!((cpu.brand.as_deref(), cpu.model.as_deref()), (Some("Xeon"), Some("85")));
    }

    #[test]
    fn machines_that_name_no_cores() {
        let cpu = Cpu::parse("processor : 0\nBogoMIPS : 48\nprocessor : 1\n");
        assert_eq!((cpu.logical_cores, cpu.physical_cores, cpu.sockets), (2, 2, 1));
    }
}
