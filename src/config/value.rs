//! The small languages inside values: durations, shares, addresses.

use std::time::Duration;
use url::{Host, Url};

/// Reads `"500ms"`, `"30s"`, `"10m"`, `"24h"`, `"7d"`: a whole number and one unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let milliseconds = match text[digits..].trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("{text:?} is not a duration: write \"30s\", \"10m\" or \"24h\"")),
    };
    let number: Option<u64> = text[..digits].parse().ok();
    number
        .and_then(|number| number.checked_mul(milliseconds))
        .map(Duration::from_millis)
        .ok_or_else(|| format!("{text:?} is not a duration: write \"30s\", \"10m\" or \"24h\""))
}

/// A duration as it is written in the file.
pub fn show_duration(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    // A day is shown as 24h, as the file's own examples write it.
    match units.iter().find(|(size, _)| milliseconds > *size && milliseconds.is_multiple_of(*size)) {
        Some((size, unit)) => format!("{}{unit}", milliseconds / size),
        None if milliseconds > 0 && milliseconds.is_multiple_of(1_000) => {
            format!("{}s", milliseconds / 1_000)
        }
        None => format!("{milliseconds}ms"),
    }
}

/// Reads a share such as `"20%"` as 0.2.
pub fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match number {
        Some(number) if (0.0..=100.0).contains(&number) => Ok(number / 100.0),
        _ => Err(format!("{text:?} is not a share: write \"20%\"")),
    }
}

/// Reads an address that calls are sent to. `http://` is for this machine only: a token sent over it to another
/// one could be read on the way (rulings.md 24).
pub fn endpoint(text: &str) -> Result<Url, String> {
    // The text itself is not repeated: there may be a password in it.
    let url = Url::parse(text.trim())
        .map_err(|why| format!("this is not an address ({why}): write \"https://host\""))?;
    let Some(host) = url.host() else {
        return Err("this is not an address: write \"https://host\"".to_owned());
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address must not hold a user or a password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a base address cannot have a `?` or `#` part".to_owned());
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&host) => Ok(url),
        "http" => Err(format!("http:// is accepted for this machine only, not for {host}: write https://")),
        other => Err(format!("{other}:// is not spoken here: write https://")),
    }
}

/// Reads the address of a collector of traces. They hold no secret and no value of a record, so plain HTTP to a collector
/// within the company's own network is fine.
pub fn collector(text: &str) -> Result<Url, String> {
    const EXAMPLE: &str = "write \"http://otel-collector:4318\"";
    let url = Url::parse(text.trim()).map_err(|why| format!("this is not an address ({why}): {EXAMPLE}"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(format!("this is no address of HTTP: {EXAMPLE}"));
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
    {
        return Err("the address must not hold a user, a password, a `?` or a `#`".to_owned());
    }
    Ok(url)
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_whole_number_and_a_unit() {
        for (text, seconds) in [("30s", 30), ("10m", 600), ("24h", 86_400), ("7d", 604_800), ("0s", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        for text in ["", "30", "s", "-1s", "1.5h", "30 sec", "1h30m", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_duration_is_shown_as_it_would_be_written() {
        for text in ["250ms", "1s", "30s", "10m", "24h", "7d", "90m", "0ms"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
    }

    #[test]
    fn a_share_is_between_nothing_and_all() {
        assert_eq!(percent("20%"), Ok(0.2));
        for text in ["20", "120%", "-1%", "NaN%", "%", ""] {
            assert!(percent(text).is_err(), "{text}");
        }
    }

    #[test]
    fn plain_http_is_accepted_for_this_machine_only() {
        for text in ["https://a.example", "http://localhost:1", "http://127.9.0.1:80/x", "http://[::1]:9"] {
            assert!(endpoint(text).is_ok(), "{text}");
        }
        for text in [
            "http://a.example",
            "http://127.0.0.1.a.example",
            "http://localhost.a.example",
            "http://10.0.0.1",
            "ftp://a.example",
            "a.example",
            "https://me:hush@a.example",
            "https://a.example?x=1",
        ] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }
}
