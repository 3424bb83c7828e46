//! What each way of signing in needs.

use super::*;

const JWT: (&str, &str) = (
    "flow = \"client-credentials\"",
    "flow = \"jwt\"\nusername = \"me@acme.example\"\nprivate_key_file = \"key.pem\"",
);
pub(super) const PEM: &str = "-----BEGIN PRIVATE KEY-----\nnot a real one\n-----END PRIVATE KEY-----\n";

#[cfg(unix)]
#[test]
fn a_private_key_that_others_can_read_is_refused() {
    for mode in [0o644, 0o604, 0o640, 0o660] {
        let (codes, text) = Case::with(JWT.0, JWT.1).file("key.pem", PEM, mode).refused();
        assert_eq!(codes, ["C009"], "{mode:o}");
        says(&text, &["chmod 600", &format!("mode {mode:o}")]);
    }
    Case::with(JWT.0, JWT.1).file("key.pem", PEM, 0o600).sound();
    Case::with(JWT.0, JWT.1).file("key.pem", PEM, 0o400).sound();
}

#[test]
fn a_certificate_in_the_place_of_the_key_is_refused() {
    let pem = PEM.replace("PRIVATE KEY", "CERTIFICATE");
    let (codes, text) = Case::with(JWT.0, JWT.1).file("key.pem", &pem, 0o600).refused();
    assert_eq!(codes, ["C008"]);
    says(&text, &["-----BEGIN PRIVATE KEY-----"]);
}

#[test]
fn a_flow_says_what_it_needs() {
    let (codes, text) = Case::with(JWT.0, "flow = \"jwt\"").refused();
    assert_eq!(codes, ["C005", "C005"]);
    says(&text, &["username is missing", "private_key_file is missing", "LOCKSTEP_SALESFORCE__PRIVATE_KEY"]);
    let (_, text) = Case::with(JWT.0, "flow = \"refresh-token\"").refused();
    says(&text, &["refresh_token_file is missing"]);
}

const REFRESH: &str = "flow = \"refresh-token\"\nrefresh_token_file = \"token\"";

#[test]
fn a_refresh_token_that_is_not_there_yet_is_got_by_a_login() {
    let case = Case::with(JWT.0, REFRESH);
    let (codes, text) = case.refused();
    assert_eq!(codes, ["C008"]);
    says(&text, &["No such file", &format!("run `lockstep login -c {}`", case.path().display())]);
    let config = config::load_for_login(&case.path(), vec![]).unwrap();
    assert!(matches!(config.flow, SalesforceFlow::RefreshToken { .. }));
    case.file("token", "5Aep\n", 0o600).sound();
}

#[test]
fn a_login_needs_its_own_flow_and_nothing_of_the_other_sections() {
    let alone = SOUND.split("[engage]").next().unwrap().replace(JWT.0, REFRESH);
    let case = Case::new(&alone);
    config::load_for_login(&case.path(), vec![]).unwrap();
    for flow in [JWT.0, JWT.1, "flow = \"jwt\""] {
        let problems =
            config::load_for_login(&Case::with(JWT.0, flow).path(), vec![]).expect_err("another flow");
        says(&problems.render(false), &["[salesforce] flow", "refresh_token_file", "lockstep.toml:6"]);
    }
}

#[test]
fn a_refresh_token_that_could_not_be_replaced_is_refused_with_a_better_place() {
    let case = Case::with(JWT.0, REFRESH).file("mounted", "5Aep\n", 0o600);
    std::os::unix::fs::symlink(case.dir.path().join("mounted"), case.dir.path().join("token")).unwrap();
    says(&case.refused().1, &["is a symbolic link", "/var/lib/lockstep/refresh-token"]);
    assert!(config::load_for_login(&case.path(), vec![]).is_err());
}
