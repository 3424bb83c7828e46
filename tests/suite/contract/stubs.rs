//! WireMock's own stub files, served without WireMock: as much of the format as the fixtures use, and a loud no to
//! the rest, so that what passes here passes there.

mod matching;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use matching::{Asked, RequestPattern};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The state in which every scenario begins.
const STARTED: &str = "Started";

/// WireMock's priority of a stub that names none; a smaller number goes first.
const PRIORITY: u32 = 5;

/// A stub: a request to recognise, and what it is answered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Stub {
    name: String,
    #[serde(default = "priority")]
    priority: u32,
    request: RequestPattern,
    response: Answer,
    scenario_name: Option<String>,
    required_scenario_state: Option<String>,
    new_scenario_state: Option<String>,
}

fn priority() -> u32 {
    PRIORITY
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Answer {
    status: Option<u16>,
    json_body: Option<Value>,
    body: Option<String>,
    body_file_name: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    fault: Option<Fault>,
    fixed_delay_milliseconds: Option<u64>,
    #[serde(default)]
    transformers: Vec<Transformer>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Fault {
    ConnectionResetByPeer,
    EmptyResponse,
}

/// Of templates only `{{request.baseUrl}}` is known.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Transformer {
    ResponseTemplate,
}

/// A file holds one stub, or many under `mappings`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Many {
    mappings: Vec<Stub>,
}

/// A request that was made, and the name of the stub that answered it.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) stub: Option<String>,
}

/// A server of stubs on loopback. It ends when this is dropped.
pub(super) struct StubServer {
    pub(super) base_url: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    stubs: Vec<Stub>,
    /// What `bodyFileName` names, by name.
    files: HashMap<String, String>,
    scenarios: Mutex<HashMap<String, String>>,
    journal: Mutex<Vec<Made>>,
}

impl StubServer {
    /// Serves `mappings/*.json` and `__files/*` of a folder.
    pub(super) async fn start(dir: &Path) -> StubServer {
        let shared = Arc::new(Shared::load(dir));
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let base_url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(door).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving ends with the test");
        });
        StubServer { base_url, shared, task }
    }

    /// All requests so far, in their order.
    pub(super) fn journal(&self) -> Vec<Made> {
        lock(&self.shared.journal).clone()
    }
}

impl Drop for StubServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn load(dir: &Path) -> Shared {
        let mut stubs = Vec::new();
        for (name, text) in texts(&dir.join("mappings")) {
            stubs.extend(read(&text).unwrap_or_else(|error| panic!("{name}: {error}")));
        }
        assert!(!stubs.is_empty(), "no stubs in {}", dir.display());
        let files: HashMap<String, String> = texts(&dir.join("__files")).into_iter().collect();
        for stub in &stubs {
            let name = stub.response.body_file_name.as_ref();
            assert!(name.is_none_or(|name| files.contains_key(name)), "{}: no file {name:?}", stub.name);
        }
        Shared { stubs, files, scenarios: Mutex::default(), journal: Mutex::default() }
    }

    /// The stub for a request; moves its scenario on.
    fn pick(&self, asked: &Asked<'_>) -> Option<&Stub> {
        let mut scenarios = lock(&self.scenarios);
        let is_its_turn = |stub: &Stub| match (&stub.scenario_name, &stub.required_scenario_state) {
            (Some(scenario), Some(required)) => {
                scenarios.get(scenario).map_or(STARTED, String::as_str) == required
            }
            _ => true,
        };
        let fitting: Vec<&Stub> =
            self.stubs.iter().filter(|stub| is_its_turn(stub) && stub.request.matches(asked)).collect();
        let first = fitting.iter().map(|stub| stub.priority).min()?;
        let mut first = fitting.into_iter().filter(|stub| stub.priority == first);
        let stub = first.next()?;
        // WireMock takes the one that was loaded last, and nobody orders files.
        if let Some(other) = first.next() {
            panic!("{:?} and {:?} answer the same request at the same priority", stub.name, other.name);
        }
        if let (Some(scenario), Some(state)) = (&stub.scenario_name, &stub.new_scenario_state) {
            scenarios.insert(scenario.clone(), state.clone());
        }
        Some(stub)
    }

    fn respond(&self, answer: &Answer, headers: &HeaderMap) -> Response {
        if let Some(fault) = answer.fault {
            return broken_off(fault);
        }
        let json = answer.json_body.as_ref().map(Value::to_string);
        let file = answer.body_file_name.as_ref().map(|name| self.files[name].clone());
        let mut body = json.or_else(|| answer.body.clone()).or(file).unwrap_or_default();
        if answer.transformers.contains(&Transformer::ResponseTemplate) {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
            body = body.replace("{{request.baseUrl}}", &format!("http://{host}"));
            assert!(!body.contains("{{"), "a template that is not known here: {body}");
        }
        let mut response = Response::builder().status(answer.status.unwrap_or(200));
        for (name, value) in &answer.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(body)).expect("a stub's headers are headers")
    }
}

