//! Whether the simulation can see: every known mistake is planted in turn, and has to be found.

use super::{Plan, Ready, play, retries_spread, walk};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Walks that are tried before simulated days: what the decision alone shows needs none.
const WALKS: u64 = 20_000;

/// Mistakes that only a wider day can show.
const WIDER: [&str; 4] = ["back-in-scope-unseen", "blank-is-carried", "latch-stays-behind", "scope-ignored"];

/// How a mistake was found.
pub struct Kill {
    /// How many walks, or days, were tried.
    pub tried: u64,
    /// What was tried.
    pub by: &'static str,
    /// The walk or day that showed it.
    pub seed: u64,
    /// How long it took.
    pub seconds: f64,
    /// What was seen.
    pub seen: String,
}

/// Plants a mistake and looks for it, in `most` simulated days at most.
pub fn find(ready: &[Ready], name: &'static str, most: u64) -> Option<Kill> {
    let start = Instant::now();
    let kill = |tried, by, seed, seen| Kill { tried, by, seed, seconds: start.elapsed().as_secs_f64(), seen };
    // A thread of its own, so that nothing of it is left.
    let alone = |look: &(dyn Fn() -> Option<(u64, String)> + Sync)| {
        std::thread::scope(|scope| {
            let looking = scope.spawn(|| {
                lockstep::mutant::plant(Some(name));
                look()
            });
            looking.join().expect("nothing panics")
        })
    };
    if let Some((tried, seen)) = alone(&|| retries_spread().err().map(|seen| (1, seen))) {
        return Some(kill(tried, "look at waits", 1, seen));
    }
    let walks = || (1..=WALKS).find_map(|seed| Some((seed, walk(ready, seed).err()?)));
    if let Some((tried, seen)) = alone(&walks) {
        let told = seen.lines().nth(1).unwrap_or(&seen);
        // What was known before it is long, and stands in the walk's own report.
        let told = told.rsplit_once("}: ").map_or(told, |(_, told)| told).to_owned();
        return Some(kill(tried, "walks", tried, told));
    }
    let (next, tried, found) = (AtomicU64::new(1), AtomicU64::new(0), Mutex::new(None));
    let days = || {
        while found.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > most {
                return None;
            }
            tried.fetch_add(1, Ordering::Relaxed);
            let plan = if WIDER.contains(&name) { Plan::wider(seed) } else { Plan::of(seed) };
            let broken = play(&plan).broken;
            // A day that breaks a rule without the mistake shows nothing of it.
            lockstep::mutant::plant(None);
            let broken = broken.filter(|_| play(&plan).broken.is_none());
            lockstep::mutant::plant(Some(name));
            if let Some(broken) = broken {
                found.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert((seed, broken));
            }
        }
        None
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| alone(&days));
        }
    });
    let (seed, seen) = found.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    Some(kill(tried.into_inner(), "days", seed, seen))
}

/// Days until one of those is found that break a rule of their own accord, one in a hundred.
pub fn canary(most: u64) -> Option<u64> {
    (1..=most).find(|seed| {
        let plan = Plan { canary: seed % 100 == 17, ..Plan::of(*seed) };
        play(&plan).broken.as_deref() == Some("the canary")
    })
}
