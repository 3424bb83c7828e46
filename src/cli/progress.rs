//! A sign of life during long work: on a terminal only, on standard error, gone when it is done.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// Something that takes a while. Gone when it is dropped.
pub struct Progress(ProgressBar);

impl Progress {
    /// Says what is being done, and for how long already.
    pub fn start(what: &'static str) -> Progress {
        // Nothing is drawn where standard error is no terminal.
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress(bar)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
