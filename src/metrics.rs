//! What is counted and measured, for Prometheus.
//!
//! The table in `catalogue` is the one list of names, kinds and labels: the registry, `lockstep metrics` and docs/metrics.md
//! are all made of it. All label values are known beforehand, so that nothing that comes from outside makes a series.

mod catalogue;

pub use catalogue::*;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the buckets of a time, in seconds: from a webhook's quick way to a day of waiting for a plan.
const BUCKETS: [f64; 13] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 86_400.0];

type Labels = Vec<(&'static str, &'static str)>;

enum Series {
    Gauge(Family<Labels, Gauge<f64, AtomicU64>>),
    Counter(Family<Labels, Counter>),
    Times(Histogram),
}

/// The metrics of one daemon. Counting never waits for anybody.
pub struct Metrics {
    registry: Registry,
    series: HashMap<&'static str, Series>,
}

impl Default for Metrics {
    /// All counters stand at 0, so that the first of each kind is seen as an increase.
    fn default() -> Metrics {
        let mut registry = Registry::default();
        let mut series = HashMap::new();
        for metric in ALL {
            // The encoder adds what a counter's name ends on, and the stop behind the sentence.
            let name = metric.name.trim_end_matches("_total");
            let help = metric.help.trim_end_matches('.');
            let made = match metric.kind {
                Kind::Gauge => {
                    let family = Family::default();
                    registry.register(name, help, family.clone());
                    Series::Gauge(family)
                }
                Kind::Counter => {
                    let family: Family<Labels, Counter> = Family::default();
                    for values in metric.combinations() {
                        drop(family.get_or_create(&labels(metric, &values)));
                    }
                    registry.register(name, help, family.clone());
                    Series::Counter(family)
                }
                Kind::Histogram => {
                    let times = Histogram::new(BUCKETS);
                    registry.register(name, help, times.clone());
                    Series::Times(times)
                }
            };
            series.insert(metric.name, made);
        }
        Metrics { registry, series }
    }
}

impl Metrics {
    /// Counts so many more.
    pub fn add(&self, metric: &Metric, values: &[&'static str], count: u64) {
        if let Some(Series::Counter(family)) = self.series.get(metric.name) {
            family.get_or_create(&labels(metric, values)).inc_by(count);
        }
    }

    /// What somebody else has counted from 0 on; a smaller number than before changes nothing.
    pub fn reached(&self, metric: &Metric, values: &[&'static str], count: u64) {
        if let Some(Series::Counter(family)) = self.series.get(metric.name) {
            family.get_or_create(&labels(metric, values)).inner().fetch_max(count, Ordering::Relaxed);
        }
    }

    /// What is measured now; what is not known now is left out.
    pub fn set(&self, metric: &Metric, values: &[&'static str], value: Option<f64>) {
        let (Some(Series::Gauge(family)), labels) = (self.series.get(metric.name), labels(metric, values))
        else {
            return;
        };
        if let Some(value) = value {
            family.get_or_create(&labels).set(value);
        } else {
            family.remove(&labels);
        }
    }

    /// How long something took.
    pub fn observe(&self, metric: &Metric, took: Duration) {
        if let Some(Series::Times(times)) = self.series.get(metric.name) {
            times.observe(took.as_secs_f64());
        }
    }

    /// All of it, in the text format of OpenMetrics.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Into a text, nothing can fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn labels(metric: &Metric, values: &[&'static str]) -> Labels {
    metric.labels.iter().map(|label| label.name).zip(values.iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_begin_at_nothing_and_what_is_not_known_is_left_out() {
        let metrics = Metrics::default();
        assert!(metrics.text().contains("lockstep_writes_total{side=\"engage\",outcome=\"parked\"} 0\n"));
        assert!(!metrics.text().contains("lockstep_calls_left{"));
        metrics.add(&WRITES, &["engage", "parked"], 2);
        metrics.set(&CALLS_LEFT, &["engage"], Some(7.0));
        let text = metrics.text();
        assert!(text.contains("lockstep_writes_total{side=\"engage\",outcome=\"parked\"} 2\n"), "{text}");
        assert!(text.contains("lockstep_calls_left{side=\"engage\"} 7.0\n"), "{text}");
        metrics.set(&CALLS_LEFT, &["engage"], None);
        assert!(!metrics.text().contains("lockstep_calls_left{"));
    }

    #[test]
    fn what_others_count_never_goes_back() {
        let metrics = Metrics::default();
        metrics.reached(&CALLS, &["engage", "poll"], 5);
        metrics.reached(&CALLS, &["engage", "poll"], 3);
        assert!(metrics.text().contains("lockstep_calls_total{side=\"engage\",purpose=\"poll\"} 5\n"));
    }
}
