//! A sign of life during long work: on a terminal only, on standard error, gone when it is done.

use crate::sync::LongWork;
use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// Between two turns of the spinner.
const TICK: Duration = Duration::from_millis(120);

/// Something that takes a while. Gone when it is dropped.
pub struct Progress {
    bar: ProgressBar,
    /// What is shown while no long work is told.
    otherwise: Option<&'static str>,
    following: Option<AbortHandle>,
}

impl Progress {
    /// Says what is being done, and for how long already.
    pub fn start(what: &'static str) -> Progress {
        let mut progress = Progress::quiet();
        progress.otherwise = Some(what);
        show(&progress.bar, None, progress.otherwise);
        progress
    }

    /// Shows nothing until there is long work to follow.
    pub fn quiet() -> Progress {
        // Nothing is drawn where standard error is no terminal.
        let bar = ProgressBar::new_spinner();
        bar.finish_and_clear();
        Progress { bar, otherwise: None, following: None }
    }

    /// Draws the engine's long work as a bar from now on. Needs a runtime.
    pub fn follow(&mut self, mut work: watch::Receiver<Option<LongWork>>) {
        let (bar, otherwise) = (self.bar.clone(), self.otherwise);
        let following = tokio::spawn(async move {
            while work.changed().await.is_ok() {
                let now = work.borrow_and_update().clone();
                show(&bar, now.as_ref(), otherwise);
            }
        });
        self.following = Some(following.abort_handle());
    }

    /// What takes the bar away while something else is printed.
    pub fn aside(&self) -> impl Fn(&mut dyn FnMut()) + Send + Sync + use<> {
        let bar = self.bar.clone();
        move |print| bar.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(following) = &self.following {
            following.abort();
        }
        self.bar.finish_and_clear();
    }
}

/// Draws long work, or else the words that stand for what is being done, or else nothing.
fn show(bar: &ProgressBar, work: Option<&LongWork>, otherwise: Option<&'static str>) {
    let what = match (work, otherwise) {
        (Some(work), _) => work.what.clone(),
        (None, Some(otherwise)) => otherwise.to_owned(),
        (None, None) => return bar.finish_and_clear(),
    };
    let is_new = bar.is_finished() || bar.message() != what;
    if is_new {
        bar.reset();
    }
    if let Some(work) = work {
        bar.set_length(work.of.unwrap_or(0));
        bar.set_position(work.done);
    }
    if is_new {
        bar.set_style(style(work));
        bar.set_message(what);
        bar.enable_steady_tick(TICK);
    }
}

fn style(work: Option<&LongWork>) -> ProgressStyle {
    let template = match work {
        Some(LongWork { of: Some(_), .. }) => {
            "{spinner} {msg} {bar:24} {human_pos} of {human_len} ({elapsed}, {eta} to go)"
        }
        Some(LongWork { of: None, .. }) => "{spinner} {msg}: {human_pos} ({elapsed})",
        None => "{spinner} {msg} ({elapsed})",
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
