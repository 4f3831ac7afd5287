// SPDX-License-Identifier: Apache-2.0
//! `hash`: digests of regular files. Must be narrowed by `path` or `directory`. Files over
//! [`HASH_BYTES_MAX`] and files that cannot be read have empty digests.

use std::io::Read;
use std::path::Path;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::paths::targets;
use super::{Column, NAMESPACE_COLUMN, Scan, Table, TableError, integer, read, text};
use crate::limits::HASH_BYTES_MAX;

/// See the head of this file.
pub struct Hash;

const COLUMNS: &[Column] = &[
    text("path").required().index(),
    text("directory").required(),
    text("md5").nocase(),
    text("sha1").nocase(),
    text("sha256").nocase(),
    integer(NAMESPACE_COLUMN).additional().hidden(),
    text("mount_namespace_id").hidden(),
];

/// Bytes read at a time.
const CHUNK_BYTES: usize = 64 * 1024;

impl Table for Hash {
    fn name(&self) -> &'static str {
        "hash"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        for target in targets(scan)? {
            if !target.path.metadata().is_ok_and(|found| found.is_file()) {
                continue;
            }
            let digests = Digests::of(&target.path, scan)?;
            let row = scan
                .row()
                .set("path", target.path.as_path())
                .set("directory", target.directory.as_path())
                .set("md5", digests.md5)
                .set("sha1", digests.sha1)
                .set("sha256", digests.sha256)
                .set(NAMESPACE_COLUMN, 0);
            scan.push(row)?;
        }
        Ok(())
    }
}

/// The digests that the query looks at, in hex; empty where there is none.
#[derive(Default)]
struct Digests {
    md5: String,
    sha1: String,
    sha256: String,
}

impl Digests {
    fn of(path: &Path, scan: &Scan<'_>) -> Result<Self, TableError> {
        let mut md5 = scan.wants(&["md5"]).then(Md5::new);
        let mut sha1 = scan.wants(&["sha1"]).then(Sha1::new);
        let mut sha256 = scan.wants(&["sha256"]).then(Sha256::new);
        if md5.is_none() && sha1.is_none() && sha256.is_none() {
            return Ok(Self::default());
        }
        // The file may have been replaced since it was listed, so the open one is asked again.
        let opened = read::open(path).ok().filter(|file| {
            file.metadata().is_ok_and(|found| found.is_file() && found.len() <= HASH_BYTES_MAX)
        });
        let Some(mut file) = opened else { return Ok(Self::default()) };
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut total = 0;
        loop {
            scan.check()?;
            let Ok(count) = file.read(&mut chunk) else { return Ok(Self::default()) };
            total += count as u64;
            if total > HASH_BYTES_MAX {
                return Ok(Self::default());
            }
            let bytes = &chunk[..count];
            if count == 0 {
                break;
            }
            md5.iter_mut().for_each(|state| state.update(bytes));
            sha1.iter_mut().for_each(|state| state.update(bytes));
            sha256.iter_mut().for_each(|state| state.update(bytes));
        }
        Ok(Self { md5: hex_of(md5), sha1: hex_of(sha1), sha256: hex_of(sha256) })
    }
}

fn hex_of<D: Digest>(state: Option<D>) -> String {
    state.map(|state| hex::encode(state.finalize())).unwrap_or_default()
}
