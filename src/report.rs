//! How progress looks to a human: animated on a terminal, plain lines elsewhere,
//! nothing with `-q`.

use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use tokio::time::Instant;

use crate::environment;
use crate::platform;
use crate::progress::{Level, Progress, Reporter};
use crate::text;

/// The reporter for stderr at this verbosity; below 0 it shows warnings only.
pub(crate) fn for_stderr(verbosity: i32, quiet: bool) -> Progress {
    if quiet {
        Progress::silent()
    } else if stderr_is_smart() {
        let (bars, steps) = (MultiProgress::new(), Mutex::default());
        Progress::new(Printable(Terminal { bars, steps, verbosity }))
    } else {
        Progress::new(Printable(Plain { verbosity, pace: Mutex::default() }))
    }
}

/// Writes the text of a failure, its label in red where there is colour.
pub(crate) fn error(text: &str) {
    let label = if stderr_is_smart() { "\u{1b}[31mERROR:\u{1b}[0m" } else { "ERROR:" };
    let text = text::printable(text).replacen("ERROR:", label, 1);
    // A closed stderr must not make the program fail.
    let _ = write!(std::io::stderr(), "{text}");
}

/// How text on stdout is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// For files and programs.
    Plain,
    /// For people.
    Terminal { colour: bool },
}

pub(crate) fn stdout_look() -> Look {
    let term = environment::variable("TERM");
    let no_color = environment::is_set("NO_COLOR");
    match std::io::stdout().is_terminal() {
        false => Look::Plain,
        true => Look::Terminal { colour: is_smart(!is_old_console(), no_color, term.as_deref()) },
    }
}

/// The old console of Windows can neither move the cursor nor show colours; Windows
/// Terminal can.
fn is_old_console() -> bool {
    platform::IS_WINDOWS && environment::variable("WT_SESSION").is_none()
}

fn stderr_is_smart() -> bool {
    let term = environment::variable("TERM");
    let no_color = environment::is_set("NO_COLOR");
    is_smart(std::io::stderr().is_terminal() && !is_old_console(), no_color, term.as_deref())
}

/// Whether moving, coloured text can be shown
/// (kind v0.33.0, `pkg/internal/env/term.go`).
fn is_smart(terminal: bool, no_color: bool, term: Option<&str>) -> bool {
    terminal && !no_color && !matches!(term, Some("dumb" | "st-256color"))
}

fn shown(level: Level, verbosity: i32) -> bool {
    match level {
        Level::Warning => true,
        Level::Info => verbosity >= 0,
        Level::Debug(needed) => verbosity >= needed,
    }
}

fn text_of(level: Level, text: &str) -> String {
    match level {
        Level::Warning => format!("WARNING: {text}"),
        Level::Info => text.to_owned(),
        Level::Debug(_) => format!("DEBUG: {text}"),
    }
}

/// A closed stderr must not end the operation.
fn line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Passes on text that a terminal can show as it is: much of it is what nodes and
/// registries answer.
struct Printable<R>(R);

impl<R: Reporter> Reporter for Printable<R> {
    fn started(&self, step: &str) {
        self.0.started(&text::printable(step));
    }

    fn detail(&self, step: &str, detail: &str) {
        self.0.detail(&text::printable(step), &text::printable(detail));
    }

    fn transferred(&self, step: &str, amount: &str) {
        self.0.transferred(&text::printable(step), &text::printable(amount));
    }

    fn finished(&self, step: &str, success: bool) {
        self.0.finished(&text::printable(step), success);
    }

    fn line(&self, level: Level, text: &str) {
        self.0.line(level, &text::printable(text));
    }
}

struct Plain {
    verbosity: i32,
    pace: Mutex<Pace>,
}

/// When a step that transfers something was shown last.
#[derive(Default)]
struct Pace(HashMap<String, Instant>);

impl Pace {
    /// Seldom enough for the logs of CI jobs.
    const INTERVAL: Duration = Duration::from_secs(10);

    /// Whether the step is to be shown again. The first call begins the interval.
    fn is_due(&mut self, step: &str, now: Instant) -> bool {
        let last = self.0.entry(step.to_owned()).or_insert(now);
        let is_due = now - *last >= Pace::INTERVAL;
        if is_due {
            *last = now;
        }
        is_due
    }
}

impl Reporter for Plain {
    fn started(&self, step: &str) {
        if self.verbosity >= 0 {
            line(&format!(" • {step}  ..."));
        }
    }

    fn detail(&self, _: &str, _: &str) {}

