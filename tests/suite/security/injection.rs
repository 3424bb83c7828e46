//! Hostile words in everything that comes from outside: each log line stays one line of JSON, and no command's answer
//! moves the cursor.

use super::daemon::{CLIENT, Secrets, Stage, closed_file};
use lockstep::event::is_unsafe;
use lockstep::sandbox::{Fault, When};
use serde_json::{Value, json};

/// Escape, line ends of four kinds, marks that turn the reading direction, and a line that looks like ours.
const HOSTILE: &str = "x\u{1b}[2J\u{1b}]0;owned\u{7}\r\n{\"event\":\"forged.line\"}\n\u{2028}\u{2029}\u{85}\u{202e}\u{2066}\u{200b}\u{feff}\u{0}";

fn refused(status: u16, body: Value) -> Fault {
    Fault::Answer { status, body: body.to_string(), retry_after: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_words_from_outside_stay_within_their_line_and_do_not_reach_a_terminal() {
    let mut stage = Stage::set("Jane", "jane@example.com").await;
    stage.org.register_app(CLIENT, "made for this test");
    closed_file(&stage.dir.path().join("salesforce-secret"), "made for this test");
    let secrets = Secrets {
        engage: "also made for it".to_owned(),
        webhook: ["first".to_owned(), "second".to_owned()],
        admin: "0123456789abcdef".to_owned(),
    };
    stage.configure("flow = \"client-credentials\"\nclient_secret_file = \"salesforce-secret\"", &secrets);
    let other =
        stage.org.create_lead("John", "Roe", "Acme", "john@example.com", "Attempting to contact").unwrap();
    let john = stage.product.create("john@example.com", "John", "Roe", "Acme", Some(other));
    stage.product.set_status(&john, "approaching").unwrap();
    stage.start();
    stage.hears("pass.finished").await;

    // A status that no row mentions, in the org's own words.
    stage.org.edit(other, &[("Status", json!(HOSTILE))]);
    stage.hears("value.skipped").await;
    // A write that is refused for good, in the words of whoever made the rule.
    stage.org.refuse("Lead", "Status", None, HOSTILE);
    stage.product.set_status(&stage.prospect, "success").unwrap();
    stage.hears("record.parked").await;
    // A poll that fails, with theirs too.
    let errors = json!([{"errorCode": HOSTILE, "message": HOSTILE, "fields": [HOSTILE]}]);
    stage.org.faults().add(When { times: 2, ..When::next("GET", "queryAll") }, refused(500, errors));
    stage.org.faults().add(When { times: 2, ..When::next("GET", "updated") }, refused(500, json!(HOSTILE)));
    stage.org.revoke_sessions();
    // Deliveries with a hostile header and a hostile body.
    let base = stage.address();
    for (secret, body) in [
        ("first", json!({"id": HOSTILE, "type": HOSTILE, "prospect_id": HOSTILE})),
        ("nobody's", json!(HOSTILE)),
    ] {
        let (headers, _) = stage.product.signed_event(&stage.prospect, &[secret]);
        let mut request =
            reqwest::Client::new().post(format!("{base}/webhooks/engage")).body(body.to_string());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        assert_eq!(request.send().await.unwrap().status(), 401);
    }
    let soap = reqwest::Client::new()
        .post(format!("{base}/webhooks/salesforce"))
        .body(HOSTILE)
        .send()
        .await
        .unwrap();
    assert!(!soap.text().await.unwrap().contains('\u{1b}'));
    stage.hears("webhook.rejected").await;
    stage.stop().await;

    let said = stage.said();
    assert!(said.ends_with('\n'));
    for line in said.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line:?}"));
        assert_ne!(value["event"], "forged.line");
        assert!(!line.contains(is_unsafe), "{line:?}");
    }
    let skipped = said.lines().find(|line| line.contains("value.skipped")).unwrap();
    assert!(skipped.contains("forged.line"), "what was said is still there, as text: {skipped}");
    for command in ["status", "parked", "conflicts", "explain"] {
        let mut arguments = vec![command, "-c", "lockstep.toml"];
        if command == "explain" {
            arguments.push(other.as_str());
        }
        let shown = stage.command(&arguments).await;
        assert!(!shown.is_empty());
        let bad = shown.chars().find(|c| *c != '\n' && is_unsafe(*c));
        assert_eq!(bad, None, "{command}: {shown:?}");
    }
}
