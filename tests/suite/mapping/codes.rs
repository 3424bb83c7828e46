//! Each code has a page, and on it a file that is wrong in this way and one that is right. Both are run.

use lockstep::diagnostic::{PAGES, Problems, page, title};
use lockstep::verify::parse;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Mistakes that no text can show: the file is missing, is no UTF-8, or is too long to print. `nasty.rs` makes them. And
/// the one that no file should ever lead to.
const WITHOUT_EXAMPLE: [&str; 4] = ["M002", "M019", "M026", "M059"];

/// A page's block as a whole file: what it does not show is as plain as can be.
fn whole(block: &str) -> String {
    if block.contains("schema ") {
        return block.to_owned();
    }
    let mut text = "schema = 1\ncompany = \"Example\"\n".to_owned();
    if !block.starts_with("status") {
        text += "status = [{ person = \"Success\", salesforce = \"Nurture\" }]\n";
    }
    text += block;
    if !block.contains("[salesforce.") {
        text += "\n[salesforce.lead]\nstatus = \"Status\"\n";
    }
    if !block.contains("[conflict") {
        text += "\n[conflict]\nwinner = \"hold\"\n";
    }
    text
}

fn block<'a>(page: &'a str, heading: &str) -> Option<&'a str> {
    let (_, after) = page.split_once(&format!("## {heading}\n"))?;
    let (_, code) = after.split_once("```toml\n")?;
    code.split_once("```").map(|(code, _)| code)
}

fn codes(problems: &Problems) -> BTreeSet<&'static str> {
    problems.found.iter().map(|problem| problem.code).collect()
}

#[test]
fn every_code_has_a_file_that_it_is_for_and_one_that_it_is_not_for() {
    let mapping = PAGES.iter().filter(|(code, _)| code.starts_with('M'));
    let mut shown = 0;
    for (code, page) in mapping.filter(|(code, _)| !WITHOUT_EXAMPLE.contains(code)) {
        let wrong = whole(block(page, "Wrong").unwrap_or_else(|| panic!("{code} shows nothing wrong")));
        let right = whole(block(page, "Right").unwrap_or_else(|| panic!("{code} shows nothing right")));
        let problems = match parse("wrong.toml", &wrong) {
            Ok(loaded) => loaded.warnings,
            Err(problems) => problems,
        };
        assert!(codes(&problems).contains(code), "{code} is not in\n{problems}\n{wrong}");
        let named = problems.found.iter().filter(|problem| problem.code == *code);
        for problem in named {
            assert!(!problem.marks.is_empty(), "{code} says not where\n{problems}");
            let said = !problem.help.is_empty() || problem.marks.iter().any(|mark| !mark.label.is_empty());
            assert!(said || *code == "M001", "{code} says not what instead\n{problems}");
        }
        let loaded = parse("right.toml", &right).unwrap_or_else(|problems| panic!("{code}\n{problems}"));
        assert_eq!(codes(&loaded.warnings), BTreeSet::new(), "{code}: the right one\n{right}");
        shown += 1;
    }
    assert!(shown >= 45, "{shown} codes are shown wrong and right");
}

#[test]
fn every_code_that_is_given_has_a_page_and_every_page_a_code_that_is_given() {
    let mut given = BTreeSet::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        // What stands in the tests of a file is only made up.
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        if file.ends_with("diagnostic/pages.rs") {
            continue;
        }
        for part in text.split('"').filter(|part| part.len() == 4 && part.starts_with(['M', 'C'])) {
            if part[1..].chars().all(|c| c.is_ascii_digit()) {
                given.insert(part.to_owned());
            }
        }
    }
    let pages: BTreeSet<String> = PAGES.iter().map(|(code, _)| (*code).to_owned()).collect();
    assert_eq!(given, pages);
    assert!(PAGES.is_sorted());
    for (code, text) in PAGES {
        assert!(title(text).starts_with(&format!("{code}: ")), "{code} has another title");
    }
    assert_eq!(page("m012"), page("M012"));
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(sources(&path)),
            false => files.push(path),
        }
    }
    files
}
