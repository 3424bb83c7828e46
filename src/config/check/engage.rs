//! `[engage]`.

use super::{MINUTE, OVERLAP_BOUNDS, POLL_BOUNDS, required_endpoint};
use crate::config::reader::Reader;
use crate::config::settings::EngageConfig;
use crate::diagnostic::Problem;
use secrecy::{ExposeSecret, SecretString};

/// How to talk to Revenue Engage.
pub fn engage(read: &mut Reader<'_>) -> Option<EngageConfig> {
    #[derive(Clone, Copy, PartialEq)]
    enum Changes {
        Webhook,
        Poll,
    }
    let at = |name| ("engage", name);
    let profile = read.text(at("profile")).unwrap_or_else(|| "default".to_owned());
    if profile != "default" {
        let problem = Problem::error("C012", "only the profile `default` is spoken in this version");
        read.note(at("profile"), problem);
    }
    let base_url = required_endpoint(read, at("base_url"), "https://YOUR-TENANT.revenuegrid.com");
    let client_id = read.required(at("client_id"), "name the client that Revenue Engage knows us by");
    let client_secret = read.required_secret(at("client_secret"), at("client_secret_file"));
    let words = [("webhook", Changes::Webhook), ("poll", Changes::Poll)];
    let changes = read.words(at("changes"), &words, &[Changes::Poll]);
    let webhook = changes.contains(&Changes::Webhook);
    let webhook_secrets = webhook_secrets(read, webhook);
    let poll_every = read.duration(at("poll_every"), MINUTE, POLL_BOUNDS);
    let overlap = read.duration(at("overlap"), 10 * MINUTE, OVERLAP_BOUNDS);
    Some(EngageConfig {
        profile,
        base_url: base_url?,
        client_id: client_id?,
        client_secret: client_secret?,
        webhook_secrets: webhook_secrets?,
        webhook,
        poll_every,
        overlap,
    })
}

fn webhook_secrets(read: &mut Reader<'_>, webhook: bool) -> Option<Vec<SecretString>> {
    let (key, file) = (("engage", "webhook_secret"), ("engage", "webhook_secret_file"));
    let given = read.is_set(key) || read.is_set(file);
    if !webhook {
        if given {
            let problem = Problem::warning(
                "C013",
                "the webhook secret has no use: `changes` does not name \"webhook\"",
            )
            .help("write changes = [\"webhook\", \"poll\"], or every delivery is refused");
            read.note(if read.is_set(file) { file } else { key }, problem);
        }
        return Some(vec![]);
    }
    let text = read.required_secret(key, file)?;
    let secrets: Vec<SecretString> = text
        .expose_secret()
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(SecretString::from)
        .collect();
    if secrets.len() > 2 {
        let problem =
            Problem::error("C008", "a webhook secret file holds one secret, or two while it rotates")
                .help("one secret a line");
        read.note(file, problem);
        return None;
    }
    Some(secrets)
}
