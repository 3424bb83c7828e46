//! `lockstep login`, the real binary, with a browser that is led to it from the sandbox.

use super::call;
use super::run::sandbox;
use crate::contract::refresh_token::{mode, text};
use crate::crash::daemon::configuration;
use lockstep::sandbox::Sandbox;
use lockstep::sandbox::salesforce::Consent;
use reqwest::StatusCode;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use url::Url;

/// A company that signs in by a refresh token, which it does not have yet.
struct Company {
    sandbox: Sandbox,
    dir: TempDir,
    config: PathBuf,
    token: PathBuf,
}

impl Company {
    async fn new() -> Company {
        let sandbox = sandbox().await;
        sandbox.product.add_sequence("Outreach", true, &[]);
        sandbox.org.set_consent(Consent::Allowed);
        let dir = TempDir::new().unwrap();
        let config = configuration(&sandbox, dir.path());
        let flow = "flow = \"refresh-token\"\nrefresh_token_file = \"refresh-token\"";
        let changed = text(&config).replacen("flow = \"client-credentials\"", flow, 1);
        std::fs::write(&config, changed).unwrap();
        let token = dir.path().join("refresh-token");
        Company { sandbox, dir, config, token }
    }

    fn line<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        [command, &["-c", self.config.to_str().unwrap()]].concat()
    }

    /// Calls the binary without holding up the sandbox.
    async fn call(&self, command: &[&str]) -> super::Called {
        let line: Vec<String> = self.line(command).into_iter().map(str::to_owned).collect();
        let dir = self.dir.path().to_owned();
        let called = move || call(&dir, &line.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        tokio::task::spawn_blocking(called).await.unwrap()
    }

    /// A login that waits for its browser, on a port that the app knows.
    async fn login(&self) -> Login {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lockstep"))
            .args(self.line(&["login", "--port", "0", "--json"]))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let told = tokio::task::spawn_blocking(move || {
            let mut lines = out.lines();
            // The first document ends with the first line that is nothing but a brace.
            let ends = |line: &String| line == "}";
            let mut first: Vec<String> =
                lines.by_ref().map(Result::unwrap).take_while(|line| !ends(line)).collect();
            first.push("}".to_owned());
            super::schema::fits("login", &first.concat());
            (serde_json::from_str::<serde_json::Value>(&first.concat()).unwrap(), lines)
        });
        let (told, lines) = told.await.unwrap();
        let login = Login {
            url: told["authorize_url"].as_str().unwrap().parse().unwrap(),
            callback: told["callback_url"].as_str().unwrap().parse().unwrap(),
            rest: Box::new(lines.map(Result::unwrap)),
            child,
        };
        self.sandbox.org.register_callback("lockstep", login.callback.as_str(), true);
        login
    }
}

struct Login {
    url: Url,
    callback: Url,
    rest: Box<dyn Iterator<Item = String> + Send>,
    child: Child,
}

