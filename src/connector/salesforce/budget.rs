//! The day's API calls: counted by purpose, and a share of them left to others.

use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Finding out what changed.
    Poll,
    /// Reading what is due.
    Read,
    /// Writing, and the look just before.
    Write,
    /// Carrying an opt-out: goes through as long as a single call is left.
    OptOut,
    /// Bulk jobs: making them, looking at them, and their pages.
    Bulk,
    /// Describe, versions, converted statuses.
    Describe,
}

/// How things stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// Calls the org has used in the last 24 hours, by everybody, as Salesforce last said.
    pub used: Option<u64>,
    /// Calls the org may use in 24 hours.
    pub allowed: Option<u64>,
    /// Calls that are left to others.
    pub kept_free: u64,
    /// Calls this process made, by purpose.
    pub by_purpose: BTreeMap<Purpose, u64>,
    /// No call is made before then.
    pub closed_until: Option<Timestamp>,
}

impl Budget {
    /// The calls that may still be spent, opt-outs aside.
    pub fn spendable(&self) -> Option<u64> {
        Some(self.allowed?.saturating_sub(self.used?).saturating_sub(self.kept_free))
    }

    /// The same as a share of all, 0 to 1.
    pub fn spendable_share(&self) -> Option<f64> {
        Some(self.spendable()? as f64 / self.allowed?.max(1) as f64)
    }
}

/// Why a call is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// The quota is used up; calls resume then.
    Closed(Timestamp),
    /// What is left is kept for others.
    KeptFree,
}

/// Counts calls, and knows when none may be made.
#[derive(Debug)]
pub(super) struct Meter {
    keep_free: f64,
    retry: Vec<Duration>,
    used: Option<u64>,
    allowed: Option<u64>,
    by_purpose: BTreeMap<Purpose, u64>,
    closed_until: Option<Timestamp>,
    /// Quota errors since the last answer that was none.
    in_a_row: usize,
    probe_at: Option<Timestamp>,
}

/// How often one call is let through although only what is kept for others is left: without it nobody would
/// ever see that the count has come down again.
const PROBE_EVERY: SignedDuration = SignedDuration::from_mins(15);

impl Meter {
    pub(super) fn new(keep_free: f64, retry: Vec<Duration>) -> Meter {
        Meter {
            keep_free,
            retry,
            used: None,
            allowed: None,
            by_purpose: BTreeMap::new(),
            closed_until: None,
            in_a_row: 0,
            probe_at: None,
        }
    }

    /// Asks for one call, and counts it.
    pub(super) fn spend(&mut self, purpose: Purpose, now: Timestamp) -> Result<(), Refused> {
        if let Some(until) = self.closed_until.filter(|until| *until > now) {
            return Err(Refused::Closed(until));
        }
        let short = self.view().spendable() == Some(0);
        if short && purpose != Purpose::OptOut {
            if self.probe_at.is_some_and(|at| at > now) {
                return Err(Refused::KeptFree);
            }
            self.probe_at = now.checked_add(PROBE_EVERY).ok();
        }
        *self.by_purpose.entry(purpose).or_default() += 1;
        Ok(())
    }

    /// What an answer said in `Sforce-Limit-Info`. The count is kept asynchronously over there, so it is approximate.
    pub(super) fn told(&mut self, (used, allowed): (u64, u64)) {
        (self.used, self.allowed) = (Some(used), Some(allowed));
        if self.view().spendable() != Some(0) {
            self.probe_at = None;
        }
    }

    /// An answer that was no quota error.
    pub(super) fn answered(&mut self) {
        (self.in_a_row, self.closed_until) = (0, None);
    }

    /// The daily quota is used up: nobody calls for a while, longer each time.
    pub(super) fn exceeded(&mut self, now: Timestamp) {
        let wait =
            self.retry.get(self.in_a_row).or(self.retry.last()).copied().unwrap_or(Duration::from_secs(60));
        self.in_a_row += 1;
        let wait = SignedDuration::try_from(wait).unwrap_or(PROBE_EVERY);
        self.closed_until = now.checked_add(wait).ok();
    }

    pub(super) fn view(&self) -> Budget {
        Budget {
            used: self.used,
            allowed: self.allowed,
            kept_free: (self.allowed.unwrap_or(0) as f64 * self.keep_free).ceil() as u64,
            by_purpose: self.by_purpose.clone(),
            closed_until: self.closed_until,
        }
    }
}

/// Reads `api-usage=18/5000; per-app-api-usage=17/250(appName=x)`: the org's own count, not the app's.
pub(super) fn limit_info(header: &str) -> Option<(u64, u64)> {
    header.split([';', ',']).find_map(|part| {
        let (used, allowed) = part.trim().strip_prefix("api-usage=")?.split_once('/')?;
        Some((used.trim().parse().ok()?, allowed.trim().parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(minute * 60).unwrap()
    }

    #[test]
    fn the_orgs_own_count_is_read_and_not_the_apps() {
        assert_eq!(limit_info("api-usage=18/5000"), Some((18, 5000)));
        assert_eq!(limit_info("per-app-api-usage=17/250(appName=x); api-usage=25/5000"), Some((25, 5000)));
        assert_eq!(limit_info("per-app-api-usage=17/250"), None);
        assert_eq!(limit_info("nonsense"), None);
    }

    #[test]
    fn what_is_kept_free_is_spent_on_opt_outs_and_one_probe_only() {
        let mut meter = Meter::new(0.2, vec![]);
        meter.told((80, 100));
        assert_eq!(meter.spend(Purpose::Poll, at(0)), Ok(()), "a probe");
        assert_eq!(meter.spend(Purpose::Poll, at(1)), Err(Refused::KeptFree));
        assert_eq!(meter.spend(Purpose::OptOut, at(1)), Ok(()));
        assert_eq!(meter.spend(Purpose::Poll, at(16)), Ok(()), "the next probe");
        meter.told((10, 100));
        assert_eq!(meter.spend(Purpose::Poll, at(16)), Ok(()), "the count has come down");
    }

    #[test]
    fn a_used_up_quota_closes_for_longer_each_time_and_opens_alone() {
        let mut meter = Meter::new(0.2, [1, 5].map(|m| Duration::from_secs(m * 60)).to_vec());
        meter.exceeded(at(0));
        assert_eq!(meter.spend(Purpose::OptOut, at(0)), Err(Refused::Closed(at(1))));
        assert_eq!(meter.spend(Purpose::Poll, at(1)), Ok(()));
        meter.exceeded(at(1));
        assert_eq!(meter.spend(Purpose::Poll, at(5)), Err(Refused::Closed(at(6))));
        meter.exceeded(at(6));
        assert_eq!(
            meter.spend(Purpose::Poll, at(10)),
            Err(Refused::Closed(at(11))),
            "the last wait is repeated"
        );
        meter.answered();
        assert_eq!(meter.spend(Purpose::Poll, at(10)), Ok(()));
    }
}
