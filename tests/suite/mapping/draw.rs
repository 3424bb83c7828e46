//! The picture of a mapping: everything stands in it, nothing stands upon anything else, and hostile words stay words.

mod companies;
mod geometry;
mod xml;

use companies::{all, hostile, many_to_few, read, shipped, thirty_rows};
use geometry::Geometry;
use lockstep::mapping::{Mapping, draw};
use lockstep::model::SalesforceObject;
use std::process::Command;

fn picture(mapping: &Mapping) -> (xml::Element, Geometry) {
    let svg = draw::svg(mapping);
    let root = xml::read(&svg).unwrap_or_else(|why| panic!("{}: {why}\n{svg}", mapping.company));
    let geometry = Geometry::of(&root);
    (root, geometry)
}

fn bare(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn no_box_text_pill_or_arrow_stands_upon_another_and_every_text_fits_its_box() {
    for mapping in all() {
        let (_, geometry) = picture(&mapping);
        let faults = geometry.faults();
        assert!(faults.is_empty(), "{}:\n{}", mapping.company, faults.join("\n"));
        assert!(geometry.arrows.len() > mapping.rows.len() / 2);
    }
}

#[test]
fn what_is_out_of_place_is_noticed() {
    let svg = draw::svg(&shipped("example"));
    let rect = Geometry::of(&xml::read(&svg).unwrap()).values[0];
    let (at, below) = (format!("y=\"{}\"", rect.y), format!("y=\"{}\"", rect.y + 40.0));
    for (change, fault) in [
        (svg.replace(">Junk lead</text>", ">Junk lead, and more than there is room for</text>"), "leaves"),
        (svg.replace(&at, &below), "two of box meet"),
        (svg.replace("class=\"line both\" d=\"M", "class=\"line both\" d=\"M-"), "runs over"),
    ] {
        assert_ne!(change, svg);
        let faults = Geometry::of(&xml::read(&change).unwrap()).faults().join("\n");
        assert!(faults.contains(fault), "{fault}: {faults}");
    }
}

#[test]
fn every_person_status_and_every_salesforce_value_stands_in_the_picture() {
    for mapping in all() {
        let (_, geometry) = picture(&mapping);
        let people: Vec<String> = geometry.people.iter().map(|one| geometry.written_in(one)).collect();
        let values: Vec<String> = geometry.values.iter().map(|one| geometry.written_in(one)).collect();
        assert_eq!(people.len(), mapping.rows.len());
        for (row, written) in mapping.rows.iter().zip(&people) {
            assert!(written.contains(&bare(mapping.label(&row.person))), "{written}");
            for object in SalesforceObject::BOTH {
                for value in
                    row.fields(object).into_iter().chain(row.also_from(object)).flat_map(|of| of.values())
                {
                    let value = bare(&value.to_string());
                    assert!(values.iter().any(|written| written.contains(&value)), "{value}: {values:?}");
                }
            }
        }
    }
    assert!(picture(&thirty_rows()).1.values.len() >= 120);
}

#[test]
fn lead_and_contact_share_a_column_where_they_say_the_same_and_else_stand_on_either_side() {
    let side = |name: &str, heading: &str| {
        let (_, geometry) = picture(&shipped(name));
        geometry.texts.iter().find(|text| text.says == heading).map(|text| text.rect.x)
    };
    let people = "Revenue Engage";
    assert!(side("example", people) < side("example", "Salesforce Lead and Contact"));
    assert_eq!(side("example", "Salesforce Lead"), None);
    assert!(side("harbor-freightways", "Salesforce Lead") < side("harbor-freightways", people));
    assert!(side("harbor-freightways", people) < side("harbor-freightways", "Salesforce Contact"));
    assert!(side("northwind-clinics", people) < side("northwind-clinics", "Salesforce Lead"));
}

#[test]
fn an_arrow_has_a_head_where_something_is_written_and_nowhere_else() {
    for mapping in all() {
        let (_, geometry) = picture(&mapping);
        let on_edge = |boxes: &[geometry::Rect], (x, y): (f64, f64)| {
            boxes.iter().any(|one| {
                let edge = (one.x - x).abs() < 0.2 || (one.x + one.width - x).abs() < 0.2;
                edge && one.y < y && y < one.y + one.height
            })
        };
        for arrow in &geometry.arrows {
            let at_people = arrow.tips.iter().filter(|tip| on_edge(&geometry.people, **tip)).count();
            let at_values = arrow.tips.iter().filter(|tip| on_edge(&geometry.values, **tip)).count();
            let (words, expected) = match arrow.class.as_str() {
                "both" => (": both ways", (1, 1)),
                "out" => (": only to Salesforce", (0, 1)),
                "in" => (": only to Revenue Engage", (1, 0)),
                _ => (": nothing is carried", (0, 0)),
            };
            // The samples of the legend have no title.
            if !arrow.title.is_empty() {
                assert_eq!((at_people, at_values), expected, "{arrow:?}");
                assert!(arrow.title.ends_with(words), "{}", arrow.title);
            }
        }
    }
}

#[test]
fn statuses_that_become_one_value_share_a_lane_and_a_head() {
    let (_, geometry) = picture(&many_to_few());
    let mut tips: Vec<String> = geometry
        .arrows
        .iter()
        .filter(|arrow| arrow.class == "out" && !arrow.title.is_empty())
        .flat_map(|arrow| &arrow.tips)
        .map(|tip| format!("{tip:?}"))
        .collect();
    assert_eq!(tips.len(), 25);
    tips.sort();
    tips.dedup();
    assert_eq!(tips.len(), 5);
}

#[test]
fn each_row_names_its_line_and_what_it_does() {
    let (root, geometry) = picture(&shipped("example"));
    let rows = root.named("g").filter(|group| group.attribute("class").starts_with("row"));
    let lines: Vec<String> = rows.map(|row| row.child_text("title").to_owned()).collect();
    assert_eq!(lines.len(), 8);
    assert!(lines[0].ends_with("mapping/example.toml:9"), "{lines:?}");
    let titles: Vec<&str> = geometry.arrows.iter().map(|arrow| arrow.title.as_str()).collect();
    for words in [
        ":12: Approaching and Lead and Contact Attempting to contact: both ways",
        ":16: Unresponsive and Lead and Contact Attempting to contact: only to Salesforce",
        ":13: Opted out and Lead and Contact Unsubscribed, + HasOptedOutOfEmail: both ways",
    ] {
        assert!(titles.iter().any(|title| title.ends_with(words)), "{words}: {titles:?}");
    }
    let written: Vec<String> = geometry.people.iter().map(|one| geometry.written_in(one)).collect();
    assert_eq!(written[0], "stageNotstartedNotcontactednotcarried");
    assert_eq!(written[6], "stageSuccessSuccesspausessequences");
}

#[test]
fn an_opt_out_is_drawn_as_it_acts_whatever_its_row_says() {
    let titles = |rows: &str| {
        let (_, geometry) = picture(&read(&super::file(rows, "")));
        let titles: Vec<String> = geometry.arrows.into_iter().map(|arrow| arrow.title).collect();
        titles.into_iter().filter(|title| !title.is_empty()).collect::<Vec<_>>()
    };
    let alone = "{ person = \"Opted out\", salesforce = \"Stop\", way = \"none\", also_from = [\"Gone\"] },";
    let checkbox = "Opted out and Lead + HasOptedOutOfEmail, where it exists: both ways";
    let found = titles(alone);
    let expected = ["Lead Stop: only to Revenue Engage", checkbox, "Lead Gone: only to Revenue Engage"];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.ends_with(expected), "{found}: {expected}");
    }
}

