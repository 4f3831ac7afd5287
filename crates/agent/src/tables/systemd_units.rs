// SPDX-License-Identifier: Apache-2.0
//! `systemd_units`: the units that systemd has loaded. Empty where systemd does not run.

use super::systemd::{Manager, UNIT};
use super::{Column, Scan, Table, TableError, bigint, text};

/// See the head of this file.
pub struct SystemdUnits;

const COLUMNS: &[Column] = &[
    text("id"),
    text("description"),
    text("load_state"),
    text("active_state"),
    text("sub_state"),
    text("unit_file_state"),
    text("following"),
    text("object_path"),
    bigint("job_id"),
    text("job_type"),
    text("job_path"),
    text("fragment_path"),
    text("user"),
    text("source_path"),
];

/// Columns that are a question of their own for each unit, and the property asked for.
const PROPERTIES: [(&str, &str); 3] = [
    ("unit_file_state", "UnitFileState"),
    ("fragment_path", "FragmentPath"),
    ("source_path", "SourcePath"),
];

impl Table for SystemdUnits {
    fn name(&self) -> &'static str {
        "systemd_units"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let Some(mut manager) = Manager::connect(scan) else { return Ok(()) };
        for unit in manager.units() {
            let mut row = scan
                .row()
                .set("id", unit.id.as_str())
                .set("description", unit.description.as_str())
                .set("load_state", unit.load_state.as_str())
                .set("active_state", unit.active_state.as_str())
                .set("sub_state", unit.sub_state.as_str())
                .set("following", unit.following.as_str())
                .set("object_path", unit.object_path.as_str())
                .set("job_id", unit.job_id)
                .set("job_type", unit.job_type.as_str())
                .set("job_path", unit.job_path.as_str());
            for (column, property) in PROPERTIES {
                if scan.wants(&[column]) {
                    row = row.set(column, manager.property(scan, &unit, UNIT, property)?);
                }
            }
            if scan.wants(&["user"]) {
                row = row.set("user", manager.user(scan, &unit)?);
            }
            scan.push(row)?;
        }
        Ok(())
    }
}
