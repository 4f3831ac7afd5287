// SPDX-License-Identifier: Apache-2.0
//! `kernel_modules`: the loaded modules of the kernel, as `/proc/modules` lists them. A kernel
//! without modules has no rows. Addresses are zeros for whoever may not see them.

use std::path::Path;

use super::{Column, Scan, Table, TableError, bigint, read, text};
use crate::limits::PROC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct KernelModules;

const COLUMNS: &[Column] =
    &[text("name"), bigint("size"), text("used_by"), text("status"), text("address")];

impl Table for KernelModules {
    fn name(&self) -> &'static str {
        "kernel_modules"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let modules = read::text_if_exists(Path::new("/proc/modules"), PROC_FILE_BYTES_MAX)
            .map_err(|error| scan.unreadable(error))?;
        for module in modules.lines().filter_map(Module::parse) {
            let row = scan
                .row()
                .set("name", module.name)
                .set("size", module.size)
                .set("used_by", module.used_by)
                .set("status", module.status)
                .set("address", module.address);
            scan.push(row)?;
        }
        Ok(())
    }
}

/// One line of the list.
#[derive(Debug, PartialEq)]
struct Module<'l> {
    name: &'l str,
    size: u64,
    /// Modules that need it, with commas between; `-` for none.
    used_by: &'l str,
    status: &'l str,
    address: &'l str,
}

impl<'l> Module<'l> {
    fn parse(line: &'l str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let (name, size) = (words.next()?, words.next()?.parse().ok()?);
        let _count = words.next()?;
        let used_by = words.next()?;
        let used_by = used_by.strip_suffix(',').unwrap_or(used_by);
        Some(Self { name, size, used_by, status: words.next()?, address: words.next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::Module;

    #[test]
    fn a_line_of_the_list() {
        let line = "nf_nat 61440 2 xt_MASQUERADE,iptable_nat, Live 0xffffffffc0a0 (OE)";
        let expected = Module {
            name: "nf_nat",
            size: 61_440,
            used_by: "xt_MASQUERADE,iptable_nat",
            status: "Live",
            address: "0xffffffffc0a0",
        };
        assert_eq!(Module::parse(line), Some(expected));
        assert_eq!(Module::parse("loop 40960 0 - Live 0x0").unwrap().used_by, "-");
        for line in ["", "loop", "loop x 0 - Live 0x0", "loop 40960 0 - Live"] {
            assert_eq!(Module::parse(line), None, "{line}");
        }
    }
}
