//! The configuration file: what is accepted, what is refused, and in which words.

mod sign_in;

use lockstep::config::{self, KEYS, Kind, Loaded, LogFormat, SalesforceFlow};
use lockstep::diagnostic::Problems;
use secrecy::ExposeSecret;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// A directory with a configuration in it. The first text stands before the sections.
struct Case {
    dir: TempDir,
    environment: Vec<(String, String)>,
}

const SOUND: &str = r#"
tenant = "acme"
mapping = "acme.toml"
[salesforce]
login_url = "https://acme.my.salesforce.com"
flow = "client-credentials"
client_id = "3MVG9"
client_secret_file = "sf-secret"
[engage]
base_url = "https://acme.example"
client_id = "lockstep"
client_secret_file = "engage-secret"
[store]
path = "data"
"#;

impl Case {
    fn new(text: &str) -> Case {
        let dir = TempDir::new().unwrap();
        fs::write(dir.path().join("lockstep.toml"), text).unwrap();
        fs::write(dir.path().join("sf-secret"), "sf-hush\n").unwrap();
        fs::write(dir.path().join("engage-secret"), "engage-hush").unwrap();
        Case { dir, environment: vec![] }
    }

    /// The sound file with one piece of text replaced.
    fn with(from: &str, to: &str) -> Case {
        assert!(SOUND.contains(from), "{from}");
        Case::new(&SOUND.replacen(from, to, 1))
    }

    fn set(mut self, name: &str, value: &str) -> Case {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(self, name: &str, content: &str, _mode: u32) -> Case {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(_mode)).unwrap();
        }
        self
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("lockstep.toml")
    }

    fn load(&self) -> Result<Loaded, Problems> {
        config::load(&self.path(), self.environment.clone())
    }

    fn sound(&self) -> Loaded {
        self.load().unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// The problems as text, with the codes in order.
    fn refused(&self) -> (Vec<&'static str>, String) {
        let problems = self.load().expect_err("this must be refused");
        (problems.found.iter().map(|problem| problem.code).collect(), problems.render(false))
    }
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
}

#[test]
fn what_is_not_said_has_the_documented_default() {
    let case = Case::new(SOUND);
    let config = case.sound().config;
    assert_eq!(config.salesforce.api_version, "67.0");
    assert_eq!(config.salesforce.poll_every, Duration::from_secs(60));
    assert_eq!(config.salesforce.overlap, Duration::from_secs(600));
    assert_eq!(config.salesforce.keep_free, 0.2);
    assert_eq!(config.salesforce.quota_retry, [60, 300, 900, 1800].map(Duration::from_secs));
    assert_eq!(config.engage.overlap, Duration::from_secs(600));
    assert_eq!(config.sync.sweep_every, Duration::from_secs(86_400));
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.log.level, "info");
    assert!(!config.log.personal_data && !config.engage.webhook && config.admin.token.is_none());
    assert!(config.webhooks_listen.is_none());
}

#[test]
fn relative_paths_are_from_the_file_and_absolute_ones_stay() {
    let case = Case::with("path = \"data\"", "path = \"/srv/data\"");
    let config = case.sound().config;
    assert_eq!(config.mapping, case.dir.path().join("acme.toml"));
    assert_eq!(config.store.path, PathBuf::from("/srv/data"));
}

#[cfg(unix)]
#[test]
fn a_path_is_shown_as_people_write_it_and_a_symbolic_link_is_not_led_astray() {
    let case = Case::new(&SOUND.replace("\"acme.toml\"", "\"./../mapping/acme.toml\""));
    let parent = case.dir.path().parent().unwrap().to_owned();
    assert_eq!(case.sound().config.mapping, parent.join("mapping/acme.toml"));
    let elsewhere = TempDir::new().unwrap();
    let link = elsewhere.path().join("config");
    std::os::unix::fs::symlink(case.dir.path(), &link).unwrap();
    let mapping = config::load(&link.join("lockstep.toml"), []).unwrap().config.mapping;
    assert_eq!(mapping, link.join("../mapping/acme.toml"), "the link's own parent is another directory");
}

#[test]
fn one_line_break_at_the_end_of_a_secret_file_is_ignored_and_no_more() {
    let config = Case::new(SOUND).file("sf-secret", "a\n\n", 0o600).sound().config;
    let SalesforceFlow::ClientCredentials { client_secret } = config.salesforce.flow else {
        panic!("another flow")
    };
    assert_eq!(client_secret.expose_secret(), "a\n");
    let config = Case::new(SOUND).file("engage-secret", "b \r\n", 0o600).sound().config;
    assert_eq!(config.engage.client_secret.expose_secret(), "b ");
}

