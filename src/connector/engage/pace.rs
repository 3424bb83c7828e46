//! The rate limit: how many calls are left, and when there will be more.

use super::Calls;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::HeaderMap;
use std::collections::BTreeMap;
use std::time::Duration;

/// A longer wait than this is not believed: the limit is by the minute.
const WAIT_MAX: SignedDuration = SignedDuration::from_mins(15);

/// What the last answers said of the limit.
#[derive(Debug, Default)]
pub(super) struct Pace {
    left: Option<u64>,
    allowed: Option<u64>,
    resets_at: Option<Timestamp>,
    closed_until: Option<Timestamp>,
    by_operation: BTreeMap<&'static str, u64>,
}

impl Pace {
    /// Asks for one call, and counts it. When none is left, says how long to wait: running into the wall costs a
    /// call and teaches nothing.
    pub(super) fn spend(&mut self, operation: &'static str, now: Timestamp) -> Result<(), Duration> {
        if let Some(until) = self.closed_until.filter(|until| *until > now) {
            return Err(between(now, until));
        }
        if let (Some(0), Some(resets_at)) = (self.left, self.resets_at)
            && resets_at > now
        {
            return Err(between(now, resets_at));
        }
        self.left = self.left.map(|left| left.saturating_sub(1));
        *self.by_operation.entry(operation).or_default() += 1;
        Ok(())
    }

    /// What an answer said. `X-RateLimit-Reset` is Unix seconds, or seconds from now where it is too small for that.
    pub(super) fn told(&mut self, headers: &HeaderMap, now: Timestamp) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
        if let Some(left) = number("x-ratelimit-remaining").and_then(|left| u64::try_from(left).ok()) {
            self.left = Some(left);
        }
        if let Some(allowed) = number("x-ratelimit-limit").and_then(|allowed| u64::try_from(allowed).ok()) {
            self.allowed = Some(allowed);
        }
        if let Some(reset) = number("x-ratelimit-reset") {
            let seconds = if reset > 1_000_000_000 { reset } else { now.as_second().saturating_add(reset) };
            self.resets_at = Timestamp::from_second(seconds).ok().map(|at| at.min(latest(now)));
        }
    }

    /// A 429: nobody calls until it is over. Returns the wait.
    pub(super) fn limited(&mut self, headers: &HeaderMap, now: Timestamp) -> Duration {
        let text = headers.get("retry-after").and_then(|value| value.to_str().ok()).map(str::trim);
        let seconds = text.and_then(|text| text.parse::<i64>().ok()).map(SignedDuration::from_secs);
        let date = || {
            let at = httpdate::parse_http_date(text?).ok()?;
            Some(Timestamp::try_from(at).ok()?.duration_since(now))
        };
        let wait = seconds.or_else(date).unwrap_or(SignedDuration::from_secs(5));
        let wait = wait.clamp(SignedDuration::from_secs(1), WAIT_MAX);
        self.closed_until = now.checked_add(wait).ok();
        wait.unsigned_abs()
    }

    pub(super) fn view(&self) -> Calls {
        Calls { left: self.left, allowed: self.allowed, by_operation: self.by_operation.clone() }
    }
}

fn latest(now: Timestamp) -> Timestamp {
    now.saturating_add(WAIT_MAX).unwrap_or(Timestamp::MAX)
}

fn between(now: Timestamp, until: Timestamp) -> Duration {
    until.duration_since(now).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn nobody_runs_into_the_wall() {
        let mut pace = Pace::default();
        pace.told(&headers(&[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "1800000060")]), at(0));
        assert_eq!(pace.spend("read", at(0)), Ok(()));
        assert_eq!(pace.spend("read", at(0)), Err(Duration::from_secs(60)));
        assert_eq!(pace.spend("read", at(61)), Ok(()));
    }

    #[test]
    fn retry_after_is_honoured_as_seconds_and_as_a_date_and_is_not_believed_when_absurd() {
        let mut pace = Pace::default();
        assert_eq!(pace.limited(&headers(&[("retry-after", "30")]), at(0)), Duration::from_secs(30));
        assert_eq!(pace.spend("read", at(29)), Err(Duration::from_secs(1)));
        assert_eq!(pace.spend("read", at(30)), Ok(()));
        let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + Duration::from_secs(1_800_000_040));
        assert_eq!(pace.limited(&headers(&[("retry-after", &date)]), at(30)), Duration::from_secs(10));
        let absurd = pace.limited(&headers(&[("retry-after", "99999999")]), at(30));
        assert_eq!(absurd, Duration::from_secs(900));
    }
}
