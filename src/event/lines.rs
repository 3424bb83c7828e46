//! Writes log lines: one JSON object a line, or a line for people.

use super::LIBRARY_LOGGED;
use super::text::{escape, escape_json, mask_emails};
use jiff::Timestamp;
use serde_json::Value;
use std::fmt::{self, Write as _};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// A layer that hands each finished line, line break included, to `sink`.
pub struct Lines<S> {
    /// Stands in every line.
    pub tenant: String,
    /// For people rather than for programs.
    pub pretty: bool,
    /// With colours; only for people.
    pub color: bool,
    /// Email addresses are left as they are.
    pub personal_data: bool,
    /// Where lines go.
    pub sink: S,
}

impl<C: Subscriber, S: Fn(&str) + 'static> Layer<C> for Lines<S> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, C>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let ours = metadata.target() == "lockstep" || metadata.target().starts_with("lockstep::");
        let (name, message) = match fields.event.take() {
            Some(name) if ours => (name, fields.message),
            _ => {
                // Libraries spell out whole frames at this level: too much, and not to be trusted with headers.
                if *metadata.level() == Level::TRACE {
                    return;
                }
                let target = fields.target.take().unwrap_or_else(|| metadata.target().to_owned());
                LIBRARY_LOGGED.count();
                fields.rest.insert(0, ("target".to_owned(), Value::String(target)));
                (LIBRARY_LOGGED.name.to_owned(), fields.message)
            }
        };
        if let Some(trace) = super::traces::current() {
            fields.rest.push(("trace".to_owned(), Value::String(trace)));
        }
        let line = Line {
            at: Timestamp::now(),
            level: *metadata.level(),
            event: name,
            message,
            fields: fields.rest,
        };
        (self.sink)(&if self.pretty { self.pretty(&line) } else { self.json(&line) });
    }
}

struct Line {
    at: Timestamp,
    level: Level,
    event: String,
    message: String,
    fields: Vec<(String, Value)>,
}

impl<S> Lines<S> {
    fn json(&self, line: &Line) -> String {
        // Written by hand, since a map would sort the keys, and people read these lines too.
        let mut text = format!("{{\"timestamp\":\"{:.3}\",\"level\":\"{}\"", line.at, level_name(line.level));
        let head =
            [("event", &line.event), ("message", &self.shown(&line.message)), ("tenant", &self.tenant)];
        for (name, value) in head {
            let _ = write!(text, ",\"{name}\":{}", Value::from(value.as_str()));
        }
        for (name, value) in &line.fields {
            let name = Value::from(name.as_str());
            let _ = match value {
                Value::String(value) => write!(text, ",{name}:{}", Value::from(self.shown(value))),
                other => write!(text, ",{name}:{other}"),
            };
        }
        text.push('}');
        format!("{}\n", escape_json(&text))
    }

    fn pretty(&self, line: &Line) -> String {
        let time = line.at.strftime("%H:%M:%S%.3f");
        let level = line.level;
        let (on, off) = match (self.color, level) {
            (false, _) => ("", ""),
            (_, Level::ERROR) => ("\u{1b}[31m", "\u{1b}[0m"),
            (_, Level::WARN) => ("\u{1b}[33m", "\u{1b}[0m"),
            (_, Level::INFO) => ("\u{1b}[32m", "\u{1b}[0m"),
            _ => ("\u{1b}[2m", "\u{1b}[0m"),
        };
        let mut text =
            format!("{time} {on}{level:>5}{off} {} {}", line.event, escape(&self.shown(&line.message)));
        for (name, value) in &line.fields {
            let value = match value {
                Value::String(value) => self.shown(value),
                other => other.to_string(),
            };
            let _ = write!(text, " {name}={}", escape(&value));
        }
        text.push('\n');
        text
    }

    fn shown(&self, text: &str) -> String {
        if self.personal_data { text.to_owned() } else { mask_emails(text).into_owned() }
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// The fields of one event, the known ones apart.
#[derive(Default)]
struct Fields {
    event: Option<String>,
    message: String,
    target: Option<String>,
    rest: Vec<(String, Value)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        match field.name() {
            "event" => self.event = Some(text(value)),
            "message" => self.message = text(value),
            // What the bridge from the `log` crate adds; its target is the only part that tells something.
            "log.target" => self.target = Some(text(value)),
            name if name.starts_with("log.") => {}
            // A line's own words cannot be overwritten by a library's field of the same name.
            name @ ("timestamp" | "level" | "tenant" | "target") => {
                self.rest.push((format!("field_{name}"), value));
            }
            name => self.rest.push((name.to_owned(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }
}