#[test]
fn the_environment_wins_over_the_file_for_texts_lists_truths_and_secrets() {
    let case = Case::new(SOUND)
        .set("LOCKSTEP_TENANT", "other")
        .set("LOCKSTEP_SALESFORCE__POLL_EVERY", "5s")
        .set("LOCKSTEP_SALESFORCE__QUOTA_RETRY", "1s, 2s")
        .set("LOCKSTEP_LOG__PERSONAL_DATA", "true")
        .set("LOCKSTEP_LOG__FORMAT", "pretty")
        .set("LOCKSTEP_ENGAGE__CLIENT_SECRET", "from-env\n")
        .set("LOCKSTEP_STORE__PATH", "");
    let config = case.sound().config;
    assert_eq!(config.tenant, "other");
    assert_eq!(config.salesforce.poll_every, Duration::from_secs(5));
    assert_eq!(config.salesforce.quota_retry, [1, 2].map(Duration::from_secs));
    assert!(config.log.personal_data && config.log.format == LogFormat::Pretty);
    assert_eq!(config.engage.client_secret.expose_secret(), "from-env");
    assert_eq!(config.store.path, case.dir.path().join("data"), "an empty variable counts as not set");
}

#[test]
fn a_variable_with_a_slip_is_refused_and_one_that_kubernetes_sets_is_not() {
    let (codes, text) = Case::new(SOUND).set("LOCKSTEP_SALESFORCE__POL_EVERY", "5s").refused();
    assert_eq!(codes, ["C003"]);
    says(&text, &["LOCKSTEP_SALESFORCE__POL_EVERY", "did you mean LOCKSTEP_SALESFORCE__POLL_EVERY?"]);
    Case::new(SOUND).set("LOCKSTEP_PORT_8080_TCP_ADDR", "10.0.0.1").sound();
}

#[test]
fn every_mistake_is_reported_at_once_each_underlined_at_its_place() {
    let text = r#"
tennant = "acme"
mapping = "acme.toml"
[salesforce]
login_url = "http://acme.my.salesforce.com"
flow = "jwtt"
api_version = 67.0
poll_every = "1x"
changes = ["pol"]
[engage]
base_url = "https://acme.example"
client_secret_file = "nowhere"
poll-every = "1s"
[stores]
path = "data"
[log]
personal_data = "yes"
"#;
    let (codes, text) = Case::new(text).refused();
    says(
        &text,
        &[
            "unknown key `tennant`",
            "did you mean `tenant`?",
            "lockstep.toml:5:13",
            "http:// is accepted for this machine only",
            "did you mean `jwt`?",
            "[salesforce] api_version must be a text in quotes",
            "\"1x\" is not a duration",
            "did you mean `poll`?",
            "[salesforce] client_id is missing",
            "[engage] client_id is missing",
            "nowhere",
            "did you mean `poll_every`?",
            "did you mean [store]?",
            "[store] path is missing",
            "[log] personal_data must be true or false",
            "^^^^",
        ],
    );
    assert!(codes.len() >= 13, "{codes:?}");
}

#[test]
fn a_file_that_is_no_toml_says_only_that_and_where() {
    let (codes, text) = Case::new("tenant = \"acme\nmapping = 1\n").refused();
    assert!(codes.iter().all(|code| *code == "C002"), "{text}");
    says(&text, &["this is not TOML", "lockstep.toml:1:"]);
}

