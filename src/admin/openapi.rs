//! `GET /api/v1/openapi.json`: made of the table of routes and of the types themselves.

use super::operations::RefusalBody;
use super::routes::{Parameter, Route, routes};
use axum::Json;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

pub(super) async fn openapi() -> Json<&'static Value> {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    Json(DOCUMENT.get_or_init(document))
}

/// Schemas of what is taken and of what is answered differ: only what is answered has all its fields.
struct Schemas {
    taken: SchemaGenerator,
    answered: SchemaGenerator,
}

fn document() -> Value {
    let settings = || {
        SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
    };
    let mut schemas = Schemas {
        taken: settings().for_deserialize().into_generator(),
        answered: settings().for_serialize().into_generator(),
    };
    let mut paths = Map::new();
    for route in routes() {
        let method = if route.changes { "post" } else { "get" };
        let mut operation = Map::new();
        operation.insert(method.to_owned(), operation_of(&route, &mut schemas));
        paths.insert(format!("/api/v1{}", route.path), Value::Object(operation));
    }
    let refusal = schemas.answered.subschema_for::<RefusalBody>();
    let mut components = schemas.taken.take_definitions(true);
    components.extend(schemas.answered.take_definitions(true));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lockstep admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the commands and the dashboard ask of a running daemon. Where an admin token is set, \
                everything needs it; what changes something needs it always.",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {"Refused": {
                "description": "It was not done, and why.",
                "content": {"application/json": {"schema": refusal}},
            }},
        },
    })
}

fn operation_of(route: &Route, schemas: &mut Schemas) -> Value {
    let media = route.media;
    let schema = match route.answers {
        Some(answers) => answers(&mut schemas.answered).to_value(),
        None => json!({}),
    };
    let mut operation = json!({
        "operationId": route.path.trim_matches('/').replace(['/', '.'], "_"),
        "summary": route.summary,
        "responses": {
            "200": {"description": "Done.", "content": {media: {"schema": schema}}},
            "default": {"$ref": "#/components/responses/Refused"},
        },
    });
    if !route.query.is_empty() {
        operation["parameters"] = route.query.iter().map(parameter).collect();
    }
    if let Some(takes) = route.takes {
        let schema = takes(&mut schemas.taken).to_value();
        operation["requestBody"] = json!({
            "required": route.path != "/plan/apply",
            "content": {"application/json": {"schema": schema}},
        });
    }
    operation
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": "query",
        "description": parameter.what,
        "required": parameter.required,
        "schema": {"type": parameter.kind},
    })
}
