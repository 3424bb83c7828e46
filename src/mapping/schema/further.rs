//! What the language has besides the statuses: people whom one side does not know, further fields, the company's own
//! automations, and its examples.

use super::parts::*;
use super::rows::{sequences, winner};
use serde_json::{Value, json};

/// `[new]`.
pub(super) fn new_people() -> Value {
    let prospects = choice(
        "What is done with a prospect who has no Lead or Contact; `link-by-email` when left out.",
        &[
            ("ignore", "Nothing."),
            (
                "link-by-email",
                "The two are linked where the address is unique on both sides; else a person decides.",
            ),
            ("create", "A Lead is made, unless somebody there has the same email address."),
        ],
    );
    let leads = choice(
        "What is done with a Lead that has no prospect; `ignore` when left out.",
        &[
            ("ignore", "Nothing."),
            ("create", "A prospect is made, unless somebody there has the same email address."),
        ],
    );
    let disagree = choice(
        "What is done with a linked pair that disagrees when first seen; `adopt` when left out.",
        &[
            ("adopt", "Nothing is written; only what changes from then on is carried over."),
            ("apply", "It is decided as if both sides had changed."),
            ("hold", "A person decides."),
        ],
    );
    table(
        "People whom only one side knows, and pairs that are seen for the first time.",
        &[],
        [("prospects", prospects), ("leads", leads), ("disagree", disagree)],
    )
}

/// `[[field]]`.
pub(super) fn fields_in_step() -> Value {
    let mut field = table(
        "A field that is kept in step like the status.",
        &["engage"],
        [
            ("lead", field_name("The field's API name on Lead, such as Title.")),
            ("contact", field_name("The field's API name on Contact, such as Title.")),
            (
                "engage",
                choice(
                    "The field in Revenue Engage.",
                    &[
                        ("first_name", "The first name."),
                        ("last_name", "The last name."),
                        ("company", "The company's name."),
                        ("title", "The job title."),
                        (
                            "email",
                            "The email address. It cannot be written in Revenue Engage: only with `way = \"to-salesforce\"`.",
                        ),
                    ],
                ),
            ),
            (
                "way",
                choice(
                    "In which directions the field is carried; `both` when left out.",
                    &[
                        ("both", "Whichever side changes, the other follows."),
                        ("to-salesforce", "Salesforce follows Revenue Engage."),
                        ("to-engage", "Revenue Engage follows Salesforce."),
                    ],
                ),
            ),
            (
                "winner",
                winner(
                    "Who wins when both sides changed the field; the company's `[conflict] winner` when left out.",
                ),
            ),
            (
                "blank",
                choice(
                    "What an emptied field does to the other side; `keep` when left out.",
                    &[
                        ("keep", "The other side keeps its value."),
                        ("clear", "The other side is emptied too."),
                    ],
                ),
            ),
            ("transform", transform()),
            ("country_code", text("What `phone-e164` puts before a number without a country: +44.")),
            (
                "values",
                json!({
                    "type": "object",
                    "description": "What Revenue Engage's values (left) are called in Salesforce (right).",
                    "minProperties": 1,
                    "additionalProperties": { "type": "string", "description": "The value in Salesforce." },
                    "examples": [{ "CEO": "Chief Executive" }],
                }),
            ),
        ],
    );
    field["anyOf"] = json!([{ "required": ["lead"] }, { "required": ["contact"] }]);
    field["if"] = json!({ "properties": { "engage": { "const": "email" } }, "required": ["engage"] });
    field["then"] = json!({ "properties": { "way": { "const": "to-salesforce" } }, "required": ["way"] });
    field["examples"] =
        json!([{ "lead": "Title", "contact": "Title", "engage": "title", "transform": "trim" }]);
    tables("Further fields kept in step; one [[field]] for each.", field)
}