fn read(text: &str) -> serde_json::Result<Vec<Stub>> {
    let value: Value = serde_json::from_str(text)?;
    match value.get("mappings") {
        Some(_) => serde_json::from_value::<Many>(value).map(|many| many.mappings),
        None => serde_json::from_value(value).map(|stub| vec![stub]),
    }
}

/// The files of a folder by name; none where there is no folder.
fn texts(dir: &Path) -> Vec<(String, String)> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let text = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("a readable folder").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read_to_string(&path).expect("a readable file"))
    };
    entries.map(text).collect()
}

async fn door(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a whole request");
    let asked = Asked { method: &parts.method, uri: &parts.uri, headers: &parts.headers, body: &body };
    let stub = shared.pick(&asked);
    lock(&shared.journal).push(Made {
        method: parts.method.clone(),
        target: parts.uri.to_string(),
        stub: stub.map(|stub| stub.name.clone()),
    });
    let Some(stub) = stub else { return unmatched(&parts.method, &parts.uri, &body) };
    if let Some(millis) = stub.response.fixed_delay_milliseconds {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    shared.respond(&stub.response, &parts.headers)
}

fn unmatched(method: &Method, uri: &Uri, body: &Bytes) -> Response {
    eprintln!("no stub answers {method} {uri}\n{}", String::from_utf8_lossy(body));
    let mut response = Response::new(Body::from("no stub answers this request"));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// The body breaks off at once, which closes the connection: what a client sees of either fault.
fn broken_off(_: Fault) -> Response {
    let gone = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("broken off")) });
    Response::builder()
        .header(header::CONTENT_LENGTH, 1_000)
        .body(Body::from_stream(gone))
        .expect("a response")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn a_stub_file_with_a_key_that_is_not_known_is_refused() {
    let stub = |request: &str, response: &str| {
        let text = format!(r#"{{"name": "x", "request": {request}, "response": {response}}}"#);
        read(&text).map(drop).map_err(|error| error.to_string())
    };
    let request = r#"{"method": "GET", "urlPath": "/a"}"#;
    assert_eq!(stub(request, r#"{"status": 200}"#), Ok(()));
    for (request, response, key) in [
        (request, r#"{"statusMessage": "fine"}"#, "statusMessage"),
        (request, r#"{"fault": "RANDOM_DATA_THEN_CLOSE"}"#, "RANDOM_DATA_THEN_CLOSE"),
        (r#"{"method": "GET", "urlPathTemplate": "/a"}"#, "{}", "urlPathTemplate"),
        (r#"{"method": "GET", "urlPath": "/a", "headers": {"A": {"before": "now"}}}"#, "{}", "before"),
        (
            r#"{"method": "GET", "urlPath": "/a", "bodyPatterns": [{"matchesXPath": "//a"}]}"#,
            "{}",
            "matchesXPath",
        ),
    ] {
        let error = stub(request, response).expect_err(key);
        assert!(error.contains(key), "{error}");
    }
}
