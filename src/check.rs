//! What a check found: one question about the engine, its host or a cluster.
//!
//! `create` asks before anything is made, `doctor` at any time.

use std::fmt;

use serde::Serialize;

use crate::text;

/// How wide the lines of [`Check::facts`] are, for terminals of 80 columns.
const WIDTH: usize = 78;
/// In front of what was found, needed, and mends it.
const LABELS: [&str; 3] = ["    found: ", "    needed: ", "    remedy: "];

/// The answer to one question. Its texts are phrases without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// What was examined, such as `inotify instances`.
    pub title: String,
    pub outcome: Outcome,
    /// The value that was found, such as `128`.
    pub found: String,
    /// The value that would do, such as `at least 194`. `None` if all is well.
    pub needed: Option<String>,
    /// What to change, or the command that mends it. A command comes last, after `: ` if
    /// there is a sentence before it. `None` if all is well.
    pub remedy: Option<String>,
}

/// From the best to the worst: the outcome of several checks is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Ok,
    /// It may fail, or works less well than it could.
    Warning,
    /// It fails for sure.
    Error,
}

impl Check {
    pub(crate) fn ok(title: impl Into<String>, found: impl Into<String>) -> Check {
        Check {
            title: title.into(),
            outcome: Outcome::Ok,
            found: found.into(),
            needed: None,
            remedy: None,
        }
    }

    /// A check that may make something fail: `needed` and `remedy` follow.
    pub(crate) fn warning(title: impl Into<String>, found: impl Into<String>) -> Check {
        Check { outcome: Outcome::Warning, ..Check::ok(title, found) }
    }

    /// A check that makes something fail: `needed` and `remedy` follow.
    pub(crate) fn error(title: impl Into<String>, found: impl Into<String>) -> Check {
        Check { outcome: Outcome::Error, ..Check::ok(title, found) }
    }

    pub(crate) fn needed(self, needed: impl Into<String>) -> Check {
        Check { needed: Some(needed.into()), ..self }
    }

    pub(crate) fn remedy(self, remedy: impl Into<String>) -> Check {
        Check { remedy: Some(remedy.into()), ..self }
    }

    /// What was found, needed, and mends it: indented lines to show below the title.
    pub(crate) fn facts(&self) -> Vec<String> {
        let texts = [Some(&self.found), self.needed.as_ref(), self.remedy.as_ref()];
        let facts = LABELS.into_iter().zip(texts).filter_map(|(label, text)| Some((label, text?)));
        facts.flat_map(|(label, text)| below(label, text)).collect()
    }
}

/// The text after its label; further lines are aligned with the first.
fn below(label: &str, text: &str) -> Vec<String> {
    let indent = " ".repeat(LABELS[1].len());
    let lines = lines(text, WIDTH - indent.len());
    let first = std::iter::once(format!("{label:width$}", width = indent.len()));
    let starts = first.chain(std::iter::repeat(indent.clone()));
    starts.zip(lines).map(|(start, line)| start + &line).collect()
}

/// A text that is longer than a line. A command is kept in one, so that it can be copied.
fn lines(text: &str, width: usize) -> Vec<String> {
    if text.chars().count() <= width || is_command(text) {
        return vec![text.to_owned()];
    }
    match text.rsplit_once(": ").filter(|(_, command)| is_command(command)) {
        None => text::wrapped(text, width),
        Some((sentence, command)) => {
            let mut lines = text::wrapped(&format!("{sentence}:"), width);
            lines.push(command.to_owned());
            lines
        }
    }
}

fn is_command(text: &str) -> bool {
    let begins =
        ["sudo ", "docker ", "skiff ", "https://"].iter().any(|known| text.starts_with(known));
    begins && !text.contains([',', ')'])
}

/// In one line, as warnings are shown.
impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.found)?;
        if let Some(needed) = &self.needed {
            write!(f, "; needed: {needed}")?;
        }
        if let Some(remedy) = &self.remedy {
            write!(f, "; remedy: {remedy}")?;
        }
        Ok(())
    }
}

/// The worst outcome; that of no checks is [`Outcome::Ok`].
pub(crate) fn worst<'a>(checks: impl IntoIterator<Item = &'a Check>) -> Outcome {
    checks.into_iter().map(|check| check.outcome).max().unwrap_or(Outcome::Ok)
}

/// What to say of checks that failed, such as `2 checks failed: memory, clock`.
pub(crate) fn failed<'a>(checks: impl IntoIterator<Item = &'a Check>) -> String {
    let titles: Vec<&str> = checks.into_iter().map(|check| check.title.as_str()).collect();
    let count = match titles.len() {
        1 => "1 check".to_owned(),
        many => format!("{many} checks"),
    };
    format!("{count} failed: {}", titles.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inotify() -> Check {
        Check::error("inotify instances", "8")
            .needed("at least 68")
            .remedy("raise the limits of the engine's host, of which there are two: sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288")
    }

    #[test]
    fn facts_are_aligned_and_fit_80_columns() {
        let facts = inotify().facts();
        let expected = [
            "    found:  8",
            "    needed: at least 68",
            "    remedy: raise the limits of the engine's host, of which there are two:",
            "            sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288",
        ];
        assert_eq!(facts, expected, "a command can be copied");
        let more = "start Docker (on Linux: sudo systemctl start docker), or set DOCKER_HOST to another engine";
        assert_eq!(Check::ok("a", more).facts().len(), 2, "the command is not at the end");
        let long = Check::ok("a", "word ".repeat(40)).facts();
        assert!(long.iter().all(|line| line.chars().count() <= 78), "{long:?}");
        assert!(long.len() == 4 && long[1..].iter().all(|line| line.starts_with(&" ".repeat(12))));
        assert_eq!(Check::ok("storage driver", "overlay2").facts(), ["    found:  overlay2"]);
    }

    #[test]
    fn a_warning_is_one_line() {
        let line = inotify().to_string();
        assert!(line.starts_with("inotify instances: 8; needed: at least 68; remedy: raise "));
        assert_eq!(Check::ok("memory", "24.0 GB").to_string(), "memory: 24.0 GB");
    }

    #[test]
    fn the_worst_outcome_counts() {
        let (ok, warning) = (Check::ok("a", "b"), Check::warning("a", "b"));
        assert_eq!(worst([]), Outcome::Ok);
        assert_eq!(worst([&ok, &warning, &ok]), Outcome::Warning);
        assert_eq!(worst([&inotify(), &warning]), Outcome::Error);
    }

    #[test]
    fn what_failed_is_named() {
        let (one, other) = (Check::error("memory", "1 B"), Check::error("clock", "slow"));
        assert_eq!(failed([&one]), "1 check failed: memory");
        assert_eq!(failed([&one, &other]), "2 checks failed: memory, clock");
    }

    #[test]
    fn programs_get_the_same_facts() {
        let json = serde_json::to_value(Check::ok("memory", "24.0 GB")).unwrap();
        let expected = serde_json::json!({
            "title": "memory", "outcome": "ok", "found": "24.0 GB", "needed": null, "remedy": null
        });
        assert_eq!(json, expected);
    }
}
