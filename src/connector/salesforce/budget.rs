//! The day's API calls: counted by purpose, and a share of them left to others.

use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
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

impl Purpose {
    /// Every one.
    pub const ALL: [Purpose; 6] =
        [Purpose::Poll, Purpose::Read, Purpose::Write, Purpose::OptOut, Purpose::Bulk, Purpose::Describe];

    /// As it is shown and counted.
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Poll => "poll",
            Purpose::Read => "read",
            Purpose::Write => "write",
            Purpose::OptOut => "opt-out",
            Purpose::Bulk => "bulk",
            Purpose::Describe => "describe",
        }
    }
}

/// Calls by hour (counted from 1970) and purpose: what this daemon has used of the rolling day. Kept over restarts.
pub type CallsByHour = BTreeMap<i64, BTreeMap<Purpose, u64>>;

/// How things stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    /// Calls the org has used in the last 24 hours, by everybody, as Salesforce last said.
    pub used: Option<u64>,
    /// Calls the org may use in 24 hours.
    pub allowed: Option<u64>,
    /// Calls that are left to others.
    pub kept_free: u64,
    /// Calls this daemon made in the last 24 hours, by purpose.
    pub by_purpose: BTreeMap<Purpose, u64>,
    /// No call is made before then.
    pub closed_until: Option<Timestamp>,
    /// When the oldest of our own calls leave the rolling day, and so free the budget a little.
    pub frees_at: Option<Timestamp>,
}

impl Budget {
    /// The calls that may still be spent, opt-outs and stretched polls aside.
    pub fn spendable(&self) -> Option<u64> {
        Some(self.allowed?.saturating_sub(self.used?).saturating_sub(self.kept_free))
    }

    /// The same as a share of all, 0 to 1.
    pub fn spendable_share(&self) -> Option<f64> {
        Some(self.spendable()? as f64 / self.allowed?.max(1) as f64)
    }

    /// Whether only what is kept for others is left. Where nothing is kept, Salesforce itself says when it is over.
    pub fn is_short(&self) -> bool {
        self.kept_free > 0 && self.spendable() == Some(0)
    }

    /// How far apart polls are at least while only what is kept for others is left: all of a day's polls then use a tenth
    /// of it. Opt-outs are still heard of.
    pub fn short_poll_every(&self) -> Duration {
        let polls = (self.kept_free / 10 / CALLS_A_POLL).max(24);
        DAY / u32::try_from(polls).unwrap_or(u32::MAX)
    }
}

/// Two objects, each a page and now and then a look at the covered date.
const CALLS_A_POLL: u64 = 4;

const DAY: Duration = Duration::from_secs(24 * 3600);

const HOUR_SECONDS: i64 = 3600;

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
    hours: CallsByHour,
    /// Calls of this process, whenever they were made.
    made: BTreeMap<Purpose, u64>,
    closed_until: Option<Timestamp>,
    /// Quota errors since the last answer that was none.
    in_a_row: usize,
}

impl Meter {
    pub(super) fn new(keep_free: f64, retry: Vec<Duration>) -> Meter {
        Meter {
            keep_free,
            retry,
            used: None,
            allowed: None,
            hours: CallsByHour::new(),
            made: BTreeMap::new(),
            closed_until: None,
            in_a_row: 0,
        }
    }

    /// Asks for one call, and counts it. Of what is kept for others, only opt-outs, polls (which are stretched then) and
    /// what a start needs are made.
    pub(super) fn spend(&mut self, purpose: Purpose, now: Timestamp) -> Result<(), Refused> {
        if let Some(until) = self.closed_until.filter(|until| *until > now) {
            return Err(Refused::Closed(until));
        }
        let goes_on = matches!(purpose, Purpose::OptOut | Purpose::Poll | Purpose::Describe);
        if !goes_on && self.view().is_short() {
            return Err(Refused::KeptFree);
        }
        let hour = now.as_second().div_euclid(HOUR_SECONDS);
        self.hours.retain(|known, _| *known > hour - 24);
        *self.hours.entry(hour).or_default().entry(purpose).or_default() += 1;
        *self.made.entry(purpose).or_default() += 1;
        Ok(())
    }

    /// The calls of this process.
    pub(super) fn made(&self) -> &BTreeMap<Purpose, u64> {
        &self.made
    }

    /// What was used before this process began, and what it has used itself.
    pub(super) fn hours(&self) -> &CallsByHour {
        &self.hours
    }

    /// Takes over what an earlier process has used.
    pub(super) fn restore(&mut self, earlier: CallsByHour) {
        for (hour, calls) in earlier {
            for (purpose, count) in calls {
                *self.hours.entry(hour).or_default().entry(purpose).or_default() += count;
            }
        }
    }

    /// What an answer said in `Sforce-Limit-Info`. The count is kept asynchronously over there, so it is approximate.
    pub(super) fn told(&mut self, (used, allowed): (u64, u64)) {
        (self.used, self.allowed) = (Some(used), Some(allowed));
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
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_mins(30));
        self.closed_until = now.checked_add(wait).ok();
    }

    pub(super) fn view(&self) -> Budget {
        let mut by_purpose = BTreeMap::new();
        for (purpose, count) in self.hours.values().flatten() {
            *by_purpose.entry(*purpose).or_default() += count;
        }
        let oldest = self.hours.keys().next().map(|hour| (hour + 25) * HOUR_SECONDS);
        Budget {
            used: self.used,
            allowed: self.allowed,
            kept_free: (self.allowed.unwrap_or(0) as f64 * self.keep_free).ceil() as u64,
            by_purpose,
            closed_until: self.closed_until,
            frees_at: oldest.and_then(|at| Timestamp::from_second(at).ok()),
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
    fn what_is_kept_free_is_spent_on_opt_outs_and_stretched_polls_only() {
        let mut meter = Meter::new(0.2, vec![]);
        meter.told((80_000, 100_000));
        for purpose in [Purpose::Read, Purpose::Write, Purpose::Bulk] {
            assert_eq!(meter.spend(purpose, at(0)), Err(Refused::KeptFree), "{purpose:?}");
        }
        for purpose in [Purpose::OptOut, Purpose::Poll] {
            assert_eq!(meter.spend(purpose, at(0)), Ok(()), "{purpose:?}");
        }
        let day_of_polls = 24.0 * 3600.0 / meter.view().short_poll_every().as_secs_f64();
        assert!(day_of_polls * CALLS_A_POLL as f64 <= 2_000.0, "a tenth of 20,000");
        meter.told((10, 100_000));
        assert_eq!(meter.spend(Purpose::Write, at(16)), Ok(()), "the count has come down");
    }

    #[test]
    fn calls_are_counted_by_purpose_over_a_rolling_day_and_over_restarts() {
        let mut meter = Meter::new(0.2, vec![]);
        meter.restore(BTreeMap::from([(0, BTreeMap::from([(Purpose::Poll, 7)]))]));
        meter.spend(Purpose::Poll, at(5)).unwrap();
        meter.spend(Purpose::OptOut, at(70)).unwrap();
        assert_eq!(meter.view().by_purpose, BTreeMap::from([(Purpose::Poll, 8), (Purpose::OptOut, 1)]));
        assert_eq!(meter.view().frees_at, Some(at(25 * 60)));
        meter.spend(Purpose::Poll, at(24 * 60)).unwrap();
        assert_eq!(meter.view().by_purpose, BTreeMap::from([(Purpose::Poll, 1), (Purpose::OptOut, 1)]));
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
