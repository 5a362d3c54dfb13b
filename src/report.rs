//! What stderr shows of an operation, its end included: animated on a terminal, plain
//! lines elsewhere, JSON events for programs, nothing with `-q`.

pub(crate) mod events;
mod message;
mod plain;
mod terminal;

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use crate::diagnose::{Failure, Style};
use crate::environment;
use crate::platform;
use crate::progress::{Event, Progress, Reporter};
use crate::text;

use events::Events;
use message::Output;
use plain::Plain;
use terminal::Terminal;

/// What the user chose with `--progress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Format {
    /// As fits where stderr goes.
    #[default]
    Auto,
    Plain,
    /// See `report/events.md`.
    Json,
}

/// What the user chose about stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Options {
    /// Below 0, only warnings are shown.
    pub verbosity: i32,
    pub quiet: bool,
    pub format: Format,
    /// As kind does: lines are not broken, and nothing is said while a step runs.
    pub as_kind: bool,
}

/// Columns of a terminal that does not say how many it has.
const USUAL_WIDTH: usize = 80;

/// Stderr of one run of the program; clones are the same one.
#[derive(Clone)]
pub(crate) struct Report {
    options: Options,
    style: Style,
    /// With [`Format::Json`].
    events: Option<Arc<Events>>,
}

impl Report {
    pub(crate) fn new(options: Options) -> Self {
        let json = options.format == Format::Json && !options.quiet;
        let events = json.then(|| Arc::new(Events::new(stderr(), options.verbosity)));
        let width = if options.as_kind { None } else { width_of_stderr() };
        let style = Style { width, colour: stderr_is_smart(options.as_kind) };
        Report { options, style, events }
    }

    /// The progress of an operation. Must be called where tasks can be spawned.
    pub(crate) fn progress(&self) -> Progress {
        if self.options.quiet {
            return Progress::silent();
        }
        if let Some(events) = &self.events {
            return Progress::new(events.clone());
        }
        let Options { verbosity, as_kind, format, .. } = self.options;
        if self.style.colour && format == Format::Auto {
            return Progress::new(Printable(Terminal::new(verbosity, self.style)));
        }
        let style = Style { colour: false, ..self.style };
        let plain = Arc::new(Plain::new(stderr(), verbosity, style, as_kind));
        if !as_kind {
            tokio::spawn(plain::show_life(Arc::downgrade(&plain)));
        }
        Progress::new(Printable(plain))
    }

    /// The operation, and with it the program, ends well.
    pub(crate) fn succeeded(&self) {
        if let Some(events) = &self.events {
            events.end(None);
        }
    }

    /// The operation, and with it the program, fails.
    pub(crate) fn failed(&self, failure: &Failure) {
        match &self.events {
            _ if self.options.quiet => {}
            Some(_) => self.ended_at_once(failure),
            None => stderr()(&failure.render(self.style)),
        }
    }

    /// The program is ended at once, which people know: they asked for it.
    pub(crate) fn ended_at_once(&self, failure: &Failure) {
        if let Some(events) = &self.events {
            events.end(Some((failure, self.exit_code(failure))));
        }
    }

    pub(crate) fn exit_code(&self, failure: &Failure) -> u8 {
        match self.options.as_kind {
            true => failure.exit_code_as_kind(),
            false => failure.exit_code(),
        }
    }
}

/// A closed stderr must not make the program fail.
fn stderr() -> Output {
    Box::new(|text| drop(std::io::stderr().write_all(text.as_bytes())))
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

/// `None` if it is no terminal.
fn width_of_stderr() -> Option<usize> {
    let size = terminal_size::terminal_size_of(std::io::stderr());
    let width = size.map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0));
    std::io::stderr().is_terminal().then_some(width)
}

fn stderr_is_smart(as_kind: bool) -> bool {
    let term = environment::variable("TERM");
    let no_color = match as_kind {
        true => environment::is_set("NO_COLOR"),
        // https://no-color.org: an empty value does not count.
        false => environment::variable("NO_COLOR").is_some(),
    };
    is_smart(std::io::stderr().is_terminal() && !is_old_console(), no_color, term.as_deref())
}

/// Whether moving, coloured text can be shown
/// (kind v0.33.0, `pkg/internal/env/term.go`).
fn is_smart(terminal: bool, no_color: bool, term: Option<&str>) -> bool {
    terminal && !no_color && !matches!(term, Some("dumb" | "st-256color"))
}

/// Passes on text that a terminal can show as it is: much of it is what nodes and
/// registries answer.
struct Printable<R>(R);

impl<R: Reporter> Reporter for Printable<R> {
    fn report(&self, event: Event) {
        self.0.report(event.map_text(text::printable));
    }
}

#[cfg(test)]
mod tests;
