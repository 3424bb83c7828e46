//! The rows, and the statuses that a company made itself.

use super::parts::*;
use crate::lifecycle;
use serde_json::{Value, json};

/// `winner`, here and in `[conflict]`.
pub(super) fn winner(description: &str) -> Value {
    choice(
        description,
        &[
            ("salesforce", "Salesforce's value is kept."),
            ("engage", "Revenue Engage's value is kept."),
            (
                "newest",
                "The value that was set later is kept, where the times are far enough apart to be compared.",
            ),
            ("hold", "Nothing is written; the record waits until a person decides."),
        ],
    )
}

/// `sequences`.
pub(super) fn sequences(description: &str) -> Value {
    choice(
        description,
        &[
            ("leave", "The sequences go on as they are."),
            ("pause", "The person's sequences pause."),
            ("resume", "The pauses that Lockstep made are taken back."),
            ("finish", "The person's sequences end."),
        ],
    )
}

/// `status`: one row a person status.
pub(super) fn rows() -> Value {
    let list = tables(
        "The table: one row for each person status, in the order of the life cycle. Keep it above the first [section], or write each row below a [[status]] of its own.",
        row(),
    );
    let mut list = with_examples(
        list,
        json!([[{ "stage": "Success", "person": "Success", "salesforce": "Nurture", "sequences": "pause" }]]),
    );
    list["minItems"] = 1.into();
    list["maxItems"] = 500.into();
    list
}

fn row() -> Value {
    let mut row = table(
        "What one person status is in Salesforce. A row without a Salesforce value writes nothing there.",
        &["person"],
        [
            (
                "person",
                person(
                    "The status in Revenue Engage: by its name or key, in capital or small letters, or one of your own from `[[custom_status]]`.",
                ),
            ),
            (
                "stage",
                stage(
                    "The sequence stage that leads to this status. Used where Revenue Engage reports stages rather than statuses.",
                ),
            ),
            (
                "salesforce",
                salesforce_value(
                    "What the status is in Salesforce, for Leads and Contacts alike: a value of the status field, or several fields. Use `lead` and `contact` instead where the two differ.",
                ),
            ),
            (
                "lead",
                salesforce_value(
                    "What the status is on a Lead: a value of the status field, or several fields.",
                ),
            ),
            (
                "contact",
                salesforce_value(
                    "What the status is on a Contact: a value of the status field, or several fields.",
                ),
            ),
            ("also_from", also_from()),
            (
                "way",
                choice(
                    "In which directions the row acts; `both` when left out.",
                    &[
                        (
                            "both",
                            "The status is written to Salesforce, and Salesforce's value leads back to it.",
                        ),
                        (
                            "to-salesforce",
                            "The status is written to Salesforce; the value there does not lead back to it.",
                        ),
                        (
                            "to-engage",
                            "The value in Salesforce leads to the status; it is not written there.",
                        ),
                        ("none", "Nothing is written; the row only says that the two agree."),
                    ],
                ),
            ),
            (
                "sequences",
                sequences(
                    "What becomes of the person's sequences when Salesforce brings the person to this status; `leave` when left out.",
                ),
            ),
            (
                "winner",
                winner(
                    "Who wins when both sides changed and this status is one of the two; the company's `[conflict] winner` when left out.",
                ),
            ),
            ("only_if", condition("The row holds only for records whose fields have these values.")),
        ],
    );
    // `salesforce` is for both objects: beside it the others would say something twice.
    row["allOf"] = json!([
        { "not": { "required": ["salesforce", "lead"] } },
        { "not": { "required": ["salesforce", "contact"] } },
    ]);
    row
}

fn also_from() -> Value {
    let values = |description: &str| {
        json!({
            "type": "array",
            "description": description,
            "items": salesforce_value("A further value that leads to this status."),
        })
    };
    let by_object = table(
        "One list for Leads and one for Contacts.",
        &[],
        [
            ("lead", values("Further values on a Lead that lead to this status.")),
            ("contact", values("Further values on a Contact that lead to this status.")),
        ],
    );
    json!({
        "description": "Further Salesforce values that lead to this person status. They are never written.",
        "anyOf": [values("Further values, for Leads and Contacts alike."), by_object],
        "examples": [["Qualified"], { "lead": ["Qualified"] }],
    })
}

/// `[[custom_status]]`.
pub(super) fn custom_statuses() -> Value {
    let taken: Vec<&str> = lifecycle::BUILT_IN
        .iter()
        .flat_map(|status| [status.key, status.label].into_iter().chain(status.aliases.iter().copied()))
        .collect();
    let mut label = with_examples(text("Its name, as Revenue Engage shows it."), json!(["Demo booked"]));
    label["not"] = json!({ "enum": taken });
    let key = json!({
        "type": "string",
        "description": "Its key, as Revenue Engage's API spells it: small letters, digits and `_`.",
        "pattern": "^[a-z][a-z0-9_]{0,63}$",
        "not": { "enum": taken },
        "examples": ["demo_booked"],
    });
    let group = choice(
        "The group in which it stands. A company may add to these two, never to General.",
        &[("success", "It ended well."), ("failed", "It ended otherwise.")],
    );
    tables(
        "A status that your company made in Revenue Engage; one [[custom_status]] for each.",
        table(
            "A status that your company made itself.",
            &["label", "key", "group"],
            [("label", label), ("key", key), ("group", group)],
        ),
    )
}
