// SPDX-License-Identifier: Apache-2.0
//! `secureboot`: whether the firmware starts only what is signed. A machine without UEFI, or
//! without its variables mounted, has a row without content.

use std::io::Read;
use std::path::Path;

use super::{Column, Scan, Table, TableError, integer, read, text};

/// See the head of this file.
pub struct Secureboot;

const COLUMNS: &[Column] = &[
    integer("secure_boot"),
    integer("secure_mode").hidden(),
    text("description").hidden(),
    integer("kernel_extensions").hidden(),
    integer("mdm_operations").hidden(),
    integer("setup_mode"),
];

/// Where the kernel shows the firmware's variables.
const EFIVARS: &str = "/sys/firmware/efi/efivars";
/// The vendor of variables that the specification defines (`EFI_GLOBAL_VARIABLE`).
const GLOBAL_VARIABLE: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// Bytes of attributes before the content of a variable.
const ATTRIBUTES: usize = 4;

impl Table for Secureboot {
    fn name(&self) -> &'static str {
        "secureboot"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let variables = Path::new(EFIVARS);
        let row = scan
            .row()
            .set("secure_boot", flag(variables, "SecureBoot"))
            .set("setup_mode", flag(variables, "SetupMode"));
        scan.push(row)
    }
}

/// 0 or 1, or -1 for a content that means neither; `None` where there is no such variable.
fn flag(variables: &Path, name: &str) -> Option<i32> {
    let mut content = [0; ATTRIBUTES + 1];
    let mut file = read::open(&variables.join(format!("{name}-{GLOBAL_VARIABLE}"))).ok()?;
    file.read_exact(&mut content).ok()?;
    Some(match content[ATTRIBUTES] {
        value @ (0 | 1) => value.into(),
        _ => -1,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifth_byte_tells() {
        let directory = tempfile::tempdir().unwrap();
        let write = |content: &[u8]| {
            let name = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
            std::fs::write(directory.path().join(name), content).unwrap();
            flag(directory.path(), "SecureBoot")
        };
        assert_eq!(write(&[6, 0, 0, 0, 1]), Some(1));
        assert_eq!(write(&[6, 0, 0, 0, 0, 9]), Some(0));
        assert_eq!(write(&[6, 0, 0, 0, 7]), Some(-1));
        assert_eq!(write(&[6, 0, 0, 0]), None);
        assert_eq!(flag(directory.path(), "SetupMode"), None);
    }
}
