//! How long to wait before something is tried again. The crate `backoff` stands behind this one file.

use backoff::ExponentialBackoffBuilder;
use backoff::backoff::Backoff;
use std::cell::Cell;
use std::time::Duration;

thread_local! {
    static STEADY: Cell<bool> = const { Cell::new(false) };
}

/// No jitter on this thread from now on: a simulation has to come out the same twice.
pub fn without_jitter() {
    STEADY.set(true);
}

/// The wait after so many failed tries: `least`, doubling up to `most`, with jitter, so that many that failed together
/// do not come back together.
pub fn wait_after(failed: u32, least: Duration, most: Duration) -> Duration {
    let mut backoff = ExponentialBackoffBuilder::new()
        .with_initial_interval(least)
        .with_multiplier(2.0)
        .with_randomization_factor(if STEADY.get() || crate::mutant::is("steady-retries") {
            0.0
        } else {
            0.3
        })
        .with_max_interval(most)
        .with_max_elapsed_time(None)
        .build();
    // Thirty doublings reach any `most`.
    let waits = (0..failed.clamp(1, 30)).map(|_| backoff.next_backoff().unwrap_or(most));
    waits.last().unwrap_or(least).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_most_with_some_jitter() {
        let (least, most) = (Duration::from_secs(1), Duration::from_secs(300));
        for (failed, from, to) in [(0, 0.7, 1.3), (1, 0.7, 1.3), (3, 2.8, 5.2), (30, 210.0, 300.0)] {
            let wait = wait_after(failed, least, most).as_secs_f64();
            assert!((from..=to).contains(&wait), "{failed} failed tries: {wait} s");
        }
    }
}
