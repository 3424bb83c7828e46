//! Everything a record can live through, at every moment of a sync, alone and with the other side changing too: whatever
//! the order, it ends where `docs/lives.md` says, nothing is lost, nobody is written to who is gone, and then it is quiet.

use super::world::{Person, World};
use lockstep::model::{SalesforceId, Side};
use lockstep::sandbox::engage::Product;
use lockstep::sandbox::salesforce::Org;
use lockstep::sandbox::{Moment, When};
use serde_json::json;
use std::time::Duration;

/// What happens to the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Converted,
    ConvertedToContact,
    ConvertedToTwin,
    Merged,
    MergedIntoTwin,
    Deleted,
    DeletedAndBack,
    Purged,
    OwnerChanged,
    TypeChanged,
    ValueRenamed,
    ValueRetired,
    FieldHidden,
    SecondProspect,
}

/// When it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    BeforeFirstSight,
    BetweenPolls,
    TakenIn(Side),
    BetweenLookAndWrite(Side),
    Written(Side),
    Held,
    Parked,
}

const MOMENTS: [At; 10] = [
    At::BeforeFirstSight,
    At::BetweenPolls,
    At::TakenIn(Side::Salesforce),
    At::TakenIn(Side::Engage),
    At::BetweenLookAndWrite(Side::Salesforce),
    At::BetweenLookAndWrite(Side::Engage),
    At::Written(Side::Salesforce),
    At::Written(Side::Engage),
    At::Held,
    At::Parked,
];

/// What else happens just then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Also {
    Nothing,
    EngageChanged,
    OptedOutInEngage,
    OptedOutInSalesforce,
}

const ALSO: [Also; 4] =
    [Also::Nothing, Also::EngageChanged, Also::OptedOutInEngage, Also::OptedOutInSalesforce];

/// Who takes part: cheap to clone, so that it can happen inside a call.
#[derive(Clone)]
struct Stage {
    org: Org,
    product: Product,
    jane: Person,
    contact: SalesforceId,
    winner: SalesforceId,
}

impl Stage {
    fn live(&self, life: Life, also: Also) {
        let (org, lead) = (&self.org, self.jane.lead);
        match also {
            Also::Nothing => {}
            Also::EngageChanged => self.product.set_status(&self.jane.prospect, "unresponsive").unwrap(),
            Also::OptedOutInEngage => self.product.unsubscribe(&self.jane.prospect).unwrap(),
            Also::OptedOutInSalesforce => org.edit(lead, &[("HasOptedOutOfEmail", json!(true))]),
        }
        match life {
            Life::Converted => drop(org.convert(lead)),
            Life::ConvertedToContact | Life::ConvertedToTwin => org.convert_to(lead, self.contact),
            Life::Merged | Life::MergedIntoTwin => org.merge(self.winner, lead),
            Life::Deleted => org.delete(lead),
            Life::DeletedAndBack => {
                org.delete(lead);
                org.undelete(lead);
            }
            Life::Purged => org.purge(lead),
            Life::OwnerChanged => org.change_owner(lead),
            Life::TypeChanged => org.change_record_type(lead),
            Life::ValueRenamed => {
                org.rename_picklist_value("Lead", "Status", "Attempting to contact", "Trying to reach");
            }
            Life::ValueRetired => {
                let left = ["Attempting to contact", "In progress", "Not interested", "Unsubscribed"];
                org.set_picklist("Lead", "Status", &left, true);
            }
            Life::FieldHidden => org.withdraw_field("Lead", "Status", true),
            Life::SecondProspect => {
                drop(self.product.create("twin@example.com", "Jane", "Doe", "Acme", Some(lead)));
            }
        }
    }

    /// The record that the person is in the end.
    fn ends_as(&self, life: Life) -> Option<SalesforceId> {
        match life {
            Life::Converted => {
                self.org.get(self.jane.lead, "ConvertedContactId").as_str().and_then(|id| id.parse().ok())
            }
            Life::ConvertedToContact | Life::ConvertedToTwin => Some(self.contact),
            Life::Merged | Life::MergedIntoTwin => Some(self.winner),
            Life::Deleted => None,
            _ => Some(self.jane.lead),
        }
    }

    fn is_gone(life: Life) -> bool {
        use Life::*;
        matches!(
            life,
            Converted | ConvertedToContact | ConvertedToTwin | Merged | MergedIntoTwin | Deleted | Purged
        )
    }
}

impl World {
    async fn stage(&self, life: Life) -> Stage {
        let jane = self.person("Attempting to contact", "approaching").await;
        let contact = self.contact("Attempting to contact");
        let winner = match life {
            Life::MergedIntoTwin => self.person("Attempting to contact", "approaching").await.lead,
            _ => self.lead_without_prospect("Attempting to contact"),
        };
        if life == Life::ConvertedToTwin {
            self.person_of(contact, "approaching");
        }
        Stage { org: self.org.clone(), product: self.product.clone(), jane, contact, winner }
    }

