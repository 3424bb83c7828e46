//! `lockstep demo --once`: the story comes true, and a step that does not is named.

use super::call;

#[test]
fn every_step_of_the_story_comes_true() {
    let dir = tempfile::tempdir().unwrap();
    let called = call(dir.path(), &["demo", "--once"], &[]);
    assert_eq!(called.code, 0, "{}{}", called.out, called.err);
    assert!(called.out.contains("Revenue Engage: Success, sequences paused"), "{}", called.out);
    assert!(called.out.contains("Salesforce: Unsubscribed, email opt-out ticked"), "{}", called.out);
}

#[test]
fn without_the_row_for_success_the_step_that_needs_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let example = include_str!("../../../mapping/example.toml");
    // The company's own tests would refuse the file before anything is played.
    let (example, _) = example.split_once("[[test]]").unwrap();
    let without: String = example
        .lines()
        .filter(|line| !line.contains("\"Success\""))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(dir.path().join("mapping.toml"), without).unwrap();
    let called = call(dir.path(), &["demo", "--once", "--mapping", "mapping.toml"], &[]);
    assert_eq!(called.code, 1);
    assert!(
        called.out.contains("step 2 did not come true: a salesperson sets Jane's Lead to Nurture"),
        "{}",
        called.out
    );
}
