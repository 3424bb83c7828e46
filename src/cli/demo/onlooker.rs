//! Looks at both systems from outside, over HTTP, as any stranger could: not through the connectors, and not by
//! peeping into the sandbox.

use super::story::Look;
use anyhow::{Context, bail};
use serde_json::Value;

/// Somebody with read access to both systems.
#[derive(Debug, Clone)]
pub(super) struct Onlooker {
    http: reqwest::Client,
    salesforce: String,
    salesforce_token: String,
    engage: String,
    engage_token: String,
}

impl Onlooker {
    /// Signs in to both.
    pub(super) async fn new(
        salesforce: &str,
        engage: &str,
        client: (&str, &str),
        engage_client: (&str, &str),
    ) -> anyhow::Result<Onlooker> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let token = async |url: String, (id, secret): (&str, &str)| -> anyhow::Result<String> {
            let form = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
            let answer: Value = http.post(url).form(&form).send().await?.error_for_status()?.json().await?;
            Ok(answer["access_token"].as_str().context("an access_token")?.to_owned())
        };
        let salesforce_token = token(format!("{salesforce}/services/oauth2/token"), client).await?;
        let engage_token = token(format!("{engage}/oauth/token"), engage_client).await?;
        Ok(Onlooker {
            http: http.clone(),
            salesforce: salesforce.to_owned(),
            salesforce_token,
            engage: engage.to_owned(),
            engage_token,
        })
    }

    /// What both systems say of one person now.
    pub(super) async fn look(&self, lead: &str, prospect: &str) -> anyhow::Result<Look> {
        let lead = format!(
            "{}/services/data/v67.0/sobjects/Lead/{lead}?fields=Status,HasOptedOutOfEmail",
            self.salesforce
        );
        let lead = self.get(lead, &self.salesforce_token).await?;
        let person =
            self.get(format!("{}/api/v1/prospects/{prospect}", self.engage), &self.engage_token).await?;
        let enrollments = format!("{}/api/v1/enrollments?prospect_ids={prospect}", self.engage);
        let enrollments = self.get(enrollments, &self.engage_token).await?;
        let states = enrollments["enrollments"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(Look {
            lead: text(&lead["Status"]),
            opted_out: lead["HasOptedOutOfEmail"].as_bool().unwrap_or_default(),
            person: label(&text(&person["status"])),
            sequences: states.iter().map(|enrollment| text(&enrollment["state"])).collect(),
        })
    }

    async fn get(&self, url: String, token: &str) -> anyhow::Result<Value> {
        let answer = self.http.get(&url).bearer_auth(token).send().await?;
        let status = answer.status();
        if !status.is_success() {
            bail!("{url} answers {status}");
        }
        Ok(answer.json().await?)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("(empty)").to_owned()
}

/// `not_interested` as the product shows it: `Not interested`.
fn label(key: &str) -> String {
    let words = key.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