    /// Brings it to the moment, and lets it happen there.
    async fn lead_to(&self, stage: &Stage, at: At, happens: impl FnOnce() + Send + 'static) {
        if at == At::BeforeFirstSight {
            return happens();
        }
        self.agree().await;
        let change = |from: Side| match from {
            Side::Salesforce => self.user_sets_lead(&stage.jane, "Status", "Nurture"),
            Side::Engage => self.user_sets_person(&stage.jane, "success"),
        };
        let write_of = |from: Side| match from {
            Side::Salesforce => (self.product.faults(), When::next("POST", "/batch")),
            Side::Engage => (self.org.faults(), When::next("PATCH", "/sobjects/Lead/")),
        };
        match at {
            At::BeforeFirstSight => {}
            At::BetweenPolls => happens(),
            At::TakenIn(from) => {
                change(from);
                self.pause(true).await;
                self.cycle().await;
                happens();
                self.pause(false).await;
            }
            At::BetweenLookAndWrite(from) | At::Written(from) => {
                change(from);
                self.advance(Duration::from_secs(5));
                let (faults, when) = write_of(from);
                let moment = match at {
                    At::Written(_) => Moment::After,
                    _ => Moment::Before,
                };
                faults.at(moment, when, happens);
            }
            At::Held => {
                change(Side::Salesforce);
                self.user_sets_person(&stage.jane, "not_interested");
                self.cycle().await;
                assert_eq!(self.held().await.len(), 1);
                happens();
            }
            At::Parked => {
                self.org.refuse("Lead", "Status", Some(json!("Nurture")), "not without a budget");
                change(Side::Engage);
                self.cycle().await;
                assert_eq!(self.parked().await.len(), 1);
                happens();
            }
        }
    }

    async fn two_turns(&self) {
        for _ in 0..2 {
            self.cycle().await;
        }
    }
}

/// How Lockstep learns of what happens in Salesforce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Polls,
    Events,
}

async fn play(by: By, life: Life, at: At, also: Also) {
    let case = format!("{by:?}, {life:?}, {at:?}, {also:?}");
    let world = World::example().await;
    if by == By::Events {
        world.listens_instead_of_polling().await;
    }
    let stage = world.stage(life).await;
    let inside = stage.clone();
    world.lead_to(&stage, at, move || inside.live(life, also)).await;
    world.two_turns().await;
    let calls = world.org.calls();
    let tried =
        calls.iter().filter(|call| call.starts_with("PATCH") && call.contains(stage.jane.lead.as_str()));
    let tried = tried.count();
    world.org.withdraw_field("Lead", "Status", false);
    world.advance(Duration::from_secs(301));
    world.two_turns().await;
    if life == Life::Purged {
        // No call and no event tells of it: it is found out by whoever looks.
        world.sweep().await;
    }
    let jane = &stage.jane;

    assert_eq!(world.linked_to(jane).await, stage.ends_as(life), "{case}");
    let outcome = world.outcome(jane).await;
    let outcome = outcome.unwrap_or_else(|| panic!("{case}: nothing says why the two do not agree"));
    for id in world.product.prospects() {
        let person = Person { lead: jane.lead, prospect: id };
        assert!(world.outcome(&person).await.is_some(), "{case}: {person:?}");
    }
    let refused = at == At::Parked || life == Life::ValueRetired;
    assert!(refused || outcome != "parked", "{case}: no row of it was at fault");
    let held = outcome.starts_with("held");
    let gone = Stage::is_gone(life);
    if also == Also::OptedOutInEngage {
        assert_eq!(world.person_status(jane), "opted_out", "{case}");
        let told =
            stage.ends_as(life).filter(|_| life != Life::Purged).is_none_or(|record| world.is_out(record));
        assert!(told || held || outcome == "parked", "{case}: {outcome}");
    }
    if also == Also::OptedOutInSalesforce && !matches!(life, Life::Deleted | Life::Purged) {
        assert!(world.person_status(jane) == "opted_out" || held, "{case}: {outcome}");
    }
    let allowed = match at {
        At::BetweenLookAndWrite(Side::Engage) | At::Written(Side::Engage) | At::Parked => 1,
        _ => 0,
    };
    assert!(!gone || tried <= allowed, "{case}: {tried} writes to a record that is gone");
    let before = (world.org.writes(), world.product.writes());
    world.is_quiet().await;
    assert_eq!((world.org.writes(), world.product.writes()), before, "{case}");
}

async fn play_all(by: By, life: Life) {
    // Where no value and no record goes, nobody's opt-out can go with it.
    let plain = matches!(life, Life::OwnerChanged | Life::TypeChanged | Life::DeletedAndBack);
    for at in MOMENTS {
        for also in if plain { &ALSO[..2] } else { &ALSO[..] }.iter().copied() {
            play(by, life, at, also).await;
        }
    }
}

macro_rules! lives {
    ($($name:ident: $life:ident,)*) => {
        $(mod $name {
            use super::{By, Life, play_all};

            #[tokio::test]
            async fn told_by_polls() {
                play_all(By::Polls, Life::$life).await;
            }

            #[tokio::test]
            async fn told_by_events() {
                play_all(By::Events, Life::$life).await;
            }
        })*
    };
}

lives! {
    a_conversion_ends_well_at_any_moment: Converted,
    a_conversion_into_a_contact_ends_well_at_any_moment: ConvertedToContact,
    a_conversion_into_somebody_elses_contact_ends_well_at_any_moment: ConvertedToTwin,
    a_merge_ends_well_at_any_moment: Merged,
    a_merge_of_two_linked_leads_ends_well_at_any_moment: MergedIntoTwin,
    a_deletion_ends_well_at_any_moment: Deleted,
    a_deletion_taken_back_ends_well_at_any_moment: DeletedAndBack,
    a_purge_ends_well_at_any_moment: Purged,
    a_new_owner_ends_well_at_any_moment: OwnerChanged,
    a_new_record_type_ends_well_at_any_moment: TypeChanged,
    a_renamed_value_ends_well_at_any_moment: ValueRenamed,
    a_retired_value_ends_well_at_any_moment: ValueRetired,
    a_hidden_field_ends_well_at_any_moment: FieldHidden,
    a_second_prospect_ends_well_at_any_moment: SecondProspect,
}
