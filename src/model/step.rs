//! A write that was decided, and why nobody could decide: what the store has to keep of a decision.

use super::{Baseline, Detail, DetailBase, FieldValue, Fields, PersonStatus, Side};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Why a person has to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum HoldReason {
    /// Both sides changed, and the company's `winner` is `hold`.
    BothChanged,
    /// Both sides changed, `winner` is `newest`, and the times are too near or not known.
    TooCloseToCall,
    /// Somebody took an opt-out back on this side.
    OptOutCleared {
        /// The side on which it was cleared.
        side: Side,
    },
    /// Revenue Engage does not let the status be set (a bounced prospect cannot be opted out).
    RefusedByLifecycle {
        /// The status that is wanted.
        wanted: PersonStatus,
    },
    /// The write would overwrite a value that only people may move (On hold, Stopped, Bounced, a converted status).
    Protected {
        /// The side that holds the value.
        side: Side,
        /// The value, as it is shown.
        value: String,
    },
    /// First sight, and `[new] disagree = "hold"`.
    FirstSight,
    /// What was agreed on is known from a copy of the store only, and both sides may have moved since.
    Restored,
    /// Both sides changed a further field, and the mapping does not say who wins.
    DetailChanged {
        /// Which one.
        detail: Detail,
    },
    /// Another prospect is linked to the same Salesforce record, or the email is not unique.
    NotUnique {
        /// All ids concerned.
        ids: Vec<String>,
    },
}

/// One write to one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What is written.
    pub target: Target,
    /// What both sides held when this was decided: the write expects to find it still.
    pub seen: Baseline,
    /// The row that decided it; `None` when an opt-out checkbox alone did.
    pub rule: Option<Rule>,
    /// Why.
    pub reason: WriteReason,
    /// The value that loses, when both sides had changed.
    pub overruled: Option<String>,
    /// Of a write of further fields: what both sides held, and what they hold once it is done. Empty for the status.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<Detail, DetailChange>,
}

/// One further field of a step, as marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailChange {
    /// What both sides held when this was decided.
    pub seen: DetailBase,
    /// What they hold once it is done.
    pub then: DetailBase,
}

impl Step {
    /// The side that is written.
    pub fn side(&self) -> Side {
        match self.target {
            Target::Salesforce { .. } => Side::Salesforce,
            Target::Engage { .. } | Target::EngageDetails { .. } => Side::Engage,
        }
    }

    /// Whether it carries an opt-out over. Those are never counted and never wait (rulings.md 11).
    pub fn is_opt_out(&self) -> bool {
        matches!(self.reason, WriteReason::OptedOut(_))
    }

    /// Whether further fields are written, and not the status.
    pub fn is_details(&self) -> bool {
        !self.details.is_empty()
    }

    /// What both sides held of the further fields that are written.
    pub fn details_seen(&self) -> BTreeMap<Detail, DetailBase> {
        self.details.iter().map(|(detail, change)| (*detail, change.seen)).collect()
    }

    /// The texts of further fields that it writes, which are personal.
    pub fn personal_values(&self) -> impl Iterator<Item = &str> {
        let (salesforce, engage) = match &self.target {
            Target::Salesforce { fields } if self.is_details() => (Some(fields), None),
            Target::EngageDetails { details } => (None, Some(details)),
            Target::Salesforce { .. } | Target::Engage { .. } => (None, None),
        };
        let salesforce = salesforce.into_iter().flat_map(Fields::values).filter_map(FieldValue::as_text);
        salesforce.chain(engage.into_iter().flat_map(BTreeMap::values).map(String::as_str))
    }

    /// The same without the values of further fields, which are personal and are not stored.
    pub fn without_values(&self) -> Step {
        let mut step = self.clone();
        if self.is_details() {
            match &mut step.target {
                Target::Salesforce { fields } => {
                    fields.values_mut().for_each(|value| *value = FieldValue::Null)
                }
                Target::EngageDetails { details } => details.values_mut().for_each(String::clear),
                Target::Engage { .. } => {}
            }
        }
        step
    }