#[test]
fn a_missing_file_is_said_with_its_name() {
    let problems = config::load("no/such/lockstep.toml".as_ref(), []).unwrap_err();
    assert_eq!(problems.found[0].code, "C001");
    says(&problems.render(false), &["no/such/lockstep.toml", "-c FILE"]);
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_shown() {
    for line in ["client_secret = \"tell-nobody\"", "client_secret = \"\"\"\ntell-nobody\n\"\"\""] {
        let (codes, text) = Case::with("client_secret_file = \"sf-secret\"", line).refused();
        assert_eq!(codes, ["C007"], "{text}");
        says(&text, &["client_secret_file", "LOCKSTEP_SALESFORCE__CLIENT_SECRET"]);
        assert!(!text.contains("tell-nobody"), "{text}");
    }
}

#[test]
fn a_secret_is_not_shown_either_when_the_file_is_broken_at_it() {
    let (_, text) =
        Case::with("client_secret_file = \"sf-secret\"", "client_secret = \"tell-nobody").refused();
    assert!(!text.contains("tell-nobody"), "{text}");
}

#[test]
fn nothing_that_is_printed_of_a_configuration_holds_a_secret() {
    let shown = format!("{:?}", Case::new(SOUND).sound());
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn an_admin_port_that_others_can_reach_needs_a_token() {
    for listen in ["0.0.0.0:8080", "[::]:8080", "10.1.2.3:80"] {
        let case = Case::new(&format!("{SOUND}[admin]\nlisten = \"{listen}\"\n"));
        let (codes, text) = case.refused();
        assert_eq!(codes, ["C011"], "{listen}");
        says(&text, &["token_file", "LOCKSTEP_ADMIN__TOKEN"]);
        case.set("LOCKSTEP_ADMIN__TOKEN", "0123456789abcdef").sound();
    }
    for listen in ["127.0.0.1:0", "[::1]:8080"] {
        Case::new(&format!("{SOUND}[admin]\nlisten = \"{listen}\"\n")).sound();
    }
}

#[test]
fn a_token_that_can_be_guessed_is_a_warning_and_one_that_no_header_can_carry_an_error() {
    let loaded = Case::new(SOUND).set("LOCKSTEP_ADMIN__TOKEN", "short").sound();
    assert_eq!(loaded.warnings.found[0].code, "C014");
    let (codes, text) = Case::new(SOUND).set("LOCKSTEP_ADMIN__TOKEN", "two words tell-nobody").refused();
    assert_eq!(codes, ["C008"]);
    assert!(!text.contains("tell-nobody"));
}

#[test]
fn changes_of_salesforce_come_in_by_any_of_three_ways() {
    for way in ["pubsub", "outbound-messages", "poll"] {
        let to = format!("client_id = \"3MVG9\"\nchanges = [\"{way}\"]");
        let loaded = Case::with("client_id = \"3MVG9\"", &to).sound();
        assert_eq!(loaded.warnings.counts(), (0, 0), "{way}");
        assert_eq!(loaded.config.salesforce.changes.len(), 1);
    }
    let (codes, text) =
        Case::with("client_id = \"3MVG9\"", "client_id = \"3MVG9\"\npubsub_channel = \"Leads\"").refused();
    assert_eq!(codes, ["C006"], "{text}");
    says(&text, &["/data/NAME__chn"]);
}

#[test]
fn webhooks_need_their_secret_and_take_two_while_it_rotates() {
    let to = "client_id = \"lockstep\"\nchanges = [\"webhook\"]\nwebhook_secret_file = \"hook\"";
    let case = Case::with("client_id = \"lockstep\"", to).file("hook", "new\nold\n", 0o600);
    let secrets = case.sound().config.engage.webhook_secrets;
    assert_eq!(secrets.iter().map(|s| s.expose_secret()).collect::<Vec<_>>(), ["new", "old"]);
    let (codes, _) =
        Case::with("client_id = \"lockstep\"", "client_id = \"lockstep\"\nchanges = [\"webhook\"]").refused();
    assert_eq!(codes, ["C005"]);
}

#[test]
fn values_out_of_range_are_refused_with_the_range() {
    for (key, value, says_so) in [
        ("LOCKSTEP_SALESFORCE__POLL_EVERY", "1ms", "between 100ms and 24h"),
        ("LOCKSTEP_SALESFORCE__OVERLAP", "0s", "between 1s and 24h"),
        ("LOCKSTEP_SALESFORCE__KEEP_FREE", "96%", "at most 95%"),
        ("LOCKSTEP_SALESFORCE__API_VERSION", "30.0", "too old"),
        ("LOCKSTEP_SALESFORCE__API_VERSION", "v67.0", "write \"67.0\""),
        ("LOCKSTEP_SALESFORCE__QUOTA_RETRY", ",", "at least one"),
        ("LOCKSTEP_SYNC__SWEEP_EVERY", "1s", "between 60s and 30d"),
        ("LOCKSTEP_TENANT", "a/b", "1 to 64"),
        ("LOCKSTEP_LOG__LEVEL", "a=b=c", "\"info\""),
        ("LOCKSTEP_ADMIN__LISTEN", "localhost:8080", "127.0.0.1:8080"),
        ("LOCKSTEP_ENGAGE__PROFILE", "outreach.toml", "only the profile `default`"),
    ] {
        let (_, text) = Case::new(SOUND).set(key, value).refused();
        says(&text, &[says_so, key]);
    }
}

#[test]
fn the_shipped_file_names_every_key_and_is_right_but_for_the_secrets_of_this_machine() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/lockstep.toml");
    let text = fs::read_to_string(&path).unwrap();
    for key in KEYS.iter().filter(|key| key.kind != Kind::Secret) {
        let set = text.lines().any(|line| {
            let line = line.trim_start_matches("# ");
            line.strip_prefix(key.name).is_some_and(|rest| rest.trim_start().starts_with('='))
        });
        assert!(set, "{} is not in config/lockstep.toml", key.shown());
    }
    let secrets = [
        ("LOCKSTEP_SALESFORCE__PRIVATE_KEY", sign_in::PEM),
        ("LOCKSTEP_ENGAGE__CLIENT_SECRET", "x"),
        ("LOCKSTEP_ENGAGE__WEBHOOK_SECRET", "x"),
    ];
    let loaded = config::load(&path, secrets.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    assert!(loaded.warnings.found.is_empty(), "{}", loaded.warnings);
}

#[test]
fn the_sandboxs_file_is_right_as_it_is_shipped() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("config/sandbox.toml");
    // `lockstep sandbox --credentials` makes the files; here the environment says what would stand in them.
    let secrets = [
        ("LOCKSTEP_SALESFORCE__CLIENT_SECRET", "x"),
        ("LOCKSTEP_ENGAGE__CLIENT_SECRET", "x"),
        ("LOCKSTEP_ADMIN__TOKEN", "0123456789abcdef0123456789abcdef"),
    ];
    let loaded = config::load(&path, secrets.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let loaded = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    assert!(loaded.warnings.found.is_empty(), "{}", loaded.warnings);
    assert!(loaded.config.admin.listen.ip().is_loopback());
}