#[test]
fn the_picture_serves_dark_pages_and_screen_readers() {
    for mapping in all() {
        let (root, _) = picture(&mapping);
        assert_eq!((root.attribute("role"), root.attribute("lang")), ("img", "en"));
        assert_eq!(root.attribute("aria-labelledby"), "mapping-title mapping-desc");
        assert!(root.child_text("title").starts_with(&*mapping.company));
        let described = root.child_text("desc");
        for row in &mapping.rows {
            assert!(described.contains(mapping.label(&row.person)), "{described}");
        }
        assert!(root.child_text("style").contains("@media (prefers-color-scheme:dark)"));
    }
}

#[test]
fn mermaid_names_each_arrow_and_keeps_its_own_signs_out_of_the_words() {
    let text = draw::mermaid(&shipped("harbor-freightways"));
    for line in [
        "  s0_1 <-->|\"both ways\"| p1",
        "  s0_2 -->|\"only to Revenue Engage\"| p1",
        "  s1_3 -->|\"only to Revenue Engage\"| p2",
        "  p7 -->|\"only to Salesforce\"| s0_1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let text = draw::mermaid(&hostile());
    assert!(
        text.starts_with("---\ntitle: \"Sons & <Daughters> \\\"Ltd\\\"\"\n---\nflowchart LR\n"),
        "{text}"
    );
    assert!(text.contains("p5[\"Stopped<br/>not carried\"]:::quiet"), "{text}");
    for line in text.lines().skip(4) {
        assert!(matches!(line.matches('"').count(), 0 | 2), "{line}");
        let words = line.replace("<br/>", "").replace("<-->", "");
        assert!(!words.contains(['<', '`', '%', '&']) && !words.contains("script>"), "{line}");
    }
}

#[test]
fn the_command_draws_to_standard_output_or_into_a_file_but_never_over_the_mapping() {
    let dir = tempfile::tempdir().unwrap();
    let mapping = dir.path().join("acme.toml");
    std::fs::write(&mapping, super::EXAMPLE).unwrap();
    let draw = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
        command.current_dir(dir.path()).args(["mapping", "draw", "acme.toml"]).args(more).output().unwrap()
    };
    let printed = draw(&[]);
    assert!(printed.status.success() && printed.stdout.starts_with(b"<svg "));
    let written = draw(&["-o", "acme.svg"]);
    assert!(written.status.success() && written.stdout.is_empty());
    assert_eq!(std::fs::read(dir.path().join("acme.svg")).unwrap(), printed.stdout);
    assert!(draw(&["--format", "mermaid"]).stdout.starts_with(b"---\ntitle: \"example\""));
    let json: serde_json::Value = serde_json::from_slice(&draw(&["--json"]).stdout).unwrap();
    assert_eq!(json["drawing"].as_str().unwrap().as_bytes(), printed.stdout);
    let over = draw(&["-o", "./acme.toml"]);
    assert_eq!(over.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&over.stderr).contains("is the mapping itself"));
    assert_eq!(std::fs::read_to_string(&mapping).unwrap(), super::EXAMPLE);
    let nowhere = draw(&["-o", "nowhere/acme.svg"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("cannot write nowhere"));
    assert_eq!(draw(&["--format", "png"]).status.code(), Some(2));
}
