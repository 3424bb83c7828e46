//! How it ends with people whom one side alone knows: nobody is searched for at every turn for ever.

use super::world::World;
use lockstep::model::ProspectId;
use lockstep::sandbox::{Fault, When};
use lockstep::store::{Newcomer, marks};
use std::time::Duration;

async fn world() -> World {
    with("prospects = \"create\"").await
}

async fn with(policy: &str) -> World {
    World::with_mapping(&mapping(policy)).await
}

fn mapping(policy: &str) -> String {
    format!("{}\n[new]\n{policy}\n", include_str!("../../../mapping/example.toml"))
}

impl World {
    async fn newcomers(&self) -> Vec<Newcomer> {
        self.store.read(|reader| reader.newcomers()).await.unwrap()
    }

    /// Who is refused, and why.
    async fn refused(&self) -> Vec<String> {
        self.newcomers().await.into_iter().filter_map(|newcomer| newcomer.refused).collect()
    }

    /// In three turns Engage is polled, and nothing else is asked: without a search nobody is refused or held anew either.
    pub(super) async fn nobody_is_searched_for(&self) {
        let before = self.product.calls();
        self.turns().await;
        let calls = self.product.calls().split_off(before.len());
        assert_eq!(calls, ["GET /api/v1/prospects"; 3], "nothing but polls");
    }

    async fn everybody_has_left(&self) {
        assert_eq!(self.newcomers().await, []);
        self.nobody_is_searched_for().await;
    }

    /// How many people a plan shows as those that would be created in Salesforce.
    async fn planned_to_be_made(&self) -> u64 {
        self.engine.dry_run(&mut |_, _| ()).await.unwrap().newcomers.engage
    }

    async fn a_plan_waits(&self) -> bool {
        self.store.read(|reader| reader.meta(marks::PLAN_WAITS)).await.unwrap().is_some()
    }

    fn many(&self) -> Vec<ProspectId> {
        let new =
            |number| self.product.create(&format!("new{number}@example.com"), "Nora", "New", "Newco", None);
        (0..60).map(new).collect()
    }
}

#[tokio::test]
async fn a_prospect_without_an_email_is_refused_once_and_made_once_it_has_one() {
    let world = world().await;
    let new = world.product.create("", "Nora", "New", "Newco", None);
    world.settle().await;
    assert!(world.refused().await[0].contains("email"), "{:?}", world.newcomers().await);
    world.nobody_is_searched_for().await;
    assert_eq!(world.planned_to_be_made().await, 0, "a plan does not count on them");
    world.product.set_email(&new, "new@example.com");
    assert_eq!(world.planned_to_be_made().await, 1);
    world.settle().await;
    world.only_lead_with("new@example.com");
    world.everybody_has_left().await;
}

#[tokio::test]
async fn nothing_of_somebody_is_stored_with_the_words_of_their_refusal() {
    let world = world().await;
    world.product.create("zoe@example.com", "Zoe", &"Zanzibarian".repeat(30), "Zanzico", None);
    world.settle().await;
    assert!(world.refused().await[0].contains("data value too large: …"), "{:?}", world.newcomers().await);
    let stored = world.stored_bytes();
    let holds = |text: &[u8]| stored.windows(text.len()).any(|bytes| bytes == text);
    assert!(!holds(b"Zanzi") && !holds(b"zoe@"), "personal data stands in the store");
}

#[tokio::test]
async fn who_is_refused_is_refused_once_however_often_a_poll_sees_them_unchanged() {
    let world = world().await;
    let new = world.product.create("nameless@example.com", "", "", "Newco", None);
    world.settle().await;
    world.nobody_is_searched_for().await;
    assert_eq!(world.refused().await.len(), 1);
    world.product.set_field(&new, "title", "Ms");
    world.settle().await;
    assert_eq!(world.refused().await.len(), 1, "they changed, and it is no better");
    world.nobody_is_searched_for().await;
    world.product.set_field(&new, "last_name", "Named");
    world.settle().await;
    world.only_lead_with("nameless@example.com");
    world.everybody_has_left().await;
}

#[tokio::test]
async fn a_lead_that_is_refused_is_refused_once_and_made_known_once_it_changes() {
    let world = with("leads = \"create\"").await;
    let lead = world.org.create_lead("Nora", "New", "Newco", "", "Nurture").unwrap();
    world.advance(Duration::from_secs(2));
    world.settle().await;
    world.nobody_is_searched_for().await;
    assert_eq!(world.refused().await.len(), 1);
    world.org.edit(lead, &[("Email", "new@example.com".into())]);
    world.settle().await;
    world.only_prospect_with("new@example.com");
    world.everybody_has_left().await;
}

