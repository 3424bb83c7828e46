//! The salesforce_core crate, unmodified, against the sandbox: sign-in, paging, describe, rows, collections, a bulk job,
//! and change events.

use futures_util::StreamExt;
use salesforce_core::bulkapi::{self, CreateQueryJobRequest, JobState, QueryOperation};
use salesforce_core::pubsubapi::{self, FetchRequest, ReplayPreset};
use salesforce_core::restapi::CompositeCollectionUpdateRequest;
use salesforce_core::{client, restapi};
use serde_json::json;
use std::error::Error;
use std::time::Duration;
use tonic::transport::{Certificate, Channel, ClientTlsConfig};

fn told(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by .ci/strangers"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let people: usize = told("PEOPLE").parse()?;
    let auth = client::Client::builder()
        .client_id(told("CLIENT_ID"))
        .client_secret(told("CLIENT_SECRET"))
        .instance_url(told("SALESFORCE_HTTP"))
        .tenant_id(told("ORGANISATION"))
        .build()?
        .connect()
        .await?;
    let rest = restapi::ClientBuilder::new(auth.clone()).build()?;

    let mut ids = Vec::new();
    let mut page = rest.query("SELECT Id FROM Lead WHERE IsConverted = false").send().await?;
    loop {
        ids.extend(page.records.iter().filter_map(|row| row.get("Id")?.as_str().map(str::to_owned)));
        match page.next_records_url.take() {
            Some(next) => page = rest.query_more(next).send().await?,
            None => break,
        }
    }
    assert_eq!(ids.len(), people);
    let described = rest.describe("Lead").send().await?;
    assert_eq!(described.name, "Lead");
    rest.basic_info("Lead").send().await?;

    rest.update("Lead", &ids[0], json!({"Status": "Nurture"})).send().await?;
    assert_eq!(rest.get("Lead", &ids[0]).send().await?["Status"], "Nurture");
    let rows: Vec<_> = ids[1..=200]
        .iter()
        .map(|id| json!({"attributes": {"type": "Lead"}, "id": id, "Status": "Not interested"}))
        .collect();
    let request: CompositeCollectionUpdateRequest =
        serde_json::from_value(json!({"allOrNone": false, "records": rows}))?;
    let answers = rest.update_records(&request).send().await?;
    assert_eq!(answers.iter().filter(|answer| answer.success).count(), 200);

    let bulk = bulkapi::ClientBuilder::new(auth.clone()).build()?.query();
    let job = bulk
        .create_job(&CreateQueryJobRequest {
            operation: QueryOperation::Query,
            query: "SELECT Id, Status FROM Lead".to_owned(),
            content_type: None,
            column_delimiter: None,
            line_ending: None,
        })
        .await?;
    while !matches!(bulk.get_job(&job.id).await?.state, JobState::JobComplete) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (mut pages, mut lines) = (bulk.result_pages(&job.id, None), 0);
    while let Some(page) = pages.next_page().await {
        let mut body = page?.body;
        let mut text = Vec::new();
        while let Some(bytes) = body.next().await {
            text.extend_from_slice(&bytes?);
        }
        lines += String::from_utf8(text)?.lines().count() - 1;
    }
    assert_eq!(lines, people);

    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(std::fs::read(told("REQUESTS_CA_BUNDLE"))?));
    let channel =
        Channel::from_shared(format!("https://{}", told("PUBSUB")))?.tls_config(tls)?.connect().await?;
    let mut pubsub = pubsubapi::Client::new(channel, auth)?;
    let ask = FetchRequest {
        topic_name: "/data/LeadChangeEvent".to_owned(),
        replay_preset: ReplayPreset::Earliest.into(),
        num_requested: 1,
        ..FetchRequest::default()
    };
    let (asks, asked) = tokio::sync::mpsc::channel(1);
    asks.send(ask).await?;
    let mut events = pubsub.subscribe(asked).await?.into_inner();
    let told = loop {
        let answer = events.message().await?.ok_or("the stream ended")?;
        if let Some(event) = answer.events.into_iter().next() {
            break event;
        }
    };
    let event = told.event.ok_or("an event without its own event")?;
    let schema = pubsub.get_schema(pubsubapi::SchemaRequest { schema_id: event.schema_id }).await?.into_inner();
    assert!(schema.schema_json.contains("\"LeadChangeEvent\"") && !event.payload.is_empty());
    println!("salesforce_core: well");
    Ok(())
}
