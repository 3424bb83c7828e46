//! What a simulated day cannot show: it has to come out the same twice, so that its waits have no jitter.

use lockstep::connector::wait_after;
use std::collections::BTreeSet;
use std::time::Duration;

/// Many that failed together do not come back together: on a thread that simulates nothing, the waits differ, and none is
/// more than doubled or less than halved by it.
///
/// # Errors
/// What the waits are instead.
pub fn retries_spread() -> Result<(), String> {
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(300));
    for failed in 1..6u32 {
        let waits: Vec<Duration> = (0..64).map(|_| wait_after(failed, least, most)).collect();
        let different: BTreeSet<Duration> = waits.iter().copied().collect();
        let middle = least * 2u32.pow(failed - 1);
        if different.len() < 32 {
            return Err(format!("64 that failed {failed} times together have {} waits", different.len()));
        }
        if let Some(wait) = waits.iter().find(|wait| **wait < middle / 2 || **wait > middle * 2) {
            return Err(format!("one that failed {failed} times waits {wait:?}"));
        }
    }
    Ok(())
}
