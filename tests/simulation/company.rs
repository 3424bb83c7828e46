//! A company's mapping, made up: random rows that the verifier accepts, and the same rows in the checker's own words, which
//! owe nothing to the code that is tested.

use super::titles::Policy;
use lockstep::mapping::Mapping;
use rand::prelude::*;
use rand::rngs::StdRng;
use std::sync::OnceLock;

/// The person statuses: label and key.
pub const STATUSES: [(&str, &str); 8] = [
    ("Not contacted", "not_contacted"),
    ("Just added", "just_added"),
    ("Bounced", "bounced"),
    ("Approaching", "approaching"),
    ("Opted out", "opted_out"),
    ("Not interested", "not_interested"),
    ("Success", "success"),
    ("Unresponsive", "unresponsive"),
];

/// What a Lead or Contact may say. The last one stands in no mapping.
pub const VALUES: [&str; 9] = [
    "Attempting to contact",
    "In progress",
    "Junk lead",
    "Nurture",
    "Not interested",
    "Working",
    "Cold",
    "Unsubscribed",
    "Odd",
];

/// What an opted-out Lead says.
pub const OUT: &str = "Unsubscribed";

/// How a Lead is rated that is in scope, where there is one.
pub const IN_SCOPE: &str = "Hot";

/// A row, as the checker knows it.
#[derive(Debug, Clone)]
pub struct Row {
    /// The person status.
    pub person: &'static str,
    /// What Salesforce says for it.
    pub salesforce: Option<&'static str>,
    /// What else in Salesforce leads to it.
    pub also_from: Option<&'static str>,
    /// Whether it is written to Salesforce.
    pub outbound: bool,
    /// Whether it is written to Engage.
    pub inbound: bool,
}

/// A company.
#[derive(Debug, Clone)]
pub struct Company {
    /// The file.
    pub text: String,
    /// What Lockstep makes of it.
    pub mapping: Mapping,
    /// What the checker makes of it.
    pub rows: Vec<Row>,
    /// A cleared opt-out is followed.
    pub follows_cleared: bool,
    /// Who wins when both sides changed.
    pub winner: &'static str,
    /// What is done about those who disagree on first sight.
    pub disagree: &'static str,
    /// Only Leads that are rated [`IN_SCOPE`] are in sync.
    pub scoped: bool,
    /// Titles are kept in step, and how.
    pub titles: Option<Policy>,
    /// Values and person statuses that agree.
    joined: Vec<(&'static str, &'static str)>,
}

impl Company {
    /// What a value of Salesforce is in Engage.
    pub fn inbound(&self, value: &str) -> Option<&'static str> {
        let mut rows = self.rows.iter().filter(|row| row.inbound);
        rows.find(|row| row.salesforce == Some(value) || row.also_from == Some(value)).map(|row| row.person)
    }

    /// What a person status is in Salesforce.
    pub fn outbound(&self, status: &str) -> Option<&'static str> {
        self.rows.iter().filter(|row| row.outbound && row.person == status).find_map(|row| row.salesforce)
    }

    /// Whether the two may differ: one of them has no counterpart that it is carried over as.
    pub fn leaves(&self, value: &str, status: &str) -> bool {
        self.inbound(value).is_none() || self.outbound(status).is_none()
    }

    /// Whether any row speaks of a value of Salesforce.
    pub fn mentions_value(&self, value: &str) -> bool {
        self.rows.iter().any(|row| row.salesforce == Some(value) || row.also_from == Some(value))
    }

    /// Whether any row pairs a person status with a value.
    pub fn mentions_status(&self, status: &str) -> bool {
        self.rows
            .iter()
            .any(|row| row.person == status && (row.salesforce.is_some() || row.also_from.is_some()))
    }

    /// Whether the two are joined, directly or through others, by what is written for them.
    pub fn agree(&self, value: &str, status: &str) -> bool {
        self.joined.iter().any(|(one, other)| *one == value && *other == status)
    }

    /// All that are joined.
    fn join(&mut self) {
        let pairs = VALUES.iter().flat_map(|value| STATUSES.map(|(_, key)| (*value, key)));
        self.joined = pairs.filter(|(value, key)| self.joins(value, key)).collect();
    }

    fn joins(&self, value: &str, status: &str) -> bool {
        let (mut values, mut statuses) = (vec![value], Vec::new());
        loop {
            let before = (values.len(), statuses.len());
            for (_, key) in STATUSES {
                let leads =
                    |value: &&str| self.inbound(value) == Some(key) || self.outbound(key) == Some(value);
                if !statuses.contains(&key) && values.iter().any(leads) {
                    statuses.push(key);
                }
            }
            for value in VALUES {
                let leads =
                    |key: &&str| self.outbound(key) == Some(value) || self.inbound(value) == Some(*key);
                if !values.contains(&value) && statuses.iter().any(leads) {
                    values.push(value);
                }
            }
            if before == (values.len(), statuses.len()) {
                return statuses.contains(&status);
            }
        }
    }

    /// One of the companies that are tried: a pool, since proving a mapping takes longer than a simulated day.
    /// `wider`: one of those with more than a table.
    pub fn number(number: usize, wider: bool) -> &'static Company {
        static POOLS: [OnceLock<Vec<Company>>; 2] = [const { OnceLock::new() }; 2];
        let pool = POOLS[usize::from(wider)].get_or_init(|| {
            let mut random = StdRng::seed_from_u64(7);
            (0..POOL_SIZE).map(|_| made_up(&mut random, wider)).collect()
        });
        &pool[number % pool.len()]
    }
}