fn transform() -> Value {
    let one = || {
        choice(
            "How the value is changed on its way.",
            &[
                ("trim", "Spaces at both ends are taken away."),
                ("lowercase", "All letters become small."),
                ("uppercase", "All letters become capital."),
                ("title-case", "Each word begins with a capital letter."),
                ("phone-e164", "A telephone number becomes +442071234567."),
                ("date", "A date becomes 2026-11-23."),
            ],
        )
    };
    json!({
        "description": "How the value is changed on its way: one change, or several in this order.",
        "anyOf": [
            one(),
            { "type": "array", "description": "Several changes, in this order.", "items": one(), "minItems": 1 },
        ],
        "examples": ["trim", ["trim", "title-case"]],
    })
}

/// `[[automation]]`.
pub(super) fn automations() -> Value {
    let values = |description: &str| {
        let keys = [
            ("lead", salesforce_value("The value on a Lead, or several fields.")),
            ("contact", salesforce_value("The value on a Contact, or several fields.")),
            ("person", person("The person status in Revenue Engage.")),
        ];
        one_only(table(description, &[], keys))
    };
    tables(
        "What your company's own flows do, so that the check can reckon with them; one [[automation]] for each.",
        with_examples(
            table(
                "A flow of your own: when this happens, that follows.",
                &["on", "then"],
                [("on", values("When this is set,")), ("then", values("the flow sets this."))],
            ),
            json!([{ "on": { "lead": "Qualified" }, "then": { "lead": "Nurture" } }]),
        ),
    )
}

/// `[[test]]`.
pub(super) fn tests() -> Value {
    let situation = |description: &str| {
        let keys = [
            ("lead", salesforce_value("The value on the Lead, or several fields.")),
            ("contact", salesforce_value("The value on the Contact, or several fields.")),
            ("salesforce", salesforce_value("The value on the Lead or Contact, or several fields.")),
            ("person", person("The person status in Revenue Engage.")),
        ];
        at_least_one(table(description, &[], keys))
    };
    let mut given = situation("How things stand before.");
    given["properties"]["record"] = condition("Other fields of the record, for rows with `only_if`.");
    given["properties"]["sequence"] = json!({
        "description": "The sequences that the person is in, for rows with `only_if`.",
        "anyOf": [
            { "type": "string", "description": "One, by its name." },
            {
                "type": "array",
                "description": "Several, by name.",
                "items": { "type": "string", "description": "One, by its name." },
            },
        ],
        "examples": ["Inbound demo"],
    });
    let mut when = situation("What somebody changes.");
    when["properties"]["newer"] = json!({
        "type": "string",
        "description": "Which side was set later, when both change.",
        "enum": ["salesforce", "engage"],
    });
    let outcome = at_least_one(table(
        "What must have come of it. What is not named here may be anything.",
        &[],
        [
            ("lead", salesforce_value("The value on the Lead, or several fields.")),
            ("contact", salesforce_value("The value on the Contact, or several fields.")),
            ("salesforce", salesforce_value("The value on the Lead or Contact, or several fields.")),
            ("person", person("The person status in Revenue Engage.")),
            ("sequences", sequences("What became of the person's sequences.")),
            (
                "held",
                json!({ "type": "boolean", "description": "Whether the record waits until a person decides." }),
            ),
        ],
    ));
    let test = table(
        "One example of yours.",
        &["name", "given", "when", "then"],
        [
            ("name", text("What it shows, as a sentence.")),
            ("given", given),
            ("when", when),
            ("then", outcome),
        ],
    );
    let example = json!([{
        "name": "a lead nurtured in Salesforce is a success and its sequences pause",
        "given": { "lead": "In progress", "person": "In progress" },
        "when": { "lead": "Nurture" },
        "then": { "person": "Success", "sequences": "pause", "lead": "Nurture" },
    }]);
    tables(
        "Your own examples of what must happen; one [[test]] for each. `lockstep mapping test` runs them.",
        with_examples(test, example),
    )
}

fn one_only(mut table: Value) -> Value {
    table["maxProperties"] = 1.into();
    at_least_one(table)
}

fn at_least_one(mut table: Value) -> Value {
    table["minProperties"] = 1.into();
    table
}
