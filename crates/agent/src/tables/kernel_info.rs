// SPDX-License-Identifier: Apache-2.0
//! `kernel_info`: the running kernel and how it was started.

use std::path::Path;

use super::{Column, Scan, Table, TableError, read, text};
use crate::limits::PROC_FILE_BYTES_MAX;

/// See the head of this file.
pub struct KernelInfo;

const COLUMNS: &[Column] =
    &[text("version").collate("version"), text("arguments"), text("path"), text("device")];

impl Table for KernelInfo {
    fn name(&self) -> &'static str {
        "kernel_info"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let file = |path| read::text(Path::new(path), PROC_FILE_BYTES_MAX).unwrap_or_default();
        let version = file("/proc/version").split_whitespace().nth(2).map(str::to_owned);
        let boot = Boot::parse(&file("/proc/cmdline"));
        let row = scan
            .row()
            .set("version", version)
            .set("arguments", boot.arguments)
            .set("path", boot.path)
            .set("device", boot.device);
        scan.push(row)
    }
}

/// The kernel's command line, taken apart.
#[derive(Debug, Default, PartialEq)]
struct Boot {
    arguments: String,
    path: Option<String>,
    device: Option<String>,
}

impl Boot {
    fn parse(line: &str) -> Self {
        let mut boot = Self::default();
        let mut arguments = Vec::new();
        for word in line.split_whitespace() {
            if let Some(path) = word.strip_prefix("BOOT_IMAGE=") {
                boot.path = Some(path.to_owned());
            } else if let Some(device) = word.strip_prefix("root=") {
                boot.device = Some(device.to_owned());
            } else {
                arguments.push(word);
            }
        }
        boot.arguments = arguments.join(" ");
        boot
    }
}

#[cfg(test)]
mod tests {
    use super::Boot;

    #[test]
    fn image_and_root_are_columns_of_their_own() {
        let boot = Boot::parse("BOOT_IMAGE=/vmlinuz root=UUID=1-2 ro quiet\n");
        assert_eq!(boot.arguments, "ro quiet");
        assert_eq!(boot.path.as_deref(), Some("/vmlinuz"));
        assert_eq!(boot.device.as_deref(), Some("UUID=1-2"));
        assert_eq!(Boot::parse(""), Boot::default());
    }
}