#[tokio::test]
async fn a_lead_that_changes_in_the_second_in_which_it_was_refused_is_looked_at_again() {
    let world = with("leads = \"create\"").await;
    let lead = world.org.create_lead("Nora", "New", "Newco", "", "Nurture").unwrap();
    world.engine.cycle(lockstep::sync::Cycle::POLL).await.unwrap();
    assert_eq!(world.refused().await.len(), 1);
    world.org.edit(lead, &[("Email", "new@example.com".into())]);
    world.turns().await;
    world.only_prospect_with("new@example.com");
}

#[tokio::test]
async fn a_lead_whose_email_two_prospects_have_is_refused_and_not_searched_for_at_every_turn() {
    let world = with("leads = \"create\"").await;
    for _ in 0..2 {
        world.product.create("twin@example.com", "Tina", "Twin", "Twinco", None);
    }
    world.settle().await;
    world.advance(Duration::from_secs(3600));
    let lead = world.org.create_lead("Tina", "Twin", "Twinco", "twin@example.com", "Nurture").unwrap();
    world.advance(Duration::from_secs(2));
    world.settle().await;
    assert_eq!(world.refused().await, ["somebody else has this email address"]);
    world.nobody_is_searched_for().await;
    world.product.delete(&world.held().await[0].prospect);
    world.settle().await;
    assert_eq!(world.linked_prospects(lead).await.len(), 1, "the other one is unique now");
    assert_eq!(world.newcomers().await, []);
}

#[tokio::test]
async fn who_shares_an_email_with_somebody_linked_is_held_and_made_once_that_one_is_gone() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    // Salesforce has another address for her, so that none of its records has the one that both prospects have.
    world.org.edit(jane.lead, &[("Email", "jane.doe@example.com".into())]);
    let email = world.product.field(&jane.prospect, "email");
    let new = world.product.create(&email, "Nora", "New", "Newco", None);
    world.settle().await;
    let held = world.held().await;
    assert_eq!(held.iter().map(|held| &held.prospect).collect::<Vec<_>>(), [&new]);
    let reason = held[0].reason.to_string();
    assert!(reason.contains(new.as_str()) && reason.contains(jane.prospect.as_str()), "{reason}");
    assert!(world.leads_with(&email).is_empty());
    assert_eq!(world.planned_to_be_made().await, 0);
    world.nobody_is_searched_for().await;
    world.product.delete(&jane.prospect);
    world.turns().await;
    world.only_lead_with(&email);
    assert_eq!(world.held().await, []);
    world.everybody_has_left().await;
}

#[tokio::test]
async fn two_prospects_of_one_email_are_not_searched_for_at_every_turn_and_one_is_made_once_the_other_is_gone()
 {
    let world = world().await;
    let twins = [0, 1].map(|_| world.product.create("twin@example.com", "Tina", "Twin", "Twinco", None));
    world.settle().await;
    assert_eq!(world.held().await.len(), 2);
    assert_eq!(world.planned_to_be_made().await, 0);
    world.nobody_is_searched_for().await;
    world.product.delete(&twins[0]);
    world.settle().await;
    let lead = world.only_lead_with("twin@example.com");
    assert_eq!(world.link_of(&twins[1]).await.map(|link| link.salesforce), Some(lead));
    assert_eq!(world.held().await, []);
    world.everybody_has_left().await;
}

#[tokio::test]
async fn newcomers_who_wait_for_an_operator_and_are_deleted_wait_no_more() {
    let world = world().await;
    let new = world.many();
    world.settle().await;
    assert!(world.a_plan_waits().await && world.newcomers().await.iter().all(|newcomer| newcomer.waiting));
    new.iter().for_each(|new| world.product.delete(new));
    world.settle().await;
    assert!(!world.a_plan_waits().await);
    world.everybody_has_left().await;
    assert_eq!(world.planned_to_be_made().await, 0);
}

#[tokio::test]
async fn newcomers_who_wait_and_turn_out_to_be_records_that_engage_names_wait_no_more() {
    let world = world().await;
    let new = world.many();
    world.settle().await;
    for new in &new {
        let lead = world.org.create_lead("Nora", "New", "Newco", "", "Nurture").unwrap();
        world.product.link(new, Some(lead));
    }
    world.settle().await;
    assert_eq!(world.newcomers().await, []);
    assert!(world.link_of(&new[7]).await.is_some());
}

#[tokio::test]
async fn a_newcomer_who_is_held_beside_another_does_not_wait_with_the_plan() {
    let world = world().await;
    let new = world.many();
    world.settle().await;
    new[1..].iter().for_each(|new| world.product.delete(new));
    world.product.create("new0@example.com", "Nora", "New", "Newco", None);
    world.settle().await;
    assert_eq!(world.held().await.len(), 2);
    assert!(!world.a_plan_waits().await, "{:?}", world.newcomers().await);
    world.nobody_is_searched_for().await;
}

