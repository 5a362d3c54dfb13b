//! Progress as lines, for files and logs.

use std::collections::BTreeMap;
use std::sync::{Mutex, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::message::{self, Output};
use crate::diagnose::Style;
use crate::duration;
use crate::progress::{Amount, Event, Reporter, Stage, StepId};

/// A step that runs is shown at least so often.
const SILENCE: Duration = Duration::from_secs(30);
/// A step that transfers something is shown so often: seldom enough for the logs of CI
/// jobs.
const TRANSFER: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Plain {
    output: Output,
    verbosity: i32,
    style: Style,
    as_kind: bool,
    running: Mutex<BTreeMap<StepId, Running>>,
}

/// A step that runs.
struct Running {
    title: String,
    begun: Instant,
    /// When it was shown last.
    shown: Instant,
    detail: String,
    stage: Option<(Stage, Instant)>,
}

/// Shows every step that runs, now and then, as long as the reporter is used.
pub(super) async fn show_life(plain: Weak<Plain>) {
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(plain) = plain.upgrade() else { return };
        plain.show_running(Instant::now());
    }
}

impl Plain {
    pub(super) fn new(output: Output, verbosity: i32, style: Style, as_kind: bool) -> Self {
        Plain { output, verbosity, style, as_kind, running: Mutex::default() }
    }

    fn line(&self, text: &str) {
        if self.verbosity >= 0 {
            (self.output)(&format!("{text}\n"));
        }
    }

    fn show_running(&self, now: Instant) {
        for step in self.running.lock().expect("no holder panics").values_mut() {
            // The next look would be too late.
            if now - step.shown + LOOK > SILENCE {
                step.shown = now;
                self.line(&step.still(now));
            }
        }
    }

    fn transferred(&self, step: &mut Running, amount: Amount) {
        let now = Instant::now();
        step.detail = amount.text;
        if now - step.shown >= TRANSFER {
            step.shown = now;
            self.line(&format!(" • {}: {}", step.title, step.detail));
        }
    }

    fn ended(&self, title: &str, success: bool, elapsed: Duration) {
        let mark = if success { '✓' } else { '✗' };
        let seconds = match self.verbosity >= 1 && !self.as_kind {
            true => format!(" {:.1}s", elapsed.as_secs_f64()),
            false => String::new(),
        };
        self.line(&format!(" {mark} {title}{seconds}"));
    }

    fn report_step(&self, id: StepId, change: impl FnOnce(&mut Running)) {
        let mut running = self.running.lock().expect("no holder panics");
        if let Some(step) = running.get_mut(&id) {
            change(step);
        }
    }
}

impl Running {
    /// Such as `still Waiting, 1m30s (coredns is not ready)`.
    fn still(&self, now: Instant) -> String {
        let elapsed = duration::format(now - self.begun);
        let more = match &self.stage {
            Some((stage, since)) => format!(": {}", stage.describe(now - *since)),
            None if self.detail.is_empty() => String::new(),
            None => format!(" ({})", self.detail),
        };
        format!(" • still {}, {elapsed}{more}", self.title)
    }
}

impl Reporter for Plain {
    fn report(&self, event: Event) {
        match event {
            Event::Started { step, title } => {
                self.line(&format!(" • {title}  ..."));
                let (now, detail) = (Instant::now(), String::new());
                let running = Running { title, begun: now, shown: now, detail, stage: None };
                self.running.lock().expect("no holder panics").insert(step, running);
            }
            Event::Detail { step, text } => self.report_step(step, |step| step.detail = text),
            Event::Transferred { step, amount } => {
                self.report_step(step, |step| self.transferred(step, amount));
            }
            Event::Stage { step, stage } => self.report_step(step, |step| {
                let now = Instant::now();
                step.shown = now;
                self.line(&format!(" • {}", stage.announce()));
                step.stage = Some((stage, now));
            }),
            Event::Ended { step, success, elapsed } => {
                let step = self.running.lock().expect("no holder panics").remove(&step);
                step.iter().for_each(|step| self.ended(&step.title, success, elapsed));
            }
            Event::Message { level, text } => {
                let text = message::shown(level, &text, self.verbosity, self.style);
                text.iter().for_each(|text| (self.output)(text));
            }
        }
    }
}
