//! Progress that moves, for terminals.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use tokio::time::Instant;

use super::message;
use crate::diagnose::Style;
use crate::progress::{Event, Reporter, Stage, StepId};

const SPINNER: &str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ";
const BAR: usize = 20;

pub(super) struct Terminal {
    bars: MultiProgress,
    steps: Mutex<BTreeMap<StepId, (ProgressBar, String)>>,
    verbosity: i32,
    style: Style,
}

impl Terminal {
    pub(super) fn new(verbosity: i32, style: Style) -> Self {
        Terminal { bars: MultiProgress::new(), steps: Mutex::default(), verbosity, style }
    }

    fn print(&self, text: &str) {
        let _ = self.bars.println(text);
    }

    fn start(&self, id: StepId, title: String) {
        let bar = ProgressBar::new_spinner();
        let style =
            ProgressStyle::with_template(" {spinner} {prefix} {elapsed:.dim} {wide_msg:.dim}");
        if let Ok(style) = style {
            bar.set_style(style.tick_chars(SPINNER));
        }
        let bar = self.bars.add(bar.with_prefix(title.clone()));
        bar.enable_steady_tick(Duration::from_millis(100));
        self.steps.lock().expect("no holder panics").insert(id, (bar, title));
    }

    fn change(&self, id: StepId, change: impl FnOnce(&ProgressBar)) {
        if let Some((bar, _)) = self.steps.lock().expect("no holder panics").get(&id) {
            change(bar);
        }
    }

    fn end(&self, id: StepId, success: bool, elapsed: Duration) {
        let step = self.steps.lock().expect("no holder panics").remove(&id);
        let Some((bar, title)) = step else { return };
        bar.finish_and_clear();
        self.bars.remove(&bar);
        let mark = if success { "\u{1b}[32m✓\u{1b}[0m" } else { "\u{1b}[31m✗\u{1b}[0m" };
        self.print(&format!(" {mark} {title} \u{1b}[2m{:.1}s\u{1b}[0m", elapsed.as_secs_f64()));
    }
}

impl Reporter for Terminal {
    fn report(&self, event: Event) {
        match event {
            Event::Started { step, title } if self.verbosity >= 0 => self.start(step, title),
            Event::Started { .. } => {}
            Event::Detail { step, text } => self.change(step, |bar| bar.set_message(text)),
            Event::Transferred { step, amount } => {
                self.change(step, |bar| bar.set_message(amount.text));
            }
            Event::Stage { step, stage } => self.change(step, |bar| {
                bar.set_message(String::new());
                if let Some(style) = with_stages(stage) {
                    bar.set_style(style);
                }
            }),
            Event::Ended { step, success, elapsed } => self.end(step, success, elapsed),
            Event::Message { level, text } => {
                let text = message::shown(level, &text, self.verbosity, self.style);
                text.iter().for_each(|text| self.print(text.trim_end_matches('\n')));
            }
        }
    }
}

/// The look of a step in this stage, which begins now: a second line with a bar.
fn with_stages(stage: Stage) -> Option<ProgressStyle> {
    let template = " {spinner} {prefix} {elapsed:.dim}\n   {bar_of_time} {stage} {wide_msg:.dim}";
    let begun = Instant::now();
    let other = stage.clone();
    let bar_of_time = move |_: &ProgressState, to: &mut dyn Write| {
        let _ = to.write_str(&bar(stage.share(begun.elapsed())));
    };
    let stage = move |_: &ProgressState, to: &mut dyn Write| {
        let _ = to.write_str(&other.describe(begun.elapsed()));
    };
    let style = ProgressStyle::with_template(template).ok()?.tick_chars(SPINNER);
    Some(style.with_key("bar_of_time", bar_of_time).with_key("stage", stage))
}

/// A bar of which this share, from 0 to 1, is filled.
fn bar(share: f64) -> String {
    let filled = ((share * BAR as f64) as usize).min(BAR);
    format!("{}{}", "━".repeat(filled), "─".repeat(BAR - filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_has_always_the_same_width() {
        for (share, filled) in [(0.0, 0), (0.04, 0), (0.5, 10), (0.999, 19), (1.0, 20), (7.0, 20)] {
            let bar = bar(share);
            assert_eq!(bar.chars().filter(|c| *c == '━').count(), filled, "{share}");
            assert_eq!(bar.chars().count(), BAR);
        }
    }

    #[test]
    fn the_template_of_stages_is_valid() {
        assert!(with_stages(Stage::default()).is_some());
    }
}
