// SPDX-License-Identifier: Apache-2.0
//! A line that shows how far something is, drawn on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often the line moves.
const TICK: Duration = Duration::from_millis(120);

/// The line, or nothing.
pub(crate) struct Progress(Option<ProgressBar>);

impl Progress {
    /// Draws if there is a terminal to draw on.
    pub(crate) fn new(on_terminal: bool) -> Self {
        Self(on_terminal.then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK);
            bar
        }))
    }

    /// Whether anything is drawn.
    pub(crate) fn is_drawn(&self) -> bool {
        self.0.is_some()
    }

    /// Says how far it is.
    pub(crate) fn set(&self, message: String) {
        if let Some(bar) = &self.0 {
            bar.set_message(message);
        }
    }

    /// Does something that prints, without the line in its way.
    pub(crate) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
