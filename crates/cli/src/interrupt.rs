// SPDX-License-Identifier: Apache-2.0
//! Ctrl-C while something runs on the fleet: the first ends it decently, the second at once.

use std::thread;

/// The exit code of a process that was ended by Ctrl-C, as shells count it.
const INTERRUPTED: i32 = 130;

/// Runs `first` on the first Ctrl-C from now on; the second ends the process.
pub(crate) fn on_interrupt(first: impl FnOnce() + Send + 'static) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    // Without a runtime Ctrl-C keeps its usual meaning, which is to end the process.
    let Ok(runtime) = runtime else { return };
    thread::spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_err() {
            return;
        }
        first();
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            std::process::exit(INTERRUPTED);
        }
    });
}
