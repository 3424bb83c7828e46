//! Rows for these stories, and everything a store holds as text, to be compared.

use jiff::Timestamp;
use lockstep::model::*;
use lockstep::store::*;
use std::path::Path;

pub const TENANT: &str = "acme";

pub fn open(dir: &Path) -> Result<Store, StoreError> {
    Store::open(dir, TENANT, StoreOptions::for_the_daemon())
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).unwrap()
}

pub fn prospect(number: u32) -> ProspectId {
    format!("p_{number:06}").parse().unwrap()
}

pub fn lead(number: u32) -> SalesforceId {
    format!("00Q{number:012}").parse().unwrap()
}

pub fn baseline(salesforce: &str, engage: &str) -> Baseline {
    Baseline {
        salesforce: [("Status".into(), FieldValue::text(salesforce))].into(),
        engage: PersonStatus::new(engage),
    }
}

/// Every ninth person is latched.
pub fn link(number: u32) -> Link {
    let seen = BySide { salesforce: true, engage: false };
    Link {
        baseline: Some(baseline("Nurture", "success")),
        latch: number.is_multiple_of(9).then(|| Latch { since: at(5), seen, in_engage: None }),
        ..Link::new(prospect(number), lead(number))
    }
}

pub fn held(number: u32) -> Held {
    Held {
        id: format!("k{number}"),
        prospect: prospect(number),
        salesforce: Some(lead(number)),
        reason: HoldReason::BothChanged,
        salesforce_value: Some("Nurture".into()),
        engage_value: Some("approaching".into()),
        touched: lockstep::model::BySide { salesforce: Some(at(11)), engage: None },
        since: at(12),
        resolution: Some(Resolution { take: Side::Engage, by: "Ann Lee".into() }),
    }
}

/// One person with something of everything, and a change of each as a daemon makes them.
pub fn put_everything(t: &mut Transaction<'_>, number: u32) -> Result<(), StoreError> {
    let (p, s) = (prospect(number), lead(number));
    t.put_link(&link(number))?;
    let seen = Seen {
        side: Some(Side::Engage),
        source: Source::Webhook,
        at: at(10),
        value: Some("success".into()),
        by: None,
    };
    let due = t.mark_due(&p, seen)?;
    if number.is_multiple_of(5) {
        t.hold_back(&p, due.generation, at(20), 7)?;
        t.let_through(&p, 7)?;
        t.put_held(&held(number))?;
        t.set_own_pauses(&p, &OwnPauses { enrollments: vec!["e_1".into()], pending: true })?;
        t.put_intent(&Intent {
            prospect: p.clone(),
            salesforce: s,
            change: due.change,
            at: at(11),
            touched: Some(at(9)),
            step: Step {
                target: Target::Engage {
                    status: PersonStatus::new("success"),
                    sequences: SequenceAction::Pause,
                },
                seen: baseline("Nurture", "approaching"),
                rule: None,
                reason: WriteReason::Changed(Side::Salesforce),
                overruled: None,
                details: Default::default(),
            },
        })?;
        t.put_parked(&Parked {
            prospect: p.clone(),
            salesforce: s,
            side: Side::Salesforce,
            code: "FLAPPING".into(),
            message: "too often".into(),
            attempts: 3,
            since: at(13),
            seen: baseline("Nurture", "success"),
            details: Default::default(),
        })?;
        let mut newcomer = Newcomer::of(&format!("p_9{number:06}"), Side::Engage, at(14));
        newcomer.approved = true;
        t.put_newcomer(&newcomer)?;
        t.put_former(&Former {
            prospect: prospect(800_000 + number),
            salesforce: lead(800_000 + number),
            named_by_engage: Some(lead(900_000 + number)),
            latch: None,
            why: Parting::GoneInSalesforce,
            at: at(15),
        })?;
    } else if number.is_multiple_of(2) {
        t.clear_due(&p, due.generation)?;
    }
    t.count_write(&p, Side::Salesforce, at(16))?;
    t.set_cursor("engage", &at(i64::from(number)).to_string())?;
    t.set_meta("first_pass_done", "true")?;
    t.append_journal(&JournalEntry {
        salesforce: Some(s),
        ..JournalEntry::about(p, "written", "Salesforce changed", at(16))
    })
}

/// Everything that a copy has, and the due marks, as sorted lines: two stores with the same rows have the same.
pub fn everything(store: &Store, journal: bool) -> Vec<String> {
    let mut bytes = Vec::new();
    store.export(&mut bytes, at(0), journal).unwrap();
    let mut lines: Vec<String> = String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect();
    // The first says when and by which counter, the last sums up.
    lines.pop();
    lines.remove(0);
    let due = store.read_blocking(|r| r.due_ready(Timestamp::MAX, usize::MAX)).unwrap();
    lines.extend(due.into_iter().map(|due| format!("{due:?}")));
    lines.sort_unstable();
    lines
}

pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_dir(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
