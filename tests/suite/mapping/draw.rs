//! Pictures of mappings: nothing overlaps, nothing is missing, and no text gets out of its place.

use lockstep::mapping::draw::{Item, layout, mermaid, svg};
use lockstep::mapping::{Mapping, parse};
use std::path::Path;

fn thirty_rows() -> String {
    let mut rows = String::new();
    let mut own = String::new();
    for row in 0..30 {
        let more = match row % 5 {
            0 => ", only_if = { LeadSource = [\"Web\", \"Partner referral\"] }",
            1 => ", sequences = \"pause\", winner = \"engage\"",
            2 => ", way = \"to-engage\"",
            _ => "",
        };
        rows += &format!(
            "{{ person = \"Status {row}\", salesforce = \"Value {row}\", also_from = [\"Further {row}\"]{more} }},\n"
        );
        own += &format!(
            "[[custom_status]]\nlabel = \"Status {row}\"\nkey = \"status_{row}\"\ngroup = \"failed\"\n"
        );
    }
    format!(
        "schema = 1\ncompany = \"Thirty\"\nstatus = [\n{rows}]\n{own}[salesforce.lead]\nstatus = \"Status\"\n[conflict]\nwinner = \"hold\"\n"
    )
}

fn hostile() -> String {
    let long = "A very long value that no designer of pictures ever thought of, ".repeat(3);
    format!(
        "schema = 1\ncompany = '<script>\"&'\nstatus = [\n{{ person = 'Ever <b>\"& so', salesforce = '<b>\"&' }},\n\
         {{ person = \"Success\", lead = {{ Status = \"{}\", Rating = \"Очень горячий 🔥\" }}, also_from = [\"漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字\"] }},\n]\n\
         [[custom_status]]\nlabel = 'Ever <b>\"& so'\nkey = \"ever\"\ngroup = \"failed\"\n[salesforce.lead]\nstatus = \"Status\"\n[conflict]\nwinner = \"hold\"\n",
        long.trim_end()
    )
}

/// The shipped companies, one of thirty rows, and one that nobody should write.
fn all() -> Vec<Mapping> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("mapping");
    let shipped = ["example", "harbor-freightways", "northwind-clinics"];
    let shipped = shipped.map(|name| std::fs::read_to_string(dir.join(format!("{name}.toml"))).unwrap());
    let texts = shipped.into_iter().chain([thirty_rows(), hostile()]);
    texts
        .map(|text| parse("drawn.toml", &text).unwrap_or_else(|problems| panic!("{problems}")).mapping)
        .collect()
}

fn overlap(a: &Item, b: &Item) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

#[test]
fn no_box_overlaps_another_and_all_are_inside_the_picture() {
    for mapping in all() {
        let picture = layout(&mapping);
        for (index, item) in picture.items.iter().enumerate() {
            for other in &picture.items[..index] {
                assert!(!overlap(item, other), "{}: {item:?} over {other:?}", mapping.company);
            }
            let inside = item.x > 0.0
                && item.y > 90.0
                && item.x + item.width < picture.width
                && item.y + item.height < picture.height - 110.0;
            assert!(inside, "{}: {item:?}", mapping.company);
            for (_, line) in &item.lines {
                // Half an em a letter is less than any of these texts can take.
                assert!(line.chars().count() as f64 * 5.5 < item.width, "{line} in {item:?}");
            }
        }
    }
}

#[test]
fn every_status_every_value_and_every_row_is_in_the_picture() {
    for mapping in all() {
        let picture = layout(&mapping);
        let titles: Vec<&str> = picture.items.iter().map(|item| &*item.title).collect();
        let mut arrows = 0;
        for row in &mapping.rows {
            let label = mapping.label(&row.person);
            assert!(titles.iter().any(|title| title.starts_with(label)), "{label} is not drawn");
            let line = format!("drawn.toml:{}", row.line);
            assert!(titles.iter().any(|title| title.contains(&line)), "{line} is not named");
            arrows += row.lead.iter().len() + row.also_from_lead.len();
        }
        assert!(picture.arrows.len() >= arrows, "{}: {} arrows", mapping.company, picture.arrows.len());
        for arrow in &picture.arrows {
            let touches = |(x, y): (f64, f64)| {
                picture.items.iter().any(|item| {
                    let edge = (x - item.x).abs() < 0.01 || (x - item.x - item.width).abs() < 0.01;
                    edge && y > item.y && y < item.y + item.height
                })
            };
            assert!(touches(arrow.from) && touches(arrow.to), "{arrow:?} hangs in the air");
        }
    }
}

#[test]
fn the_svg_is_well_formed_and_says_for_those_who_hear_it_what_it_shows() {
    for mapping in all() {
        let text = svg(&mapping);
        well_formed(&text);
        assert!(text.contains("role=\"img\"") && text.contains("<desc id=\"desc\">"));
        assert!(!text.contains("<script") && !text.contains("<b>"), "a label got out of its place");
        for row in &mapping.rows {
            assert!(text.contains(&format!("drawn.toml:{}", row.line)));
        }
    }
}

/// Every element is closed where it was opened, and no text holds what belongs to the markup.
fn well_formed(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let before = &rest[..start];
        let entities = before
            .split('&')
            .skip(1)
            .all(|after| ["amp;", "lt;", "gt;", "quot;"].iter().any(|entity| after.starts_with(entity)));
        assert!(entities && !before.contains('>'), "markup in a text: {before}");
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = &rest[start + 1..end];
        assert_eq!(tag.matches('"').count() % 2, 0, "quotes in <{tag}>");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split_whitespace().next().unwrap()),
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty(), "{open:?} stay open");
}

#[test]
fn the_mermaid_text_names_every_arrow_and_keeps_labels_in_their_quotes() {
    for mapping in all() {
        let text = mermaid(&mapping);
        assert!(text.starts_with("flowchart LR\n"));
        let arrows = text.lines().filter(|line| line.contains("-->") || line.contains("-.-")).count();
        let wanted: usize =
            mapping.rows.iter().map(|row| row.lead.iter().len() + row.also_from_lead.len()).sum();
        assert!(arrows >= wanted, "{arrows} of {wanted}");
        for line in text.lines() {
            assert_eq!(line.matches('"').count() % 2, 0, "{line}");
        }
    }
}
