//! The one table of what `/api/v1` answers: the router and the OpenAPI document are both made of it.

use super::operations::Daemon;
use super::views::*;
use super::{api, live, openapi};
use crate::model::Link;
use crate::store::Integrity;
use axum::routing::{MethodRouter, get, post};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use std::sync::Arc;

type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One path.
pub struct Route {
    /// Whether it changes something: then it is POST, else GET.
    pub changes: bool,
    /// Below `/api/v1`.
    pub path: &'static str,
    /// What it does, in one sentence.
    pub summary: &'static str,
    /// Its query parameters.
    pub query: &'static [Parameter],
    /// The JSON that it takes.
    pub takes: Option<SchemaOf>,
    /// The JSON that it answers, or of which it streams events.
    pub answers: Option<SchemaOf>,
    /// In what form it answers.
    pub media: &'static str,
    /// Who answers.
    pub serve: MethodRouter<Arc<dyn Daemon>>,
}

/// One query parameter.
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub what: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// `string`, `integer` or `boolean`.
    pub kind: &'static str,
}

const fn parameter(name: &'static str, kind: &'static str, what: &'static str) -> Parameter {
    Parameter { name, what, required: false, kind }
}

const ID: &[Parameter] = &[Parameter {
    required: true,
    ..parameter("id", "string", "A Salesforce id, a prospect id, a conflict's id or an email address.")
}];
const BY: &[Parameter] = &[parameter("by", "string", "Who acts, for the log event operator.acted.")];
const PAGE: &[Parameter] = &[
    parameter("before", "integer", "Only changes with a smaller number, the newest first."),
    parameter("after", "integer", "Only changes with a larger number, the oldest first."),
    parameter("limit", "integer", "How many at most: 100 without it, 500 at most."),
];
const AFTER_CHANGE: &[Parameter] = &[parameter(
    "after",
    "integer",
    "The number of the last change that was seen, as the header Last-Event-ID; from now on without it.",
)];
const JOURNAL: &[Parameter] = &[parameter("journal", "boolean", "Whether the journal is copied, too.")];
const AFTER_LINK: &[Parameter] =
    &[parameter("after", "string", "The prospect id of the last link that was seen.")];

impl Route {
    fn new(changes: bool, path: &'static str, serve: MethodRouter<Arc<dyn Daemon>>) -> Route {
        Route {
            changes,
            path,
            summary: "",
            query: &[],
            takes: None,
            answers: None,
            media: "application/json",
            serve,
        }
    }

    fn says(self, summary: &'static str) -> Route {
        Route { summary, ..self }
    }

    fn query(self, query: &'static [Parameter]) -> Route {
        Route { query, ..self }
    }

    fn takes<T: JsonSchema>(self) -> Route {
        Route { takes: Some(|schemas| schemas.subschema_for::<T>()), ..self }
    }

    fn answers<T: JsonSchema>(self) -> Route {
        Route { answers: Some(|schemas| schemas.subschema_for::<T>()), ..self }
    }
}

/// All of them.
pub fn routes() -> Vec<Route> {
    let reads = |path, serve| Route::new(false, path, serve);
    let acts = |path, serve| Route::new(true, path, serve).query(BY);
    vec![
        reads("/status", get(api::status))
            .says("How things stand: both sides, what is due, what waits for a person.")
            .answers::<Status>(),
        reads("/explain", get(api::explain))
            .says("All that is known of one person; several when an email address is not unique.")
            .query(ID)
            .answers::<Vec<Explanation>>(),
        reads("/changes", get(api::changes))
            .says("What was seen, decided and written of late, in pages.")
            .query(PAGE)
            .answers::<Changes>(),
        Route {
            media: "text/event-stream",
            ..reads("/live", get(live::live))
                .says("The same as it happens: server-sent events named `change`, whose ids are numbers of changes.")
                .query(AFTER_CHANGE)
                .answers::<Change>()
        },
        reads("/mapping", get(api::mapping))
            .says("The mapping in use, with people and carried changes counted on its rows.")
            .answers::<MappingView>(),
        reads("/conflicts", get(api::conflicts))
            .says("The links on which a person has to decide, the oldest first.")
            .answers::<Vec<Conflict>>(),
        acts("/conflicts/resolve", post(api::resolve))
            .says("Decides a conflict; carried out when the link is next looked at, which is soon.")
            .query(&[])
            .takes::<Resolve>()
            .answers::<Vec<Conflict>>(),
        reads("/parked", get(api::parked))
            .says("The writes that a system refused for good, the oldest first.")
            .answers::<Vec<ParkedRecord>>(),
        acts("/parked/retry", post(api::retry))
            .says("Tries one refused write again, or all.")
            .takes::<Which>()
            .answers::<Count>(),
        acts("/parked/drop", post(api::drop_parked))
            .says("Forgets one refused write, or all: the link is left as it is until either side changes.")
            .takes::<Which>()
            .answers::<Count>(),
        acts("/pause", post(api::pause))
            .says("Stops writing; reading goes on, and nothing is lost.")
            .answers::<()>(),
        acts("/resume", post(api::resume)).says("Writes again.").answers::<()>(),
        acts("/resync", post(api::resync))
            .says("Has records compared again, by the plan's rules.")
            .takes::<Resync>()
            .answers::<Count>(),
        reads("/plan", get(api::plan))
            .says("What a run would do now. Writes nothing anywhere; asks both systems.")
            .answers::<Plan>(),
        acts("/plan/apply", post(api::apply_plan))
            .says("Lets what waits through: those very writes, and nothing that was decided later.")
            .takes::<ApplyPlan>()
            .answers::<Count>(),
        reads("/links", get(api::links))
            .says("Linked people with both baselines, 500 at a time, in the order of prospect ids.")
            .query(AFTER_LINK)
            .answers::<Vec<Link>>(),
        Route { media: "application/jsonl", ..reads("/store/export", get(api::export)) }
            .says("A copy of what the store knows, as JSON Lines; its last line says whether it is whole.")
            .query(JOURNAL),
        reads("/store/verify", get(api::verify)).says("Looks at every row of the store.").answers::<Integrity>(),
        reads("/openapi.json", get(openapi::openapi)).says("This document."),
    ]
}
