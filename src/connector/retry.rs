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

/// The wait after so many failed tries of one row: anything up to 1.5 seconds, then six times as much each time (full
/// jitter). Eight tries take 23 hours at most.
pub fn wait_over_a_day(failed: u32) -> Duration {
    let steady = STEADY.get() || crate::mutant::is("steady-retries");
    let mut backoff = ExponentialBackoffBuilder::new()
        // The crate draws from twice the interval down to nothing.
        .with_initial_interval(Duration::from_millis(750))
        .with_multiplier(6.0)
        .with_randomization_factor(if steady { 0.0 } else { 1.0 })
        .with_max_interval(Duration::from_secs(10 * 3600))
        .with_max_elapsed_time(None)
        .build();
    let mut wait = Duration::ZERO;
    for _ in 0..failed.clamp(1, 8) {
        wait = backoff.next_backoff().unwrap_or(wait);
    }
    wait
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

    #[test]
    fn eight_tries_of_a_row_take_a_day_at_most_and_come_at_any_moment_of_it() {
        for _ in 0..200 {
            let waits: Vec<f64> = (1..8).map(|failed| wait_over_a_day(failed).as_secs_f64()).collect();
            assert!(waits.iter().sum::<f64>() <= 24.0 * 3600.0, "{waits:?}");
        }
        let last: Vec<f64> = (0..200).map(|_| wait_over_a_day(7).as_secs_f64() / 3600.0).collect();
        assert!(last.iter().any(|hours| *hours < 5.0) && last.iter().any(|hours| *hours > 15.0), "{last:?}");
    }
}
