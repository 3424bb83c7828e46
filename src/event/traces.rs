//! Traces for whoever collects them: OpenTelemetry, by OTLP over HTTP. Off unless `[telemetry] otlp_endpoint` is set.
//!
//! A trace a pass, with what was read, decided, written and called in it. Spans carry ids of changes, kinds, hosts and
//! numbers, never a value of a record.

use crate::emit;
use opentelemetry::KeyValue;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing::Subscriber;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;
use url::Url;

/// The target of every span that is meant for traces. They are of the lowest level, so that without a collector
/// nothing is interested in them, and they cost next to nothing.
pub const TRACES: &str = "lockstep::trace";

/// How long the collector may take to answer; meanwhile spans queue, and beyond 2,048 of them are lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How long the last batch may take once the daemon ends, which has 10 s in all.
pub(crate) const LAST_BATCH_WITHIN: Duration = Duration::from_secs(1);

/// The way to a collector.
#[derive(Debug, Clone)]
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Sends spans to `endpoint`, a collector's base address such as `http://otel-collector:4318`, in batches and from
    /// a thread of its own. A collector that does not answer costs spans, and nothing else.
    ///
    /// # Errors
    /// The address or this machine's TLS cannot be used, in words.
    pub fn start(endpoint: &Url, tenant: &str) -> Result<Traces, String> {
        let address = format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/'));
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(address)
            .with_timeout(ANSWER_WITHIN)
            .build()
            .map_err(|error| error.to_string())?;
        let exporter = Told { exporter, fails: AtomicBool::new(false) };
        let resource = Resource::builder_empty()
            .with_service_name("lockstep")
            .with_attributes([
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("tenant", tenant.to_owned()),
            ])
            .build();
        let provider =
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        Ok(Traces { provider })
    }

    /// What takes the spans in.
    pub fn layer<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("lockstep"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_level(false)
            .with_filter(Targets::new().with_target(TRACES, LevelFilter::TRACE))
    }

    /// Sends what is left. Blocks for a second at most.
    pub fn end(&self) {
        // Whoever collects is gone: these spans are lost like any others.
        let _ = self.provider.shutdown_with_timeout(LAST_BATCH_WITHIN);
    }
}

/// The trace in which the caller works; `None` without a collector.
pub(super) fn current() -> Option<String> {
    let context = opentelemetry::Context::current();
    let span = context.span();
    let of = span.span_context();
    of.is_valid().then(|| of.trace_id().to_string())
}

/// Tells the log once when the collector fails, and once when it takes spans again; not at each batch.
#[derive(Debug)]
struct Told<E> {
    exporter: E,
    fails: AtomicBool,
}

impl<E: SpanExporter> SpanExporter for Told<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let ended = self.exporter.export(batch).await;
        match &ended {
            Err(error) if !self.fails.swap(true, Ordering::Relaxed) => {
                emit!(TRACES_LOST, reason = %error, "the collector of traces takes no spans: {error}");
            }
            Ok(()) if self.fails.swap(false, Ordering::Relaxed) => {
                emit!(TRACES_RESUMED, "the collector of traces takes spans again");
            }
            _ => {}
        }
        ended
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
