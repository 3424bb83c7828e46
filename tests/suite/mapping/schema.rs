//! The JSON Schema of a mapping file: the copy that editors read, what it takes, and what it refuses.

use super::validator::is_valid;
use super::{EXAMPLE, file};
use lockstep::mapping::schema;
use serde_json::Value;

const SHIPPED: [(&str, &str); 3] = [
    ("example", EXAMPLE),
    ("harbor-freightways", include_str!("../../../mapping/harbor-freightways.toml")),
    ("northwind-clinics", include_str!("../../../mapping/northwind-clinics.toml")),
];

fn takes(text: &str) -> bool {
    let value: Value = toml::from_str(text).unwrap_or_else(|why| panic!("{why}\n{text}"));
    is_valid(&schema(), &value)
}

#[test]
fn the_copy_that_editors_read_is_the_schema_of_this_version() {
    let copy: Value = serde_json::from_str(include_str!("../../../mapping/schema.json")).unwrap();
    assert!(copy == schema(), "renew the copy: cargo run -- mapping schema > mapping/schema.json");
}

#[test]
fn every_shipped_file_names_the_schema_and_is_as_it_says() {
    for (name, text) in SHIPPED {
        assert!(text.starts_with("#:schema ./schema.json\n"), "{name}");
        assert!(takes(text), "{name}");
    }
}

#[test]
fn what_is_wrong_by_itself_is_refused() {
    let row = "{ person = \"Success\", salesforce = \"Nurture\" },";
    let good = file(row, "");
    assert!(takes(&good));
    let wrong = [
        ("no company", good.replace("company = \"x\"\n", "")),
        ("a section nobody knows", file(row, "[conflicts]\nwinner = \"hold\"\n")),
        ("a newer language", good.replace("schema = 1", "schema = 2")),
        ("no rows", file("", "")),
        ("a row without a person", file("{ salesforce = \"a\" },", "")),
        ("a key nobody knows", file("{ person = \"Success\", sequence = \"pause\" },", "")),
        ("a stage nobody knows", file("{ person = \"Success\", stage = \"Sucess\" },", "")),
        ("a way nobody knows", file("{ person = \"Success\", way = \"out\" },", "")),
        ("both ways of saying", file("{ person = \"Success\", salesforce = \"a\", lead = \"b\" },", "")),
        ("spaces at the end", file("{ person = \"Success\", salesforce = \"Nurture \" },", "")),
        ("a label for a field", file("{ person = \"Success\", lead = { \"Lead Status\" = \"a\" } },", "")),
        ("a number for a value", file("{ person = \"Success\", lead = { Rating = 1 } },", "")),
        ("a text for a list", file("{ person = \"Success\", also_from = \"a\" },", "")),
        ("rows in a section", file(row, "status = [{ person = \"Bounced\" }]\n")),
        ("no winner", good.replace("winner = \"hold\"\n", "")),
        ("a winner nobody knows", good.replace("\"hold\"", "\"newst\"")),
        ("a time in words", good.replace("\"hold\"", "\"newest\"\nguard_band = \"soon\"")),
        ("a box that is true", good.replace("\"Status\"", "\"Status\"\nopt_out = true")),
        ("more than all", file(row, "[limits]\nchanged_share = 1.5\n")),
        ("half a write", file(row, "[limits]\nwrites_per_record_per_hour = 1.5\n")),
        (
            "a status in General",
            file(row, "[[custom_status]]\nlabel = \"D\"\nkey = \"d\"\ngroup = \"general\"\n"),
        ),
        (
            "a key in capitals",
            file(row, "[[custom_status]]\nlabel = \"D\"\nkey = \"D!\"\ngroup = \"success\"\n"),
        ),
        (
            "a built-in label",
            file(row, "[[custom_status]]\nlabel = \"Bounced\"\nkey = \"d\"\ngroup = \"failed\"\n"),
        ),
        ("no condition", file("{ person = \"Success\", only_if = {} },", "")),
        ("a sequence by number", file("{ person = \"Success\", only_if = { sequence = 7 } },", "")),
        ("a field on one side", file(row, "[[field]]\nengage = \"title\"\n")),
        ("an address written there", file(row, "[[field]]\nengage = \"email\"\nlead = \"Email\"\n")),
        (
            "a transform nobody knows",
            file(row, "[[field]]\nengage = \"title\"\nlead = \"Title\"\ntransform = \"rot13\"\n"),
        ),
        ("a flow of half a rule", file(row, "[[automation]]\non = { lead = \"a\" }\n")),
        (
            "a test without a name",
            file(
                row,
                "[[test]]\ngiven = { lead = \"a\" }\nwhen = { lead = \"b\" }\nthen = { lead = \"b\" }\n",
            ),
        ),
    ];
    for (what, text) in wrong {
        assert!(!takes(&text), "{what}\n{text}");
    }
}

#[test]
fn the_whole_language_is_taken_also_what_this_version_does_not_do_yet() {
    let rows = "{ person = \"demo_booked\", stage = \"APPROACHING\", lead = { Status = \"a\", Hot__c = true }, only_if = { LeadSource = [\"Web\", \"Event\"], Vip__c = true, sequence = \"Inbound demo\" } },
        { person = \"Unsubscribed\", contact = \"b\", also_from = { lead = [\"c\", { Status = \"d\" }] }, winner = \"hold\" },";
    let rest = "[new]\nprospects = \"create\"\nleads = \"create\"\n
        [[field]]\nlead = \"Title\"\ncontact = \"Title\"\nengage = \"title\"\nway = \"both\"\nwinner = \"newest\"\nblank = \"clear\"\ntransform = [\"trim\", \"title-case\"]\nvalues = { CEO = \"Chief\" }
        [[field]]\nlead = \"Email\"\nengage = \"email\"\nway = \"to-salesforce\"\n
        [[automation]]\non = { lead = \"X\" }\nthen = { lead = { Status = \"Y\" } }
        [[test]]\nname = \"a lead nurtured\"\ngiven = { lead = \"In progress\", person = \"In progress\", record = { LeadSource = \"Web\" } }\nwhen = { lead = \"Nurture\" }\nthen = { person = \"Success\", sequences = \"pause\", held = false }";
    assert!(takes(&file(rows, rest)));
}

#[test]
fn every_key_tells_what_it_is_for() {
    fn look(schema: &Value, path: &str) {
        for (key, of) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            assert!(of["description"].as_str().is_some_and(|text| text.len() > 10), "{path}");
            look(of, &path);
        }
        if let Some(items) = schema.get("items") {
            assert!(items.get("description").is_some(), "{path}[]");
            look(items, &format!("{path}[]"));
        }
        for of in schema["anyOf"].as_array().into_iter().flatten().filter(|of| of.get("type").is_some()) {
            look(of, path);
        }
    }
    look(&schema(), "");
}
