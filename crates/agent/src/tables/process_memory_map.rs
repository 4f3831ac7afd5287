// SPDX-License-Identifier: Apache-2.0
//! `process_memory_map`: what is mapped into the memory of processes (`proc_pid_maps(5)`).
//!
//! `path` is all that the kernel writes: osquery cuts it at the first blank, which loses the
//! rest of a name and the ` (deleted)` of a file that was replaced under a running process.

use super::{Column, Scan, Table, TableError, bigint, integer, proc, text};
use crate::limits::MAPS_BYTES_MAX;

/// See the head of this file.
pub struct ProcessMemoryMap;

const COLUMNS: &[Column] = &[
    integer("pid").index(),
    text("start"),
    text("end"),
    text("permissions"),
    bigint("offset"),
    text("device"),
    integer("inode"),
    text("path"),
    integer("pseudo"),
];

impl Table for ProcessMemoryMap {
    fn name(&self) -> &'static str {
        "process_memory_map"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for pid in proc::pids(scan)? {
            scan.check()?;
            let Some(maps) = proc::bytes(scan, pid, "maps", MAPS_BYTES_MAX)? else { continue };
            let maps = String::from_utf8_lossy(&maps);
            for mapping in maps.lines().filter_map(Mapping::parse) {
                let row = scan
                    .row()
                    .set("pid", pid)
                    .set("start", format!("0x{}", mapping.start))
                    .set("end", format!("0x{}", mapping.end))
                    .set("permissions", mapping.permissions)
                    .set("offset", mapping.offset)
                    .set("device", mapping.device)
                    .set("inode", mapping.inode)
                    .set("path", mapping.path)
                    .set("pseudo", mapping.is_pseudo());
                scan.push(row)?;
            }
        }
        Ok(())
    }
}

/// One line of the list.
#[derive(Debug, PartialEq)]
struct Mapping<'l> {
    start: &'l str,
    end: &'l str,
    permissions: &'l str,
    /// -1 when the kernel wrote something else than a number, as in osquery.
    offset: i64,
    device: &'l str,
    inode: u64,
    path: &'l str,
}

impl<'l> Mapping<'l> {
    fn parse(line: &'l str) -> Option<Self> {
        let mut rest = line;
        let mut field = || {
            let (field, after) = rest.split_once(' ').unwrap_or((rest, ""));
            rest = after;
            (!field.is_empty()).then_some(field)
        };
        let (start, end) = field()?.split_once('-')?;
        let (permissions, offset, device) = (field()?, field()?, field()?);
        let inode = field()?.parse().ok()?;
        let offset = u64::from_str_radix(offset, 16).map_or(-1, u64::cast_signed);
        Some(Self { start, end, permissions, offset, device, inode, path: rest.trim_start() })
    }

    /// A name that is no file, such as `[heap]`.
    fn is_pseudo(&self) -> bool {
        self.inode == 0 && !self.path.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Mapping;

    #[test]
    fn lines_with_and_without_a_path() {
        let line = "7f00-7f10 r-xp 00001000 fe:01 1234        /usr/lib/a b.so (deleted)";
        let mapping = Mapping::parse(line).unwrap();
        assert_eq!((mapping.start, mapping.end, mapping.permissions), ("7f00", "7f10", "r-xp"));
        assert_eq!((mapping.offset, mapping.device, mapping.inode), (4_096, "fe:01", 1_234));
        assert_eq!((mapping.path, mapping.is_pseudo()), ("/usr/lib/a b.so (deleted)", false));
        let nameless = Mapping::parse("7f00-7f10 rw-p 00000000 00:00 0 ").unwrap();
        assert_eq!((nameless.path, nameless.is_pseudo()), ("", false));
        assert!(Mapping::parse("7f00-7f10 rw-p 0 00:00 0      [heap]").unwrap().is_pseudo());
    }

    #[test]
    fn broken_lines_are_passed_over() {
        for line in ["", "7f00", "7f00-7f10", "7f00-7f10 rw-p 0 00:00", "a-b r 0 0:0 x /p"] {
            assert_eq!(Mapping::parse(line), None, "{line}");
        }
        assert_eq!(Mapping::parse("a-b r zz 0:0 1 /p").unwrap().offset, -1);
    }
}