impl Login {
    /// A page behind the callback's address, or another of that port.
    async fn get(&self, path: &str, query: &[(&str, &str)]) -> (StatusCode, String) {
        let url = self.callback.join(path).unwrap();
        let answer = reqwest::Client::new().get(url).query(query).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    fn state(&self) -> String {
        self.url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned()
    }

    /// How it ended: exit code, what else stood on standard output, and standard error.
    async fn ended(mut self) -> (i32, String, String) {
        let wait = move || {
            let mut err = String::new();
            self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
            let out: Vec<String> = self.rest.collect();
            (self.child.wait().unwrap().code().unwrap(), out.join("\n"), err)
        };
        tokio::task::spawn_blocking(wait).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_allows_it_leaves_a_token_that_the_daemon_works_with() {
    let company = Company::new().await;
    let called = company.call(&["check"]).await;
    assert_eq!(called.code, 3);
    let told = format!("run `lockstep login -c {}`", company.config.display());
    assert!(called.out.contains("C008") && called.out.contains(&told), "{}", called.out);

    let login = company.login().await;
    let page = reqwest::get(login.url.clone()).await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(page.headers()["referrer-policy"], "no-referrer");
    assert!(page.text().await.unwrap().contains("is signed in"));
    let (code, out, err) = login.ended().await;
    assert_eq!((code, err.as_str()), (0, ""));
    super::schema::fits("login", &out);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["username"], "lockstep@sandbox.example");
    assert!(value["organization"].as_str().unwrap().starts_with("00D"), "{value}");

    assert_eq!(mode(&company.token), 0o600);
    let kept = text(&company.token);
    assert!(kept.starts_with("5Aep") && !out.contains(kept.trim_end()), "it is kept, and not printed");
    for _ in 0..2 {
        let called = company.call(&["check", "--live"]).await;
        assert_eq!(called.code, 0, "{}{}", called.out, called.err);
    }
    assert_ne!(text(&company.token), kept, "it rotates");
    std::fs::write(&company.token, "dead\n").unwrap();
    let called = company.call(&["check", "--live"]).await;
    assert!(called.code == 3 && called.out.contains("`lockstep login` gets another"), "{}", called.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_denies_it_ends_the_login_and_changes_nothing() {
    let company = Company::new().await;
    company.sandbox.org.set_consent(Consent::Denied);
    let login = company.login().await;
    let page = reqwest::get(login.url.clone()).await.unwrap();
    assert_eq!(page.status(), StatusCode::FORBIDDEN);
    let (code, out, err) = login.ended().await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("access was denied in the browser; nothing was changed"), "{err}");
    assert!(!company.token.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_another_login_and_requests_for_icons_do_not_end_the_wait() {
    let company = Company::new().await;
    let login = company.login().await;
    for (path, query, status) in [
        ("/favicon.ico", &[][..], StatusCode::NOT_FOUND),
        ("/", &[], StatusCode::NOT_FOUND),
        ("/callback", &[], StatusCode::BAD_REQUEST),
        ("/callback", &[("code", "<b>x"), ("state", "wrong")], StatusCode::BAD_REQUEST),
        ("/callback", &[("error", "access_denied")], StatusCode::BAD_REQUEST),
    ] {
        let (answered, page) = login.get(path, query).await;
        assert!(answered == status && !page.contains('<'), "{path}: {answered}: {page}");
    }
    assert_eq!(reqwest::get(login.url.clone()).await.unwrap().status(), StatusCode::OK);
    let (code, _, err) = login.ended().await;
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("not meant for this login; still waiting"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_salesforce_refuses_is_told_in_the_browser_and_in_the_terminal() {
    let company = Company::new().await;
    let login = company.login().await;
    let (answered, page) = login.get("/callback", &[("code", "stale"), ("state", &login.state())]).await;
    assert!(answered == StatusCode::BAD_GATEWAY && page.contains("could not sign in"), "{answered}: {page}");
    let (code, _, err) = login.ended().await;
    assert!(code == 1 && err.contains("invalid_grant: expired authorization code"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_answer_is_told_that_it_comes_too_late() {
    let company = Company::new().await;
    let login = company.login().await;
    let state = login.state();
    let answer = [("code", "stale"), ("state", state.as_str())];
    // The first is on its way to Salesforce, which takes its time.
    let (when, slow) = (
        lockstep::sandbox::When::next("POST", "/oauth2/token"),
        lockstep::sandbox::Fault::Delay { millis: 1_000 },
    );
    company.sandbox.org.faults().add(when, slow);
    let (one, two) = tokio::join!(login.get("/callback", &answer), login.get("/callback", &answer));
    let mut both = [one.0, two.0];
    both.sort();
    assert_eq!(both, [StatusCode::CONFLICT, StatusCode::BAD_GATEWAY]);
    assert_eq!(login.ended().await.0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_stopped_or_not_answered_says_so_and_changes_nothing() {
    let company = Company::new().await;
    let login = company.login().await;
    let sent = Command::new("kill").args(["-INT", &login.child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let (code, _, err) = login.ended().await;
    assert!(code == 1 && err.contains("stopped before the browser answered"), "{err}");

    let called = company.call(&["login", "--port", "0", "--timeout", "1ms"]).await;
    assert_eq!(called.code, 1);
    assert!(called.out.contains("/services/oauth2/authorize?response_type=code"), "{}", called.out);
    for words in ["no answer came within 1ms", "redirect_uri_mismatch", "http://localhost:"] {
        assert!(called.err.contains(words), "{}", called.err);
    }
    assert!(!company.token.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_is_said_before_anybody_is_asked() {
    let company = Company::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let called = company.call(&["login", "--port", &port]).await;
    assert_eq!((called.code, called.out.as_str()), (1, ""));
    assert!(called.err.contains(&format!("port {port} of this machine is in use")), "{}", called.err);

    std::fs::create_dir(company.token.with_extension("new")).unwrap();
    let called = company.call(&["login", "--port", "0"]).await;
    assert_eq!((called.code, called.out.as_str()), (1, ""));
    assert!(called.err.contains("refresh_token_file"), "{}", called.err);

    let other = text(&company.config).replace("flow = \"refresh-token\"", "flow = \"client-credentials\"");
    std::fs::write(&company.config, other).unwrap();
    let called = company.call(&["login", "--port", "0"]).await;
    assert_eq!((called.code, called.out.as_str()), (3, ""));
    assert!(
        called.err.contains("[salesforce] flow") && called.err.contains("\"refresh-token\""),
        "{}",
        called.err
    );
}