/// How many companies there are.
pub const POOL_SIZE: usize = 48;

fn made_up(random: &mut StdRng, wider: bool) -> Company {
    for _ in 0..400 {
        if let Some(company) = attempt(random, wider) {
            return company;
        }
    }
    panic!("the verifier accepts none of 400 mappings");
}

fn attempt(random: &mut StdRng, wider: bool) -> Option<Company> {
    let mut rows = Vec::new();
    let mut text = "schema = 1\ncompany = \"simulated\"\nstatus = [\n".to_owned();
    for (label, key) in STATUSES {
        let is_out = key == "opted_out";
        if !is_out && random.random_bool(0.1) {
            continue;
        }
        let salesforce = match is_out {
            true => Some(OUT),
            false => random.random_bool(0.85).then(|| VALUES[random.random_range(0..7)]),
        };
        let way = match random.random_range(0..10) {
            _ if is_out => "both",
            0..7 => "both",
            7..9 => "to-salesforce",
            _ => "to-engage",
        };
        let also_from = (!is_out && way != "to-salesforce" && random.random_bool(0.15))
            .then(|| VALUES[random.random_range(0..7)]);
        text.push_str(&format!("  {{ person = \"{label}\""));
        if let Some(value) = salesforce {
            text.push_str(&format!(", salesforce = \"{value}\", way = \"{way}\""));
        }
        if let Some(value) = also_from {
            text.push_str(&format!(", also_from = [\"{value}\"]"));
        }
        if random.random_bool(0.3) {
            let action = ["pause", "resume", "finish"][random.random_range(0..3)];
            text.push_str(&format!(", sequences = \"{action}\""));
        }
        text.push_str(" },\n");
        rows.push(Row {
            person: key,
            salesforce,
            also_from,
            outbound: way != "to-engage",
            inbound: way != "to-salesforce",
        });
    }
    let winner = ["salesforce", "engage", "newest", "hold"][random.random_range(0..4)];
    let disagree = ["adopt", "apply", "hold"][random.random_range(0..3)];
    let cleared = if random.random_bool(0.2) { "follow" } else { "hold" };
    let scoped = wider && random.random_bool(0.6);
    let scope = if scoped { format!("scope = {{ Rating = \"{IN_SCOPE}\" }}\n") } else { String::new() };
    let titles = wider.then(|| made_up_titles(random));
    text.push_str(&format!(
        "]\n[salesforce.lead]\nstatus = \"Status\"\nopt_out = \"HasOptedOutOfEmail\"\n{scope}\
         [salesforce.contact]\nstatus = \"Engagement_Status__c\"\n[conflict]\nwinner = \"{winner}\"\n\
         [new]\ndisagree = \"{disagree}\"\n[opt_out]\ncleared = \"{cleared}\"\n\
         [limits]\nwrites_per_record_per_hour = 1000\n{}",
        titles.as_ref().map_or("", |(text, _)| text)
    ));
    let mapping = lockstep::verify::parse("simulated.toml", &text).ok()?.mapping;
    let follows_cleared = cleared == "follow";
    let titles = titles.map(|(_, policy)| policy);
    let mut company = Company {
        text,
        mapping,
        rows,
        follows_cleared,
        winner,
        disagree,
        scoped,
        titles,
        joined: Vec::new(),
    };
    company.join();
    Some(company)
}

/// What a company says of titles, as its file does and in the checker's own words.
fn made_up_titles(random: &mut StdRng) -> (String, Policy) {
    let (way, goes_to) = match random.random_range(0..6) {
        0 => ("to-salesforce", [true, false]),
        1 => ("to-engage", [false, true]),
        _ => ("both", [true, true]),
    };
    let clears = random.random_bool(0.5);
    let blank = if clears { "clear" } else { "keep" };
    let mut text = format!(
        "[[field]]\nlead = \"Title\"\ncontact = \"Title\"\nengage = \"title\"\nway = \"{way}\"\nblank = \"{blank}\"\n"
    );
    if way == "both" && random.random_bool(0.7) {
        let winner = ["salesforce", "engage", "hold"][random.random_range(0..3)];
        text.push_str(&format!("winner = \"{winner}\"\n"));
    }
    (text, Policy { goes_to, clears })
}
