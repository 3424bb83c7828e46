//! The book: what can be compared with the code is, and no link leads nowhere.

use lockstep::diagnostic::{PAGES, title};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// The word that leads to a heading: as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase().replace(' ', "-");
    kept.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect()
}

fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

/// Every page of the book.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md"), root().join("mapping/README.md")];
    for folder in ["docs", "docs/codes"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// Where `](...)` leads.
fn links(page: &str) -> Vec<&str> {
    page.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link).collect()
}

#[test]
fn no_link_of_the_book_leads_nowhere() {
    let mut broken = Vec::new();
    let mut followed = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            followed += 1;
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let there = target.exists()
                && (heading.is_empty() || anchors(&fs::read_to_string(&target).unwrap()).contains(heading));
            if !there {
                broken.push(format!("{}: {link}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(followed > 50, "only {followed} links were found");
}

#[test]
fn the_index_knows_every_page() {
    let index = read("docs/README.md");
    let known: BTreeSet<&str> = links(&index).into_iter().collect();
    for page in pages().iter().filter(|page| page.parent().unwrap().ends_with("docs")) {
        let name = page.file_name().unwrap().to_str().unwrap();
        assert!(name == "README.md" || known.contains(name), "docs/README.md does not lead to {name}");
    }
}

#[test]
fn the_runbook_has_a_section_for_every_alert_and_every_alert_leads_there() {
    let (rules, runbook) = (read("deploy/prometheus/alerts.yaml"), read("docs/runbook.md"));
    let (mut alerts, mut leads) = (Vec::new(), Vec::new());
    for line in rules.lines() {
        if let Some((_, name)) = line.split_once("- alert: ") {
            alerts.push(name.trim());
        }
        if let Some((_, page)) = line.split_once("runbook_url: ") {
            leads.push(page.trim());
        }
    }
    assert!(alerts.len() > 10, "{alerts:?}");
    let wanted: Vec<String> =
        alerts.iter().map(|alert| format!("docs/runbook.md#{}", anchor(alert))).collect();
    assert_eq!(leads, wanted);
    let sections: Vec<&str> =
        runbook.lines().filter_map(|line| line.strip_prefix("## Lockstep").map(|_| &line[3..])).collect();
    let (sections, alerts): (BTreeSet<&str>, BTreeSet<&str>) =
        (sections.into_iter().collect(), alerts.into_iter().collect());
    assert_eq!(sections, alerts);
}

#[test]
fn the_runbook_lists_every_code_with_its_page() {
    let runbook = read("docs/runbook.md");
    let (_, listed) = runbook.split_once("compared by a test -->\n").expect("the list of codes");
    let made: String = PAGES
        .iter()
        .map(|(code, page)| {
            let title = title(page);
            format!(
                "* [{code}](codes/{code}.md): {}\n",
                title.strip_prefix(&format!("{code}: ")).unwrap_or(title)
            )
        })
        .collect();
    assert_eq!(listed, made);
}
