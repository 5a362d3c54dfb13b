//! Errors turned into what a person needs: the cause, the details, the next
//! step, the exit code. Hints are worded here only.

mod addon;
mod cluster;
mod components;
mod engine;
mod images;
mod kind;
mod lifecycle;
mod screen;

use std::fmt::Display;
use std::path::{Path, PathBuf};

pub(crate) use kind::{Kind, exit_codes};
pub(crate) use screen::Style;

/// A failure as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub kind: Kind,
    /// What failed and why, in one line.
    pub heading: String,
    /// Problems of which each is a sentence.
    pub items: Vec<String>,
    /// Output of a command; may have many lines.
    pub details: String,
    pub hints: Vec<String>,
    /// What explains it further, too long to be shown.
    pub log: Option<Box<Log>>,
    /// The signal that was received, if any.
    signal: Option<u8>,
}

/// What goes to a file, or has gone to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Log {
    /// What a failed command wrote, which is shown when called kind.
    pub output: Option<String>,
    /// That and everything else.
    pub text: String,
    /// Where it is.
    pub file: Option<PathBuf>,
}

impl Failure {
    pub(crate) fn new(kind: Kind, heading: impl Display) -> Self {
        Failure {
            kind,
            heading: heading.to_string(),
            items: Vec::new(),
            details: String::new(),
            hints: Vec::new(),
            log: None,
            signal: None,
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn items(mut self, items: impl IntoIterator<Item = String>) -> Self {
        self.items.extend(items);
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

    /// Of this kind, unless its kind is known better.
    fn or_kind(mut self, kind: Kind) -> Self {
        if self.kind == Kind::Other {
            self.kind = kind;
        }
        self
    }

    /// Says what was being done.
    pub(crate) fn during(mut self, what: impl Display) -> Self {
        let says_more = !self.details.is_empty() || !self.items.is_empty();
        if !self.is_interruption() || says_more {
            self.heading = format!("{what}: {}", self.heading);
        }
        self
    }

    /// Whether a signal ended it.
    pub(crate) fn is_interruption(&self) -> bool {
        self.kind == Kind::Interrupted
    }

    /// Remembers the signal that was received meanwhile.
    pub(crate) fn after_signal(mut self, signal: Option<u8>) -> Self {
        self.signal = signal;
        self
    }

    /// The exit code of skiff: that of the kind; 128 and the number of the signal if a
    /// signal ended it.
    pub(crate) fn exit_code(&self) -> u8 {
        match (self.kind, self.signal) {
            (Kind::Interrupted, Some(number)) => kind::SIGNALS + number,
            (kind, _) => kind.code(),
        }
    }

    /// As in kind, 1 without a signal (kind v0.33.0, `cmd/kind/app/main.go`).
    pub(crate) fn exit_code_as_kind(&self) -> u8 {
        if self.is_interruption() { self.exit_code() } else { Kind::Other.code() }
    }

    /// The file with the whole log.
    pub(crate) fn log_file(&self) -> Option<&Path> {
        self.log.as_ref()?.file.as_deref()
    }

    /// The hints, and where the log is.
    pub(crate) fn all_hints(&self) -> Vec<String> {
        let log = self.log_file().map(|path| format!("the whole log is in {}", path.display()));
        self.hints.iter().cloned().chain(log).collect()
    }
}

#[cfg(test)]
mod tests;
