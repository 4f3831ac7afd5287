// SPDX-License-Identifier: Apache-2.0
//! Gives memory that was freed back to the machine: an agent is idle nearly always, and must not
//! keep what one large answer took.

/// Returns free memory to the system, where the C library can.
pub fn give_back() {
    #[cfg(target_env = "gnu")]
    trim();
}

#[cfg(target_env = "gnu")]
#[expect(unsafe_code, reason = "the call takes a number and touches only free memory")]
fn trim() {
    unsafe {
        nix::libc::malloc_trim(0);
    }
}
