//! Traces by OTLP: what a collector gets of a real daemon, and what it never gets.

use crate::cli::run::{Daemon, sandbox};
use crate::crash::daemon::configuration;
use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use lockstep::model::SalesforceId;
use lockstep::sandbox::Sandbox;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use prost::Message;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// A span, its attributes as text.
#[derive(Debug, Clone)]
struct Span {
    name: String,
    trace: Vec<u8>,
    id: Vec<u8>,
    parent: Vec<u8>,
    attributes: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Received {
    resources: Vec<BTreeMap<String, String>>,
    spans: Vec<Span>,
}

type Collector = Arc<Mutex<Received>>;

fn plain(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: Option<Value>| match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes
        .iter()
        .map(|pair| (pair.key.clone(), text(pair.value.clone().and_then(|value| value.value))))
        .collect()
}

/// A collector on a port of its own.
async fn collector() -> (Collector, String) {
    let received = Collector::default();
    let kept = received.clone();
    let take_in = move |headers: HeaderMap, body: Bytes| async move {
        assert_eq!(headers["content-type"], "application/x-protobuf");
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        let mut received = kept.lock().unwrap();
        for spans in request.resource_spans {
            received.resources.push(plain(&spans.resource.unwrap_or_default().attributes));
            for span in spans.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                received.spans.push(Span {
                    name: span.name,
                    trace: span.trace_id,
                    id: span.span_id,
                    parent: span.parent_span_id,
                    attributes: plain(&span.attributes),
                });
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().route("/v1/traces", post(take_in));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (received, format!("http://{address}"))
}

/// A real daemon that exports to `endpoint` and has looked at everybody: five people, and Jane.
async fn daemon(endpoint: &str) -> (Sandbox, SalesforceId, Daemon, TempDir) {
    let sandbox = sandbox().await;
    let dir = tempfile::tempdir().unwrap();
    let config = configuration(&sandbox, dir.path());
    let lead = sandbox.org.create_lead("Jane", "Doe", "Acme", "jane@x.com", "Attempting to contact").unwrap();
    let person = sandbox.product.create("jane@x.com", "Jane", "Doe", "Acme", Some(lead));
    sandbox.product.set_status(&person, "approaching").unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    let more = format!("[log]\nlevel = \"lockstep=debug\"\n[telemetry]\notlp_endpoint = \"{endpoint}\"\n");
    std::fs::write(&config, format!("{text}{more}")).unwrap();
    let daemon = Daemon::start(&config);
    let mut decided = 0;
    while decided < 6 {
        decided += daemon.says("pass.finished")["decided"].as_u64().unwrap();
    }
    (sandbox, lead, daemon, dir)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_a_changes_story_in_one_trace_and_nothing_about_people() {
    let (received, endpoint) = collector().await;
    let (sandbox, lead, daemon, _dir) = daemon(&endpoint).await;
    sandbox.org.edit(lead, &[("Status", serde_json::json!("Nurture"))]);
    let written = daemon.says("status.written");
    daemon.stops();

    let received = received.lock().unwrap();
    for resource in &received.resources {
        assert_eq!(resource["service.name"], "lockstep");
        assert_eq!(resource["tenant"], "killed");
    }
    let change = written["change"].as_str().unwrap();
    let trace = written["trace"].as_str().expect("the log line says in which trace to look");
    let of_trace =
        |span: &&Span| span.trace.iter().map(|byte| format!("{byte:02x}")).collect::<String>() == trace;
    let story: Vec<&Span> = received.spans.iter().filter(of_trace).collect();
    let of = |name: &'static str| story.iter().copied().filter(move |span| span.name == name);
    let parent =
        |span: &Span| story.iter().copied().find(|other| other.id == span.parent).map(|p| p.name.as_str());
    let of_change =
        |name: &'static str| of(name).find(|span| span.attributes["change"] == change).expect(name);

    let decided = of_change("change");
    assert_eq!((&*decided.attributes["decision"], &*decided.attributes["side"]), ("write", "engage"));
    assert!(["event", "poll"].contains(&decided.attributes["seen_by"].as_str()), "{decided:?}");
    assert_eq!(parent(decided), Some("decide"));
    let row = of_change("row");
    assert_eq!((&*row.attributes["outcome"], &*row.attributes["side"]), ("written", "engage"));
    assert_eq!(parent(row), Some("write"));
    let write = of("call").find(|call| parent(call) == Some("write") && call.attributes["side"] == "engage");
    let write = write.expect("the call that wrote");
    assert_eq!(write.attributes["http.response.status_code"], "200");
    assert_eq!(write.attributes["server.address"], "127.0.0.1");
    let roots: Vec<&str> =
        story.iter().filter(|span| parent(span).is_none()).map(|span| &*span.name).collect();
    assert_eq!(roots, ["pass"]);

    let allowed = [
        "decided",
        "planned",
        "written",
        "change",
        "decision",
        "side",
        "seen_by",
        "waited_ms",
        "rows",
        "outcome",
        "server.address",
        "purpose",
        "http.response.status_code",
        "code",
    ];
    let docs = include_str!("../../../docs/logs.md");
    for key in allowed {
        assert!(docs.contains(&format!("`{key}`")), "docs/logs.md does not name {key}");
    }
    for span in &received.spans {
        for (key, value) in &span.attributes {
            assert!(allowed.contains(&key.as_str()), "{key} is new: may it leave the company? {span:?}");
            assert!(!value.contains('@') && !value.contains("Jane"), "{span:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_refuses_is_told_of_once_and_keeps_nothing_from_being_written() {
    // Whoever listened at this port does so no more.
    let endpoint = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let (sandbox, lead, daemon, _dir) = daemon(&endpoint).await;
    daemon.says("traces.lost");
    sandbox.org.edit(lead, &[("Status", serde_json::json!("Nurture"))]);
    assert_eq!(daemon.says("status.written")["to"], "success");
    let before_the_end = daemon.stops();
    assert!(!before_the_end.iter().any(|event| event == "traces.lost"), "said twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_never_answers_keeps_nothing_from_being_written_nor_the_daemon_from_ending() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (asked, mut hangs) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            asked.send(stream).unwrap();
        }
    });
    let (sandbox, lead, daemon, _dir) = daemon(&endpoint).await;
    let _waits = hangs.recv().await.expect("the daemon asks the collector");
    sandbox.org.edit(lead, &[("Status", serde_json::json!("Nurture"))]);
    assert_eq!(daemon.says("status.written")["to"], "success");
    daemon.stops();
}
