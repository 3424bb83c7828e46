//! The mappings that are drawn: the shipped ones, and some that are hard to draw.

use lockstep::mapping::{Mapping, load, parse};
use std::path::Path;

const SHIPPED: [&str; 3] = ["example", "harbor-freightways", "northwind-clinics"];

pub fn shipped(name: &str) -> Mapping {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("mapping/{name}.toml"));
    load(&path).unwrap_or_else(|problems| panic!("{problems}")).mapping
}

pub fn read(text: &str) -> Mapping {
    parse("mapping/test.toml", text).unwrap_or_else(|problems| panic!("{problems}")).mapping
}

/// Thirty statuses that become five values: drawn as slanting lines, they would cover each other.
pub fn many_to_few() -> Mapping {
    let mut rows = String::new();
    let mut rest = String::new();
    for n in 0..30 {
        let way = if n < 5 { "both" } else { "to-salesforce" };
        let value = if n < 5 { n } else { n * 7 % 5 };
        rows +=
            &format!("{{ person = \"Outcome {n}\", salesforce = \"Value {value}\", way = \"{way}\" }},\n");
        rest += &format!(
            "[[custom_status]]\nlabel = \"Outcome {n}\"\nkey = \"outcome_{n}\"\ngroup = \"failed\"\n"
        );
    }
    read(&super::super::file(&rows, &rest))
}

/// Thirty rows, and sixty values on each object. Every fifth row writes the value of an earlier one.
pub fn thirty_rows() -> Mapping {
    let built_in = ["Just added", "Approaching", "On hold", "Success", "Opted out"];
    let ways = ["both", "to-engage", "both", "none", "to-engage", "both", "to-salesforce"];
    let mut rows = String::new();
    let mut rest = String::from("[salesforce.contact]\nstatus = \"Engagement_Status__c\"\n");
    for n in 0..30 {
        let person = built_in.get(n).map_or(format!("Outcome {n}"), |label| (*label).to_owned());
        let (value, way) =
            if n % 5 == 4 && n > 4 { (n - 4, "to-salesforce") } else { (n, ways[n % ways.len()]) };
        rows += &format!(
            "{{ person = \"{person}\", lead = \"Value {value}\", contact = \"For contacts {value}\""
        );
        rows += &format!(", way = \"{way}\"");
        if way == "both" {
            let values: Vec<String> = (0..4).map(|more| format!("\"Further value {n}.{more}\"")).collect();
            rows +=
                &format!(", also_from = [{}], sequences = \"pause\", winner = \"hold\"", values.join(", "));
        }
        rows += " },\n";
        if n >= built_in.len() {
            rest += &format!(
                "[[custom_status]]\nlabel = \"Outcome {n}\"\nkey = \"outcome_{n}\"\ngroup = \"failed\"\n"
            );
        }
    }
    read(&super::super::file(&rows, &rest))
}

const HOSTILE: &str = r#"
{ person = "Just added", lead = "<b>\"&'</b>", contact = "]]><!--" },
{ person = "nasty", lead = "Переговоры с очень длинным названием, которое не помещается в одну строку", contact = "`#quot;` %%{init}%%" },
{ person = "Success", lead = "🎉 Won 👩‍👩‍👧‍👦 👍🏽", contact = "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW" },
{ person = "Bounced", lead = { Status = "a", Really_Long_Custom_Field_Name_For_This_Object__c = true }, contact = "1. one" },
{ person = "Opted out", way = "none", lead = "e\u0301\u0301\u0301" },
{ person = "Stopped" },
"#;

pub fn hostile() -> Mapping {
    let label = "<script>alert(1)</script> & \\\"статус\\\" 🎉 of_a_name_without_any_space_that_goes_on_and_on_and_on";
    let rest = format!(
        "[salesforce.contact]\nstatus = \"Engagement_Status__c\"\n[[custom_status]]\nlabel = \"{label}\"\nkey = \"nasty\"\ngroup = \"failed\"\n"
    );
    read(
        &super::super::file(HOSTILE, &rest)
            .replace("company = \"x\"", "company = \"Sons & <Daughters> \\\"Ltd\\\"\""),
    )
}

pub fn all() -> Vec<Mapping> {
    SHIPPED.iter().map(|name| shipped(name)).chain([thirty_rows(), many_to_few(), hostile()]).collect()
}
