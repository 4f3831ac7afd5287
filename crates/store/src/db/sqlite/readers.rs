// SPDX-License-Identifier: Apache-2.0
//! The read-only connections of a SQLite file. A read runs on the caller's own thread with a
//! connection it borrows: that is faster than handing work to another thread.

use std::ops::Deref;
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::Connection;

use super::open;
use crate::db::DbError;

/// Fewest and most connections; between them, one for each processor.
const FEWEST: usize = 2;
const MOST: usize = 8;

pub(in crate::db) struct Readers {
    free: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, DbError> {
        let processors = std::thread::available_parallelism().map_or(FEWEST, usize::from);
        let free = (0..processors.clamp(FEWEST, MOST))
            .map(|_| open::reader(path))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { free: Mutex::new(free), returned: Condvar::new() })
    }

    /// Borrows a connection, waiting until one is free.
    pub(super) fn take(&self) -> Borrowed<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // The one used last has the warmest cache.
            if let Some(conn) = free.pop() {
                return Borrowed { readers: self, conn: Some(conn) };
            }
            free = self.returned.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// A connection that goes back when it is dropped.
pub(super) struct Borrowed<'a> {
    readers: &'a Readers,
    conn: Option<Connection>,
}

impl Deref for Borrowed<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.conn.as_ref().expect("present until dropped")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let mut free = self.readers.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.extend(self.conn.take());
        self.readers.returned.notify_one();
    }
}
