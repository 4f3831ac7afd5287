// SPDX-License-Identifier: Apache-2.0
//! The records of logins that the C library and its users keep in `/run/utmp` and
//! `/var/log/wtmp` (`utmp(5)`): binary, of fixed size, in the byte order of the machine.
//!
//! The size depends on the architecture: most 64-bit ones keep the 32-bit times of their older
//! siblings, others have times of 64 bits. Fields are taken from their offsets, so that any
//! content is a record and none is dangerous. Hosts whose login program keeps no such file,
//! and writes elsewhere (systemd, wtmpdb), have no records.

use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;

use super::record::{text_at, u16_at, u32_at, u64_at};
use super::{Scan, TableError, read};
use crate::limits::UTMP_BYTES_MAX;

/// `USER_PROCESS`: somebody is logged in.
pub const USER_PROCESS: i16 = 7;
/// `DEAD_PROCESS`: a login has ended.
pub const DEAD_PROCESS: i16 = 8;

/// Records between two looks at the clock.
const RECORDS_A_CHECK: u64 = 1_000;

/// Where the fields after the fixed part are, and how large a record is.
#[derive(Debug, Clone, Copy)]
struct Layout {
    record_bytes: usize,
    time_at: usize,
    time_bytes: usize,
}

/// Times of 32 bits: x86, s390, POWER, RISC-V and all 32-bit architectures.
const NARROW: Layout = Layout { record_bytes: 384, time_at: 340, time_bytes: 4 };
/// Times of 64 bits: the 64-bit architectures without an older sibling.
const WIDE: Layout = Layout { record_bytes: 400, time_at: 344, time_bytes: 8 };
/// The layout of this machine.
const LAYOUT: Layout =
    if cfg!(any(target_arch = "aarch64", target_arch = "loongarch64")) { WIDE } else { NARROW };

/// One login, logout or other event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is, a number of `utmp(5)`.
    pub kind: i16,
    /// The process that logged in.
    pub pid: i32,
    /// The terminal, without `/dev/`.
    pub line: String,
    /// The user.
    pub user: String,
    /// Where the user came from; the kernel's release for a start of the machine.
    pub host: String,
    /// Unix seconds.
    pub time: i64,
}

/// Hands each record of a file to `take`, in the file's order. A file that does not exist has
/// none; what is left of a record at its end is passed over.
///
/// # Errors
/// When the file cannot be read, is larger than [`UTMP_BYTES_MAX`], or the query must end.
pub fn each(
    scan: &mut Scan<'_>,
    path: &Path,
    mut take: impl FnMut(&mut Scan<'_>, Record) -> Result<(), TableError>,
) -> Result<(), TableError> {
    let file = match read::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(scan.unreadable(error)),
    };
    let mut reader = BufReader::new(file);
    let mut record = vec![0; LAYOUT.record_bytes];
    let mut count = 0_u64;
    loop {
        match reader.read_exact(&mut record) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(scan.unreadable(error)),
        }
        count += 1;
        if count * LAYOUT.record_bytes as u64 > UTMP_BYTES_MAX {
            return Err(scan.too_much(format!("{UTMP_BYTES_MAX} bytes of {}", path.display())));
        }
        if count.is_multiple_of(RECORDS_A_CHECK) {
            scan.check()?;
        }
        if let Some(record) = parse(&record, LAYOUT) {
            take(scan, record)?;
        }
    }
}

/// The fields of a record: kind at 0, process at 4, terminal at 8, user at 44, host at 76.
fn parse(record: &[u8], layout: Layout) -> Option<Record> {
    let Layout { record_bytes, time_at, time_bytes } = layout;
    let record = record.get(..record_bytes)?;
    let time = match time_bytes {
        4 => u32_at(record, time_at)?.cast_signed().into(),
        _ => u64_at(record, time_at)?.cast_signed(),
    };
    Some(Record {
        kind: u16_at(record, 0)?.cast_signed(),
        pid: u32_at(record, 4)?.cast_signed(),
        line: text_at(record, 8, 32)?,
        user: text_at(record, 44, 32)?,
        host: text_at(record, 76, 256)?,
        time,
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::super::last::Last;
    use super::super::scan::tests::with_scan;
    use super::*;

    /// A record as a login program writes it.
    fn written(layout: Layout, time: i64) -> Vec<u8> {
        let mut bytes = vec![0; layout.record_bytes];
        bytes[..2].copy_from_slice(&USER_PROCESS.to_ne_bytes());
        bytes[4..8].copy_from_slice(&4_711_i32.to_ne_bytes());
        bytes[8..13].copy_from_slice(b"pts/0");
        bytes[40..44].copy_from_slice(b"ts/0");
        bytes[44..49].copy_from_slice(b"alice");
        bytes[76..87].copy_from_slice(b"203.0.113.9");
        let time = match layout.time_bytes {
            4 => i32::try_from(time).unwrap().to_ne_bytes().to_vec(),
            _ => time.to_ne_bytes().to_vec(),
        };
        bytes[layout.time_at..layout.time_at + layout.time_bytes].copy_from_slice(&time);
        bytes
    }

    #[test]
    fn both_layouts() {
        for (layout, time) in [(NARROW, 1_700_000_000), (WIDE, 5_000_000_000)] {
            let record = parse(&written(layout, time), layout).unwrap();
            assert_eq!((record.kind, record.pid, record.time), (USER_PROCESS, 4_711, time));
            assert_eq!((record.line.as_str(), record.user.as_str()), ("pts/0", "alice"));
            assert_eq!(record.host, "203.0.113.9");
        }
    }

    /// What `each` hands out.
    fn read(path: &Path) -> Result<Vec<Record>, TableError> {
        with_scan(&Last, &[], |scan| {
            let mut found = Vec::new();
            each(scan, path, |_, record| {
                found.push(record);
                Ok(())
            })?;
            Ok(found)
        })
    }

    #[test]
    fn files_that_are_cut_missing_or_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wtmp");
        assert_eq!(read(&path).unwrap(), []);
        let mut content = written(LAYOUT, 1).repeat(2);
        std::fs::write(&path, &content).unwrap();
        assert_eq!(read(&path).unwrap().len(), 2);
        content.extend([7; 100]);
        std::fs::write(&path, &content).unwrap();
        assert_eq!(read(&path).unwrap().len(), 2);
        assert!(read(directory.path()).is_err());
    }

    #[test]
    fn the_layout_is_that_of_the_machines_own_tools() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wtmp");
        std::fs::write(&path, written(LAYOUT, 1_700_000_000)).unwrap();
        for (tool, arguments) in [("last", &["-i", "-f"][..]), ("who", &[])] {
            let Ok(output) = Command::new(tool).args(arguments).arg(&path).output() else {
                continue;
            };
            let shown = String::from_utf8(output.stdout).unwrap();
            assert!(shown.contains("alice") && shown.contains("pts/0"), "{tool}: {shown}");
            if tool == "who" {
                assert!(shown.contains("203.0.113.9"), "{shown}");
            }
        }
        assert_eq!(read(&path).unwrap()[0].user, "alice");
    }

    #[test]
    fn any_bytes_are_a_record() {
        let record = parse(&[0xff; 384], NARROW).unwrap();
        assert_eq!((record.kind, record.pid, record.time), (-1, -1, -1));
        assert_eq!(record.user.chars().count(), 32);
        assert_eq!(parse(&[0; 383], NARROW), None);
        assert_eq!(parse(&[0; 384], WIDE), None);
    }
}
