//! What the sandbox shows to clients that are not ours: sign-in by SOAP, introspection, descriptions that did not change,
//! collections that are taken whole or not at all.

use super::free_port;
use lockstep::sandbox::salesforce::{FieldKind, Org};
use lockstep::sandbox::{Clock, Served};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

struct Stranger {
    org: Org,
    clock: Clock,
    served: Served,
    http: Client,
    token: String,
}

impl Stranger {
    async fn new() -> Stranger {
        let clock = Clock::driven("2026-11-23T09:00:00Z".parse().expect("a time"));
        let org = Org::new(clock.clone());
        org.register_app("app", "open sesame");
        let served = org.serve(free_port().await).expect("the sandbox is served");
        let mut stranger = Stranger { org, clock, served, http: Client::new(), token: String::new() };
        let granted = stranger.sign_in("app.example").await;
        stranger.token = granted.json::<Value>().await.expect("JSON")["access_token"]
            .as_str()
            .expect("a token")
            .to_owned();
        stranger
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.served.address())
    }

    /// Signs in with a secret, by way of this host.
    async fn sign_in(&self, host: &str) -> Response {
        let form =
            [("grant_type", "client_credentials"), ("client_id", "app"), ("client_secret", "open sesame")];
        let request = self.http.post(self.url("/services/oauth2/token")).header("host", host).form(&form);
        request.send().await.expect("an answer")
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(self.url(path)).bearer_auth(&self.token)
    }

    async fn soap_login(&self, version: &str, password: &str) -> (StatusCode, String) {
        let body = format!(
            "<?xml version=\"1.0\"?><se:Envelope xmlns:se=\"http://schemas.xmlsoap.org/soap/envelope/\"><se:Body>\
             <login xmlns=\"urn:partner.soap.sforce.com\"><username>lockstep@sandbox.example</username>\
             <password>{password}</password></login></se:Body></se:Envelope>"
        );
        let request = self.http.post(self.url(&format!("/services/Soap/u/{version}"))).body(body);
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.text().await.expect("a text"))
    }

    async fn write(&self, request: RequestBuilder) -> Value {
        let answer = request.bearer_auth(&self.token).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        answer.json().await.expect("JSON")
    }
}

#[tokio::test]
async fn an_old_client_signs_in_by_soap_and_reads_the_organisation_by_its_place() {
    let stranger = Stranger::new().await;
    let (status, text) = stranger.soap_login("50.0", "open sesame").await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let info = text.split("<userInfo>").nth(1).expect("userInfo");
    let eighth = info.split("</").nth(8).expect("nine elements");
    assert!(eighth.contains("<organizationId>00D"), "{eighth}");
    let session =
        text.split("<sessionId>").nth(1).and_then(|rest| rest.split('<').next()).expect("a session");
    let limits = stranger.http.get(stranger.url("/services/data/v50.0/limits")).bearer_auth(session);
    assert_eq!(limits.send().await.expect("an answer").status(), StatusCode::OK);

    let (status, text) = stranger.soap_login("50.0", "open &amp; wrong").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(text.contains("<faultcode>sf:INVALID_LOGIN</faultcode>"), "{text}");
    let (_, text) = stranger.soap_login("65.0", "open sesame").await;
    assert!(text.contains("UNSUPPORTED_API_VERSION"), "the call is gone since: {text}");
}

#[tokio::test]
async fn client_credentials_are_refused_by_the_host_that_all_orgs_share() {
    let stranger = Stranger::new().await;
    let refused = stranger.sign_in("login.salesforce.com").await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let said: Value = refused.json().await.expect("JSON");
    assert_eq!(said["error_description"], "request not supported on this domain");
}

#[tokio::test]
async fn a_token_is_introspected_for_an_app_that_proves_who_it_is() {
    let stranger = Stranger::new().await;
    let ask = async |secret: &str| -> (StatusCode, Value) {
        let form = [("token", stranger.token.as_str()), ("client_id", "app"), ("client_secret", secret)];
        let request = stranger.http.post(stranger.url("/services/oauth2/introspect")).form(&form);
        let answer = request.send().await.expect("an answer");
        (answer.status(), answer.json().await.expect("JSON"))
    };
    let (status, said) = ask("open sesame").await;
    assert_eq!((status, &said["active"], &said["client_id"]), (StatusCode::OK, &json!(true), &json!("app")));
    assert!(said["exp"].as_i64() > said["iat"].as_i64());
    assert_eq!(ask("wrong").await.0, StatusCode::UNAUTHORIZED);
    stranger.org.revoke_sessions();
    assert_eq!(ask("open sesame").await.1, json!({"active": false}));
}

#[tokio::test]
async fn a_description_is_sent_again_only_when_it_changed() {
    let stranger = Stranger::new().await;
    let ask = async |since: &str| {
        let request =
            stranger.get("/services/data/v67.0/sobjects/Lead/describe").header("if-modified-since", since);
        request.send().await.expect("an answer").status()
    };
    assert_eq!(ask("Mon, 23 Nov 2026 09:00:00 GMT").await, StatusCode::NOT_MODIFIED);
    stranger.clock.advance(Duration::from_secs(60));
    stranger.org.add_field("Lead", "Extra__c", FieldKind::Text);
    assert_eq!(ask("Mon, 23 Nov 2026 09:00:00 GMT").await, StatusCode::OK);
    assert_eq!(ask("Mon, 23 Nov 2026 09:01:00 GMT").await, StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn a_collection_of_all_or_none_leaves_nothing_behind_when_one_row_is_refused() {
    let stranger = Stranger::new().await;
    let path = stranger.url("/services/data/v67.0/composite/sobjects");
    let lead = |last: &str| json!({"attributes": {"type": "Lead"}, "LastName": last, "Company": "Acme"});
    let nameless = json!({"attributes": {"type": "Lead"}, "Nothing__c": "x"});

    let body = json!({"allOrNone": true, "records": [lead("One"), nameless]});
    let said = stranger.write(stranger.http.post(&path).json(&body)).await;
    assert_eq!(said[0]["errors"][0]["statusCode"], "ALL_OR_NONE_OPERATION_ROLLED_BACK");
    assert_eq!(said[1]["errors"][0]["statusCode"], "INVALID_FIELD");
    let all = "/services/data/v67.0/query/?q=select+count()+from+lead";
    let counted: Value = stranger.get(all).send().await.expect("an answer").json().await.expect("JSON");
    assert_eq!(counted["totalSize"], 0);

    let body = json!({"records": [lead("One"), lead("Two")]});
    let said = stranger.write(stranger.http.post(&path).json(&body)).await;
    let ids: Vec<&str> = said.as_array().expect("rows").iter().filter_map(|row| row["id"].as_str()).collect();
    assert_eq!(ids.len(), 2);
    let changed = |status: &str| {
        let row = |id: &str| json!({"attributes": {"type": "Lead"}, "id": id, "Status": status});
        json!({"allOrNone": true, "records": [row(ids[0]), row("00Q5f000000gone")]})
    };
    stranger.write(stranger.http.patch(&path).json(&changed("Nurture"))).await;
    let row = stranger.get(&format!("/services/data/v67.0/sobjects/Lead/{}", ids[0]));
    let row: Value = row.send().await.expect("an answer").json().await.expect("JSON");
    assert_ne!(row["Status"], "Nurture");

    let said = stranger.write(stranger.http.delete(format!("{path}?ids={}", ids.join(",")))).await;
    assert!(said.as_array().expect("rows").iter().all(|row| row["success"] == true), "{said}");
}