    fn transferred(&self, step: &str, amount: &str) {
        let mut pace = self.pace.lock().expect("no holder panics");
        if self.verbosity >= 0 && pace.is_due(step, Instant::now()) {
            line(&format!(" • {step}: {amount}"));
        }
    }

    fn finished(&self, step: &str, success: bool) {
        self.pace.lock().expect("no holder panics").0.remove(step);
        if self.verbosity >= 0 {
            line(&format!(" {} {step}", if success { '✓' } else { '✗' }));
        }
    }

    fn line(&self, level: Level, text: &str) {
        if shown(level, self.verbosity) {
            line(&text_of(level, text));
        }
    }
}

struct Terminal {
    bars: MultiProgress,
    steps: Mutex<HashMap<String, (ProgressBar, Instant)>>,
    verbosity: i32,
}

impl Terminal {
    fn print(&self, text: &str) {
        let _ = self.bars.println(text);
    }
}

impl Reporter for Terminal {
    fn started(&self, step: &str) {
        if self.verbosity < 0 {
            return;
        }
        let style =
            ProgressStyle::with_template(" {spinner} {prefix} {elapsed:.dim} {wide_msg:.dim}");
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = style {
            bar.set_style(style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ "));
        }
        let bar = self.bars.add(bar.with_prefix(step.to_owned()));
        bar.enable_steady_tick(Duration::from_millis(100));
        self.steps.lock().expect("no holder panics").insert(step.to_owned(), (bar, Instant::now()));
    }

    fn detail(&self, step: &str, detail: &str) {
        if let Some((bar, _)) = self.steps.lock().expect("no holder panics").get(step) {
            bar.set_message(detail.to_owned());
        }
    }

    fn transferred(&self, step: &str, amount: &str) {
        self.detail(step, amount);
    }

    fn finished(&self, step: &str, success: bool) {
        if let Some((bar, since)) = self.steps.lock().expect("no holder panics").remove(step) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
            let mark = if success { "\u{1b}[32m✓\u{1b}[0m" } else { "\u{1b}[31m✗\u{1b}[0m" };
            self.print(&format!(
                " {mark} {step} \u{1b}[2m{:.1}s\u{1b}[0m",
                since.elapsed().as_secs_f32()
            ));
        }
    }

    fn line(&self, level: Level, text: &str) {
        if shown(level, self.verbosity) {
            let text = text_of(level, text);
            self.print(&if level == Level::Warning {
                format!("\u{1b}[33m{text}\u{1b}[0m")
            } else {
                text
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_and_animation_only_on_terminals_that_can() {
        assert!(is_smart(true, false, None));
        assert!(is_smart(true, false, Some("xterm")));
        assert!(!is_smart(false, false, None));
        assert!(!is_smart(true, true, None));
        assert!(!is_smart(true, false, Some("dumb")));
    }

    /// Keeps what reaches the terminal.
    #[derive(Default)]
    struct Shown(Mutex<String>);

    impl Reporter for &Shown {
        fn started(&self, step: &str) {
            self.0.lock().unwrap().push_str(step);
        }
        fn detail(&self, step: &str, detail: &str) {
            self.0.lock().unwrap().extend([step, detail]);
        }
        fn transferred(&self, step: &str, amount: &str) {
            self.0.lock().unwrap().extend([step, amount]);
        }
        fn finished(&self, step: &str, _: bool) {
            self.0.lock().unwrap().push_str(step);
        }
        fn line(&self, _: Level, text: &str) {
            self.0.lock().unwrap().push_str(text);
        }
    }

    #[test]
    fn nothing_that_is_reported_reaches_the_terminal_as_it_is() {
        let (shown, hostile) = (Shown::default(), "\u{1b}]0;x\u{7}\r");
        let reporter = Printable(&shown);
        reporter.started(hostile);
        reporter.detail(hostile, hostile);
        reporter.transferred(hostile, hostile);
        reporter.finished(hostile, true);
        reporter.line(Level::Warning, hostile);
        let shown = shown.0.into_inner().unwrap();
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }

    #[test]
    fn without_a_terminal_a_transfer_is_shown_every_ten_seconds() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let due = [0, 1, 9, 10, 11, 19, 20, 35, 36]
            .map(|seconds| pace.is_due("a", start + Duration::from_secs(seconds)));
        assert_eq!(due, [false, false, false, true, false, false, true, true, false]);
        assert!(!pace.is_due("b", start + Duration::from_secs(36)), "each step has its own");
    }

    #[test]
    fn verbosity_is_kinds() {
        assert!(shown(Level::Warning, -1) && !shown(Level::Info, -1));
        assert!(shown(Level::Debug(1), 1) && !shown(Level::Debug(2), 1));
    }
}
