//! Errors turned into what a person needs: the cause, the details, the next
//! step, the exit code. Hints are worded here only.

mod addon;
mod cluster;
mod engine;
mod images;

use std::fmt::Display;

/// A failure as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// What failed and why, in one line.
    pub heading: String,
    /// Output of a command or a list of problems; may have many lines.
    pub details: String,
    pub hints: Vec<String>,
    /// A signal ended it.
    pub interrupted: bool,
    /// The signal that was received, if any.
    signal: Option<u8>,
}

impl Failure {
    pub fn new(heading: impl Display) -> Self {
        Failure { heading: heading.to_string(), ..Failure::default() }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn details(mut self, details: impl Into<String>) -> Self {
        self.details = details.into();
        self
    }

    /// Says what was being done.
    pub fn during(mut self, what: impl Display) -> Self {
        if !self.interrupted {
            self.heading = format!("{what}: {}", self.heading);
        }
        self
    }

    /// Remembers the signal that was received meanwhile.
    pub fn after_signal(mut self, signal: Option<u8>) -> Self {
        self.signal = signal;
        self
    }

    /// 1 as in kind (kind v0.33.0, `cmd/kind/app/main.go`); 128 + the signal's
    /// number if a signal ended it, as shells report it.
    pub fn exit_code(&self) -> u8 {
        self.signal.filter(|_| self.interrupted).map_or(1, |number| 128 + number)
    }

    /// The text for stderr.
    pub fn render(&self) -> String {
        format!("ERROR: {}", self.text())
    }

    /// The text without a label, ending in a newline.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.heading);
        if !self.details.trim().is_empty() {
            text.push_str(&format!("\n{}\n", self.details.trim_end()));
        }
        for hint in &self.hints {
            text.push_str(&format!("hint: {hint}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::RunError;
    use crate::engine::EngineError;

    #[test]
    fn exit_codes() {
        let interrupted = || Failure::from(RunError::Cancelled);
        for (failure, signal, code) in [
            (Failure::new("x"), None, 1),
            // It came too late to change anything.
            (Failure::new("x"), Some(2), 1),
            (interrupted(), Some(2), 130),
            (interrupted(), Some(15), 143),
            (interrupted(), None, 1),
        ] {
            assert_eq!(failure.after_signal(signal).exit_code(), code, "{signal:?}");
        }
    }

    #[test]
    fn a_failing_command_shows_its_output_and_a_known_cause_its_hint() {
        let error = RunError::Command {
            node: "kind-worker".into(),
            argv: vec!["kubeadm".into(), "join".into()],
            code: 1,
            output: "write /x: no space left on device\n".into(),
        };
        let text = Failure::from(error).during("failed to create cluster").render();
        assert!(text.starts_with("ERROR: failed to create cluster: command \"kubeadm join\" on kind-worker failed with exit status 1\n"));
        assert!(text.contains("Command Output: write /x: no space left on device"));
        assert!(text.contains("hint: free disk space"));
    }

    #[test]
    fn an_unreachable_engine_comes_with_the_next_step() {
        let error = EngineError::Unreachable {
            endpoint: "unix:///x".into(),
            reason: "there is no socket /x".into(),
        };
        let text = Failure::from(error).render();
        assert!(text.contains("unix:///x") && text.contains("hint: start Docker"), "{text}");
    }
}
