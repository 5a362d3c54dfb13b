//! Errors turned into what a person needs: the cause, the details, the next
//! step, the exit code. Hints are worded here only.

mod addon;
mod cluster;
mod components;
mod engine;
mod images;
mod lifecycle;

use std::fmt::Display;

use crate::secret::conceal;
use crate::text;

/// A failure as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Failure {
    /// What failed and why, in one line.
    pub heading: String,
    /// Output of a command or a list of problems; may have many lines.
    pub details: String,
    pub hints: Vec<String>,
    /// What explains it further, too long to be shown.
    pub log: Option<Box<Log>>,
    /// A signal ended it.
    pub interrupted: bool,
    /// The signal that was received, if any.
    signal: Option<u8>,
}

/// What goes to a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Log {
    /// What a failed command wrote, which is shown when called kind.
    pub output: Option<String>,
    /// That and everything else.
    pub text: String,
}

impl Failure {
    pub(crate) fn new(heading: impl Display) -> Self {
        Failure { heading: heading.to_string(), ..Failure::default() }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn details(mut self, details: impl Into<String>) -> Self {
        self.details = details.into();
        self
    }

    /// Adds to the details.
    pub(crate) fn and_details(mut self, more: impl AsRef<str>) -> Self {
        let separator = if self.details.is_empty() { "" } else { "\n\n" };
        self.details = format!("{}{separator}{}", self.details.trim_end(), more.as_ref());
        self
    }

    /// Says what was being done.
    pub(crate) fn during(mut self, what: impl Display) -> Self {
        if !self.interrupted || !self.details.is_empty() {
            self.heading = format!("{what}: {}", self.heading);
        }
        self
    }

    /// Remembers the signal that was received meanwhile.
    pub(crate) fn after_signal(mut self, signal: Option<u8>) -> Self {
        self.signal = signal;
        self
    }

    /// 1 as in kind (kind v0.33.0, `cmd/kind/app/main.go`); 128 + the signal's
    /// number if a signal ended it, as shells report it.
    pub(crate) fn exit_code(&self) -> u8 {
        self.signal.filter(|_| self.interrupted).map_or(1, |number| 128 + number)
    }

    /// The text for stderr.
    pub(crate) fn render(&self) -> String {
        format!("ERROR: {}", self.text())
    }

    /// The text without a label and without passwords, ending in a newline.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.heading);
        if !self.details.trim().is_empty() {
            text.push_str(&format!("\n{}\n", self.details.trim_end()));
        }
        for hint in &self.hints {
            text.push_str(&format!("hint: {hint}\n"));
        }
        conceal(&text).into_owned()
    }
}

/// Indented; the further lines of a long one a little more.
fn hanging(lines: &[String]) -> String {
    let line = |line: &String| text::wrapped(line, 74).join("\n    ");
    lines.iter().map(|text| format!("  {}\n", line(text))).collect()
}

#[cfg(test)]
mod tests;