#[tokio::test]
async fn newcomers_who_are_deleted_or_named_by_engage_while_nothing_is_written_are_forgotten() {
    let world = world().await;
    world.pause(true).await;
    let [gone, named] = ["gone@example.com", "named@example.com"]
        .map(|email| world.product.create(email, "Nora", "New", "Newco", None));
    world.settle().await;
    assert_eq!(world.newcomers().await.len(), 2);
    world.product.delete(&gone);
    world.product.link(&named, Some(world.lead_without_prospect("Nurture")));
    world.settle().await;
    assert_eq!(world.newcomers().await, []);
    world.pause(false).await;
    world.settle().await;
    assert_eq!(world.org.leads().len(), 1, "nobody was made");
}

#[tokio::test]
async fn newcomers_are_forgotten_once_the_mapping_wants_nobody_made_any_more() {
    for policy in ["prospects = \"link-by-email\"", "prospects = \"ignore\""] {
        let world = world().await;
        world.many();
        world.settle().await;
        assert!(world.a_plan_waits().await);
        let other = lockstep::mapping::parse("test.toml", &mapping(policy)).unwrap();
        world.engine.use_mapping(other.mapping);
        world.settle().await;
        assert!(!world.a_plan_waits().await, "{policy}");
        world.advance(Duration::from_secs(3600));
        world.settle().await;
        world.everybody_has_left().await;
    }
}

#[tokio::test]
async fn a_prospect_whose_lead_was_deleted_is_not_held_for_a_lead_that_nobody_wants_to_make() {
    let world = world().await;
    let jane = world.person("Attempting to contact", "approaching").await;
    world.agree().await;
    world.product.link(&jane.prospect, None);
    world.org.delete(jane.lead);
    world.turns().await;
    assert!(world.link(&jane).await.is_none());
    let email = world.product.field(&jane.prospect, "email");
    let new = world.product.create(&email, "Nora", "New", "Newco", None);
    world.settle().await;
    let held = world.held().await;
    assert_eq!(held.iter().map(|held| &held.prospect).collect::<Vec<_>>(), [&new], "only who would be made");
}

#[tokio::test]
async fn whom_salesforce_refuses_to_make_is_asked_for_once_and_made_once_they_have_changed() {
    let world = world().await;
    let new = world.product.create("new@example.com", "Nora", "New", "Newco", None);
    let body = r#"[{"errorCode":"DUPLICATES_DETECTED","message":"Use one of these records?"}]"#.to_owned();
    let refusal = Fault::Answer { status: 400, body, retry_after: None };
    world.org.faults().add(When::next("POST", "/sobjects/Lead"), refusal);
    world.settle().await;
    assert_eq!(world.refused().await, ["DUPLICATES_DETECTED: Use one of these records?"]);
    world.nobody_is_searched_for().await;
    assert!(world.leads_with("new@example.com").is_empty(), "it would have been made by now");
    world.product.set_field(&new, "title", "Ms");
    world.settle().await;
    world.only_lead_with("new@example.com");
    world.everybody_has_left().await;
}

#[tokio::test]
async fn leads_that_wait_for_an_operator_and_are_deleted_wait_no_more() {
    let world = with("leads = \"create\"").await;
    let email = |number| format!("new{number}@example.com");
    let new = |number| world.org.create_lead("Nora", "New", "Newco", &email(number), "Nurture").unwrap();
    let leads: Vec<_> = (0..60).map(new).collect();
    world.settle().await;
    assert!(world.a_plan_waits().await);
    leads.into_iter().for_each(|lead| world.org.delete(lead));
    world.settle().await;
    assert!(!world.a_plan_waits().await);
    world.everybody_has_left().await;
}

#[tokio::test]
async fn who_changes_while_their_creation_has_no_answer_is_not_made_twice() {
    let world = world().await;
    let new = world.product.create("new@example.com", "Nora", "New", "Newco", None);
    world.org.faults().add(When::next("POST", "/sobjects/Lead"), Fault::DropAfter);
    world.cycle().await;
    for title in ["Ms", "Dr"] {
        world.product.set_field(&new, "title", title);
        world.advance(Duration::from_secs(10));
        world.cycle().await;
    }
    world.advance(Duration::from_secs(120));
    world.turns().await;
    let lead = world.only_lead_with("new@example.com");
    assert_eq!(world.link_of(&new).await.map(|link| link.salesforce), Some(lead));
    world.everybody_has_left().await;
}
