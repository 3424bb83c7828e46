//! `lockstep metrics`.

use super::context::{Context, Shown};
use super::failure::Failure;
use super::table::table;
use crate::metrics::{ALL, Metric};

/// Prints the list of metrics.
pub fn run(context: &Context) -> Result<Shown, Failure> {
    let labels = |metric: &Metric| {
        let labels: Vec<&str> = metric.labels.iter().map(|label| label.name).collect();
        labels.join(", ")
    };
    let rows = ALL.iter().map(|metric| {
        [metric.name.to_owned(), metric.kind.as_str().to_owned(), labels(metric), metric.help.to_owned()]
    });
    Ok(Shown::well(context.show(&ALL, || table(["metric", "kind", "labels", "says"], rows))))
}