    /// What both sides hold once this is done: the source as it was seen, the written side as it was written
    /// (rulings.md 9).
    pub fn after(&self) -> Baseline {
        let mut baseline = self.seen.clone();
        match &self.target {
            _ if self.is_details() => {}
            Target::EngageDetails { .. } => {}
            Target::Engage { status, .. } => baseline.engage = status.clone(),
            Target::Salesforce { fields } => {
                baseline.salesforce.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        baseline
    }
}

/// What is written where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// These fields of the Lead or Contact.
    Salesforce {
        /// Only fields that differ from what was seen.
        fields: Fields,
    },
    /// The person status, and before it the sequences.
    Engage {
        /// The status.
        status: PersonStatus,
        /// What becomes of the sequences, before the status moves.
        sequences: SequenceAction,
    },
    /// Further fields of the prospect.
    EngageDetails {
        /// The new values; an empty text empties the field.
        details: BTreeMap<Detail, String>,
    },
}

/// Why a side is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteReason {
    /// Only this side changed; it is carried over to the other.
    Changed(Side),
    /// Somebody opted out on this side. Always wins.
    OptedOut(Side),
    /// Both changed, and this side won by the company's `winner`.
    Won(Side),
    /// First sight, `[new] disagree = "apply"`, and this side won.
    FirstSight(Side),
    /// A named operator took this side.
    Resolved(Side),
}

impl HoldReason {
    /// Every kind, as [`kind`](HoldReason::kind) names it.
    pub const KINDS: [&str; 9] = [
        "both_changed",
        "too_close_to_call",
        "opt_out_cleared",
        "refused_by_lifecycle",
        "protected",
        "first_sight",
        "restored",
        "detail_changed",
        "not_unique",
    ];

    /// What kind it is, for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            HoldReason::BothChanged => "both_changed",
            HoldReason::TooCloseToCall => "too_close_to_call",
            HoldReason::OptOutCleared { .. } => "opt_out_cleared",
            HoldReason::RefusedByLifecycle { .. } => "refused_by_lifecycle",
            HoldReason::Protected { .. } => "protected",
            HoldReason::FirstSight => "first_sight",
            HoldReason::Restored => "restored",
            HoldReason::DetailChanged { .. } => "detail_changed",
            HoldReason::NotUnique { .. } => "not_unique",
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HoldReason::BothChanged => {
                f.write_str("both sides changed, and the mapping lets a person decide")
            }
            HoldReason::TooCloseToCall => f.write_str(
                "both sides changed, too close together (or at times not known) to say which is newer",
            ),
            HoldReason::OptOutCleared { side } => write!(f, "an opt-out was taken back in {side}"),
            HoldReason::RefusedByLifecycle { wanted } => {
                write!(f, "Revenue Engage does not let this person become {wanted}")
            }
            HoldReason::Protected { side, value } => {
                write!(f, "{side} holds {value}, which only a person may move")
            }
            HoldReason::DetailChanged { detail } => {
                write!(f, "both sides changed {detail}, and no winner is named for it")
            }
            HoldReason::FirstSight => f.write_str("the two disagreed when first seen together"),
            HoldReason::Restored => f.write_str(
                "the two disagree, and the store was put back from a copy: it is not known which side changed",
            ),
            HoldReason::NotUnique { ids } => {
                write!(f, "more than one record could be this person: {}", ids.join(", "))
            }
        }
    }
}

/// What becomes of a person's sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SequenceAction {
    /// Nothing (the default).
    Leave,
    /// They are put on hold.
    Pause,
    /// The pauses this daemon made are undone, no others.
    Resume,
    /// They are finished.
    Finish,
}

impl SequenceAction {
    /// As a mapping file spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            SequenceAction::Leave => "leave",
            SequenceAction::Pause => "pause",
            SequenceAction::Resume => "resume",
            SequenceAction::Finish => "finish",
        }
    }
}

/// The place in a mapping file that decided something: `mapping/example.toml:17`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Rule {
    /// The file, as it is shown.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
