//! Prospects and enrolments as the default profile writes them. Keys that are not known are ignored.

use crate::model::{
    ActorKind, Detail, Enrollment, EnrollmentState, PersonStatus, Prospect, ProspectId, SalesforceId,
};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

#[derive(Debug, Deserialize)]
pub(super) struct WireProspect {
    id: ProspectId,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    first_name: Option<String>,
    #[serde(default)]
    last_name: Option<String>,
    #[serde(default)]
    company: Option<String>,
    #[serde(default)]
    title: Option<String>,
    status: String,
    status_changed_at: Timestamp,
    #[serde(default)]
    status_changed_by: Option<WireActor>,
    #[serde(default)]
    salesforce: Option<WireLink>,
    version: u64,
    updated_at: Timestamp,
    #[serde(default)]
    deleted: bool,
}

#[derive(Debug, Deserialize)]
struct WireActor {
    #[serde(default, deserialize_with = "if_known")]
    kind: Option<ActorKind>,
    #[serde(default)]
    id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct WireLink {
    id: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireEnrollment {
    id: String,
    prospect_id: ProspectId,
    sequence_id: String,
    stage: String,
    state: EnrollmentState,
    #[serde(default)]
    paused_by: Option<WireActor>,
}

/// A kind of actor that nobody here knows counts as none: who did something must not hide what was done.
fn if_known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ActorKind>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

impl From<WireProspect> for Prospect {
    fn from(wire: WireProspect) -> Prospect {
        let details = [
            (Detail::FirstName, &wire.first_name),
            (Detail::LastName, &wire.last_name),
            (Detail::Company, &wire.company),
            (Detail::Title, &wire.title),
            (Detail::Email, &wire.email),
        ];
        let details = details.into_iter().filter_map(|(detail, value)| {
            value.as_deref().filter(|value| !value.is_empty()).map(|value| (detail, value.into()))
        });
        Prospect {
            details: details.collect(),
            id: wire.id,
            status: PersonStatus::new(&wire.status),
            status_changed_at: wire.status_changed_at,
            status_changed_by: wire.status_changed_by.and_then(|actor| actor.kind),
            version: wire.version,
            // A link to another object (an Account, say) is no link that we could follow.
            salesforce: wire.salesforce.and_then(|link| link.id.parse::<SalesforceId>().ok()),
            email: wire.email,
            deleted: wire.deleted,
            updated_at: wire.updated_at,
        }
    }
}

impl From<WireEnrollment> for Enrollment {
    fn from(wire: WireEnrollment) -> Enrollment {
        Enrollment {
            id: wire.id,
            prospect: wire.prospect_id,
            sequence: wire.sequence_id,
            stage: wire.stage,
            state: wire.state,
            paused_by: wire.paused_by.and_then(|actor| Some((actor.kind?, actor.id))),
        }
    }
}
