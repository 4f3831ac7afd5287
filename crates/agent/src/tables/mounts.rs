// SPDX-License-Identifier: Apache-2.0
//! `mounts`: what is mounted where, and how full it is.
//!
//! Asking a dead network mount for its size hangs in the kernel for as long as the server is
//! away. So a thread asks, with a deadline: a mount that does not answer is listed without
//! sizes, and is not asked again while the earlier call still hangs.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use nix::sys::statfs::statfs;

use super::{Column, Scan, Table, TableError, bigint, read, text};
use crate::limits::{PROC_FILE_BYTES_MAX, STATFS_WAIT_MAX};

/// See the head of this file.
pub struct Mounts;

const COLUMNS: &[Column] = &[
    text("device"),
    text("device_alias"),
    text("path"),
    text("type"),
    bigint("blocks_size"),
    bigint("blocks"),
    bigint("blocks_free"),
    bigint("blocks_available"),
    bigint("inodes"),
    bigint("inodes_free"),
    text("flags"),
];

/// Columns that only the file system itself can answer.
const SIZE_COLUMNS: [&str; 6] =
    ["blocks_size", "blocks", "blocks_free", "blocks_available", "inodes", "inodes_free"];

impl Table for Mounts {
    fn name(&self) -> &'static str {
        "mounts"
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn generate(&self, scan: &mut Scan<'_>) -> Result<(), TableError> {
        let mounts = list().map_err(|error| scan.unreadable(error))?;
        let asks = scan.wants(&SIZE_COLUMNS);
        let mut prober = Prober::default();
        for mount in mounts.lines().filter_map(Mount::parse) {
            scan.check()?;
            // Looking into an autofs mount point would mount it.
            let size = (asks && mount.kind != "autofs").then(|| prober.size(&mount.path)).flatten();
            let alias = fs::canonicalize(&mount.device).ok();
            let row = scan
                .row()
                .set("device", mount.device.as_str())
                .set(
                    "device_alias",
                    alias.as_deref().map_or(mount.device.as_str().into(), Path::to_string_lossy),
                )
                .set("path", mount.path.as_path())
                .set("type", mount.kind)
                .set("blocks_size", size.map(|size| size.block_size))
                .set("blocks", size.map(|size| size.blocks))
                .set("blocks_free", size.map(|size| size.blocks_free))
                .set("blocks_available", size.map(|size| size.blocks_available))
                .set("inodes", size.map(|size| size.inodes))
                .set("inodes_free", size.map(|size| size.inodes_free))
                .set("flags", mount.flags);
            scan.push(row)?;
        }
        Ok(())
    }
}

/// The kernel's list of what is mounted on the machine. A service manager may have given this
/// process a read-only view of its own; the first process has the machine's, and is asked where
/// its root is the same, so that paths mean the same.
fn list() -> io::Result<String> {
    let root = |path: &str| fs::metadata(path).map(|root| (root.dev(), root.ino())).ok();
    let of = |process: &str| {
        read::text(&Path::new("/proc").join(process).join("mounts"), PROC_FILE_BYTES_MAX)
    };
    match root("/") {
        own @ Some(_) if root("/proc/1/root/") == own => of("1").or_else(|_| of("self")),
        _ => of("self"),
    }
}

/// One line of the kernel's list.
#[derive(Debug, PartialEq)]
struct Mount {
    device: String,
    path: PathBuf,
    kind: String,
    flags: String,
}

impl Mount {
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split(' ').collect();
        let [device, path, kind, flags, ..] = fields[..] else { return None };
        Some(Self {
            device: unescape(device),
            path: PathBuf::from(unescape(path)),
            kind: unescape(kind),
            flags: flags.to_owned(),
        })
    }
}

/// The kernel writes blanks and backslashes as `\040` and so on (`getmntent(3)`).
fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| str::from_utf8(digits).ok());
        let code = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let (b'\\', Some(code)) = (first, code) {
            out.push(code);
            rest = &after[3..];
        } else {
            out.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What `statfs` says of a file system.
#[derive(Debug, Clone, Copy)]
struct Size {
    block_size: i64,
    blocks: u64,
    blocks_free: u64,
    blocks_available: u64,
    inodes: u64,
    inodes_free: u64,
}

/// Mount points whose call still hangs, in the whole process.
static HANGING: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn hanging() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    HANGING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A mount point to ask, and whether its call has returned; the flag changes only while
/// [`HANGING`] is locked.
type Request = (PathBuf, Arc<AtomicBool>);

/// Asks for sizes on a thread that can be left behind.
#[derive(Default)]
struct Prober {
    worker: Option<(Sender<Request>, Receiver<Option<Size>>)>,
}

impl Prober {
    fn size(&mut self, path: &Path) -> Option<Size> {
        if hanging().contains(path) {
            return None;
        }
        let returned = Arc::new(AtomicBool::new(false));
        let (requests, sizes) = self.worker.get_or_insert_with(start_worker);
        requests.send((path.to_owned(), Arc::clone(&returned))).ok()?;
        match sizes.recv_timeout(STATFS_WAIT_MAX) {
            Ok(size) => size,
            // The worker is left to its call. It ends after it, because nobody asks it again.
            Err(_) => {
                let mut hanging = hanging();
                if !returned.load(Ordering::SeqCst) {
                    hanging.insert(path.to_owned());
                }
                self.worker = None;
                None
            }
        }
    }
}

fn start_worker() -> (Sender<Request>, Receiver<Option<Size>>) {
    let (requests, paths) = mpsc::channel::<Request>();
    let (answers, sizes) = mpsc::channel();
    let worker = move || {
        for (path, returned) in paths {
            let size = ask(&path);
            let mut hanging = hanging();
            returned.store(true, Ordering::SeqCst);
            hanging.remove(&path);
            drop(hanging);
            if answers.send(size).is_err() {
                // Nobody waits any more, so nobody will ask again.
                return;
            }
        }
    };
    // Without a thread the requests find nobody, and sizes stay unknown.
    drop(std::thread::Builder::new().name("statfs".to_owned()).spawn(worker));
    (requests, sizes)
}

// The C types differ between architectures.
fn ask(path: &Path) -> Option<Size> {
    let found = statfs(path).ok()?;
    Some(Size {
        block_size: found.block_size() as i64,
        blocks: found.blocks() as u64,
        blocks_free: found.blocks_free() as u64,
        blocks_available: found.blocks_available() as u64,
        inodes: found.files() as u64,
        inodes_free: found.files_free() as u64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_in_paths_are_escaped_by_the_kernel() {
        let mount = Mount::parse("/dev/sda1 /mnt/my\\040disk\\134x ext4 rw,relatime 0 0").unwrap();
        assert_eq!(mount.path, Path::new("/mnt/my disk\\x"));
        assert_eq!((mount.kind.as_str(), mount.flags.as_str()), ("ext4", "rw,relatime"));
        assert_eq!(unescape("a\\04"), "a\\04");
        assert_eq!(Mount::parse("too short"), None);
    }
}
