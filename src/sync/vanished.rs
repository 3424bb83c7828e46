//! Fields that cannot be seen any more: field-level security took them away, or an admin deleted them. A field that is
//! not seen is not empty, so that nothing at all is decided until it is back; then everything goes on by itself.

use super::engine::Engine;
use crate::connector::salesforce::OrgInfo;
use crate::connector::{CallError, Effect, Retry};
use crate::model::{FieldName, SalesforceObject, Side};
use crate::store::marks;

/// What Salesforce answers to whoever names a field that this user does not see.
pub(super) const INVALID_FIELD: &str = "INVALID_FIELD";

/// A field of the mapping is not visible: our own word for it.
pub(super) const NOT_VISIBLE: &str = "field-not-visible";

impl Engine {
    /// What a failed call to Salesforce means: where a field was not known, the error says which field of the mapping is
    /// missing.
    pub(super) async fn explained(&self, error: CallError) -> CallError {
        if error.side != Side::Salesforce || ![INVALID_FIELD, NOT_VISIBLE].contains(&error.code.as_str()) {
            return error;
        }
        self.why_not_seen().await.unwrap_or(error)
    }

    /// Asks the org anew what it shows, since it did not know a field: what of the mapping is missing, or why that cannot be
    /// told now. `None` where it shows everything: the field is back already, or it is none of ours.
    pub(super) async fn why_not_seen(&self) -> Option<CallError> {
        self.org.store(None);
        let why = self.connect().await.err()?;
        // What was refused has happened in no case, however this question ended.
        Some(CallError { effect: Effect::None, ..why })
    }

    /// What is wrong where the org does not show a field that the mapping names.
    pub(super) async fn all_visible(&self, org: &OrgInfo) -> Result<(), CallError> {
        let mapping = self.as_written();
        let mut missing = Vec::new();
        for &(object, _) in &org.fields {
            let default = mapping.default_opt_out(object);
            for name in mapping.fields_read(object) {
                let is_there = org.has_field(object, &name);
                // Nobody named it: an org may be without.
                let matters = default != Some(&name) || self.was_there(object, is_there).await;
                if matters && !is_there {
                    missing.push((object, name));
                }
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(not_visible(&missing)) }
    }

    /// The opt-out checkbox that is used without being named counts only where the org has it. Once it was there, an org
    /// that does not show it has hidden it: people may be opted out by it.
    async fn was_there(&self, object: SalesforceObject, is_there: bool) -> bool {
        let mark = marks::opt_out_seen(object);
        let remembered = self.store.write(move |tx| match tx.meta(&mark)? {
            None if is_there => {
                tx.set_meta(&mark, "yes")?;
                Ok(true)
            }
            known => Ok(known.is_some()),
        });
        // A store that fails says so at its next use; until then nothing may be taken for absent.
        remembered.await.unwrap_or(true)
    }
}

fn not_visible(missing: &[(SalesforceObject, FieldName)]) -> CallError {
    let names: Vec<String> = missing.iter().map(|(object, name)| format!("{object}.{name}")).collect();
    let (names, verb) = (names.join(", "), if missing.len() == 1 { "is" } else { "are" });
    CallError {
        side: Side::Salesforce,
        status: None,
        code: NOT_VISIBLE.to_owned(),
        message: format!(
            "{names} {verb} not visible to the user that Lockstep signs in as; give its permission set access to what \
             the mapping names (field-level security), or take it out of the mapping; nothing is written until then"
        ),
        fields: missing.iter().map(|(_, name)| name.to_string()).collect(),
        retry: Retry::Stop,
        effect: Effect::None,
    }
}
