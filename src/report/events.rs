//! The lines of `--progress json`. Nobody else writes to stderr meanwhile.
//!
#![doc = include_str!("events.md")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::Instant;

use super::message::{self, Output};
use crate::diagnose::Failure;
use crate::environment;
use crate::progress::{Amount, Event, Level, Reporter, StepId};
use crate::secret::conceal;

/// The version of the lines' form.
const SCHEMA: u32 = 1;
/// How often a transfer is reported.
const PACE: Duration = Duration::from_secs(1);

pub(super) struct Events {
    output: Output,
    verbosity: i32,
    begun: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Steps that have started and not ended.
    open: BTreeMap<StepId, Open>,
    /// Whether the last line is written.
    is_over: bool,
}

struct Open {
    title: String,
    begun: Instant,
    detail: String,
    /// When a transfer was reported last.
    reported: Option<Instant>,
    /// What was reported last.
    amount: Amount,
    /// What has been transferred since.
    unreported: Option<Amount>,
}

impl Events {
    pub(super) fn new(output: Output, verbosity: i32) -> Self {
        Events { output, verbosity, begun: Instant::now(), state: Mutex::default() }
    }

    /// Writes the last line: of a failure, with its exit code, or of a success. Steps that
    /// are still open are cut off. Whatever comes later is not written.
    pub(super) fn end(&self, failure: Option<(&Failure, u8)>) {
        let mut state = self.state.lock().expect("no holder panics");
        if state.is_over {
            return;
        }
        state.is_over = true;
        for (id, step) in std::mem::take(&mut state.open) {
            self.end_step(id, step, false, None);
        }
        let seconds = seconds(self.begun.elapsed());
        match failure {
            None => {
                self.line("result", json!({"success": true, "exitCode": 0, "seconds": seconds}))
            }
            Some((failure, code)) => {
                let error = error(failure, code);
                let fields =
                    json!({"success": false, "exitCode": code, "seconds": seconds, "error": error});
                self.line("error", fields);
            }
        }
    }

    fn line(&self, event: &str, fields: Value) {
        let now = OffsetDateTime::from(environment::now());
        let now = now.replace_nanosecond(u32::from(now.millisecond()) * 1_000_000).unwrap_or(now);
        let time = now.format(&Rfc3339).unwrap_or_default();
        let mut line = Map::new();
        line.insert("schema".into(), SCHEMA.into());
        line.insert("time".into(), time.into());
        line.insert("event".into(), event.into());
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        (self.output)(&format!("{}\n", Value::Object(line)));
    }

    fn transferred(&self, id: StepId, step: &mut Open, amount: Amount) {
        let now = Instant::now();
        match step.reported {
            Some(last) if now - last < PACE => step.unreported = Some(amount),
            // Nothing has happened since.
            Some(_) if step.amount == amount => step.unreported = None,
            _ => {
                step.reported = Some(now);
                step.unreported = None;
                self.write_transfer(id, &amount);
                step.amount = amount;
            }
        }
    }

    fn write_transfer(&self, StepId(step): StepId, amount: &Amount) {
        let Amount { text, bytes, total } = amount;
        let fields = json!({"step": step, "amount": text, "bytes": bytes, "total": total});
        self.line("transferred", fields);
    }

    fn end_step(&self, id: StepId, step: Open, success: bool, elapsed: Option<Duration>) {
        let unreported = step.unreported.iter().filter(|amount| **amount != step.amount);
        unreported.for_each(|amount| self.write_transfer(id, amount));
        let seconds = seconds(elapsed.unwrap_or_else(|| step.begun.elapsed()));
        let fields =
            json!({"step": id.0, "title": step.title, "success": success, "seconds": seconds});
        self.line("end", fields);
    }
}

impl Reporter for Events {
    fn report(&self, event: Event) {
        // Held until the line is written, so that lines have the order of the events.
        let mut state = self.state.lock().expect("no holder panics");
        if state.is_over {
            return;
        }
        match event {
            Event::Started { step, title } => {
                let title = undecorated(&title).to_owned();
                self.line("start", json!({"step": step.0, "title": title}));
                state.open.insert(step, Open::new(title));
            }
            Event::Detail { step, text } => {
                let open = state.open.get_mut(&step).filter(|open| open.detail != text);
                if let Some(open) = open {
                    self.line("detail", json!({"step": step.0, "detail": text}));
                    open.detail = text;
                }
            }
            Event::Transferred { step, amount } => {
                if let Some(open) = state.open.get_mut(&step) {
                    self.transferred(step, open, amount);
                }
            }
            Event::Stage { step, stage } => {
                let fields = json!({
                    "step": step.0, "number": stage.number, "count": stage.count,
                    "title": stage.name, "expectedSeconds": stage.expected.map(seconds),
                });
                self.line("stage", fields);
            }
            Event::Ended { step, success, elapsed } => {
                if let Some(open) = state.open.remove(&step) {
                    self.end_step(step, open, success, Some(elapsed));
                }
            }
            Event::Message { level, text } => {
                if message::is_shown(level, self.verbosity) {
                    self.line("message", json!({"level": name(level), "text": text}));
                }
            }
        }
    }
}

impl Open {
    fn new(title: String) -> Self {
        let (begun, detail) = (Instant::now(), String::new());
        let amount = Amount::default();
        Open { title, begun, detail, reported: None, amount, unreported: None }
    }
}

/// A title without the signs that it ends with for people.
fn undecorated(title: &str) -> &str {
    title.trim_end_matches(|c: char| c.is_whitespace() || !c.is_ascii() && !c.is_alphanumeric())
}

/// Without the indentation that all lines have.
fn unindented(text: &str) -> String {
    let text = text.trim_end();
    let lines: Option<Vec<&str>> = text.lines().map(|line| line.strip_prefix("  ")).collect();
    lines.map_or_else(|| text.to_owned(), |lines| lines.join("\n"))
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Warning => "warning",
        Level::Info => "info",
        Level::Debug(_) => "debug",
    }
}

/// With milliseconds.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

/// A failure for programs. The form is that of [`crate::report`]'s last event.
pub(crate) fn error(failure: &Failure, code: u8) -> Value {
    let clean = |text: &String| conceal(text).into_owned();
    json!({
        "kind": failure.kind.name(),
        "exitCode": code,
        "cause": clean(&failure.heading),
        "problems": failure.items.iter().map(clean).collect::<Vec<_>>(),
        "output": unindented(&clean(&failure.details)),
        "hints": failure.hints.iter().map(clean).collect::<Vec<_>>(),
        "log": failure.log_file().map(|path| path.display().to_string()),
    })
}

#[cfg(test)]
mod tests;
