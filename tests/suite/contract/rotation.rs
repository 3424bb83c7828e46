//! A refresh token while its successor is on the way: what happens to the file meanwhile, and who still waits.

use super::refresh_token::{holding, refresh, text};
use super::{free_port, salesforce_config, tells};
use axum::extract::{Form, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use lockstep::connector::Retry;
use lockstep::connector::salesforce::Salesforce;
use lockstep::sandbox::Clock;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

type Happening = Box<dyn FnOnce() + Send>;

/// A token endpoint that answers `used` with `used+`, after something has happened to the file.
#[derive(Clone, Default)]
struct Endpoint {
    used: Arc<Mutex<Vec<String>>>,
    happens: Arc<Mutex<Option<Happening>>>,
    asked: Arc<Notify>,
    answers: Arc<Mutex<Option<Arc<Notify>>>>,
}

impl Endpoint {
    /// The endpoint, and a connector for this file.
    async fn serve(file: &Path) -> (Endpoint, Salesforce) {
        let endpoint = Endpoint::default();
        let router = Router::new()
            .route("/services/data", get(async || Json(json!([{"version": "67.0"}]))))
            .route("/services/oauth2/token", post(Endpoint::token))
            .with_state(endpoint.clone());
        let listener = free_port().await;
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(axum::serve(listener, router).into_future());
        let config = salesforce_config(&base, refresh(file));
        (endpoint, Salesforce::new(&config, tells(&Clock::real())).expect("a connector"))
    }

    fn before_the_next_answer(&self, happens: impl FnOnce() + Send + 'static) {
        *self.happens.lock().expect("a lock") = Some(Box::new(happens));
    }

    fn used(&self) -> Vec<String> {
        self.used.lock().expect("a lock").clone()
    }

    async fn token(State(this): State<Endpoint>, Form(form): Form<HashMap<String, String>>) -> Json<Value> {
        let used = form["refresh_token"].clone();
        this.used.lock().expect("a lock").push(used.clone());
        if let Some(happens) = this.happens.lock().expect("a lock").take() {
            happens();
        }
        this.asked.notify_one();
        let answers = this.answers.lock().expect("a lock").take();
        if let Some(answers) = answers {
            answers.notified().await;
        }
        let successor = format!("{used}+");
        Json(json!({"access_token": "access", "token_type": "Bearer", "refresh_token": successor}))
    }
}

#[tokio::test]
async fn a_token_that_was_put_there_meanwhile_is_not_overwritten() {
    let (_dir, file) = holding("old");
    let (endpoint, connector) = Endpoint::serve(&file).await;
    let place = file.clone();
    endpoint.before_the_next_answer(move || fs::write(place, "newer\n").expect("a file"));
    connector.connect(&[]).await.expect("the access token is good all the same");
    assert_eq!(text(&file), "newer\n");
}

#[tokio::test]
async fn a_successor_that_cannot_be_written_is_remembered_until_it_can_be() {
    let (_dir, file) = holding("old");
    let (endpoint, connector) = Endpoint::serve(&file).await;
    let fresh = file.with_extension("new");
    let place = fresh.clone();
    endpoint.before_the_next_answer(move || fs::create_dir(place).expect("a directory"));
    for _ in 0..2 {
        let error = connector.connect(&[]).await.expect_err("the disk is in the way");
        assert!(error.retry == Retry::Stop && !error.message.contains("old"), "{error}");
    }
    fs::remove_dir(&fresh).expect("a directory");
    connector.connect(&[]).await.expect("the way is free");
    assert_eq!(
        (endpoint.used(), text(&file).as_str()),
        (vec!["old".to_owned(), "old+".to_owned()], "old++\n")
    );
}

#[tokio::test]
async fn a_remembered_successor_yields_to_a_token_that_was_put_there_meanwhile() {
    let (_dir, file) = holding("old");
    let (endpoint, connector) = Endpoint::serve(&file).await;
    let fresh = file.with_extension("new");
    let place = fresh.clone();
    endpoint.before_the_next_answer(move || fs::create_dir(place).expect("a directory"));
    connector.connect(&[]).await.expect_err("the disk is in the way");
    fs::remove_dir(&fresh).expect("a directory");
    fs::write(&file, "newer\n").expect("a file");
    connector.connect(&[]).await.expect("signed in with the newer one");
    assert_eq!(
        (endpoint.used().last().map(String::as_str), text(&file).as_str()),
        (Some("newer"), "newer+\n")
    );
}

#[tokio::test]
async fn a_successor_is_kept_although_nobody_waits_for_it_any_more() {
    let (_dir, file) = holding("old");
    let (endpoint, connector) = Endpoint::serve(&file).await;
    let answer = Arc::new(Notify::new());
    *endpoint.answers.lock().expect("a lock") = Some(answer.clone());
    tokio::select! {
        _ = connector.connect(&[]) => panic!("it is not answered yet"),
        () = endpoint.asked.notified() => {}
    }
    answer.notify_one();
    connector.connect(&[]).await.expect("signed in behind the one that was given up");
    assert_eq!(
        (endpoint.used(), text(&file).as_str()),
        (vec!["old".to_owned(), "old+".to_owned()], "old++\n")
    );
}
