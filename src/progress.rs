//! Progress of long operations: steps and messages.
//!
//! [`crate::report`] alone decides how they are shown. It never gets passwords that
//! can be recognized: [`conceal`] has them replaced before.

use std::sync::Arc;

use crate::secret::conceal;

/// Receives progress. Several tasks may call it at the same time.
pub trait Reporter: Send + Sync {
    /// A step begins. `step` is its text, and identifies it in later calls.
    fn started(&self, step: &str);
    /// The step's current detail, such as the last line of output.
    fn detail(&self, step: &str, detail: &str);
    /// What the step has transferred so far. Those who see no details see this now and
    /// then, as it can take long.
    fn transferred(&self, step: &str, amount: &str);
    /// A step ends, with or without success. Called once for each step.
    fn finished(&self, step: &str, success: bool);
    /// A message that is not part of a step.
    fn line(&self, level: Level, text: &str);
}

/// How important a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something is unusual, but the operation continues.
    Warning,
    /// Shown unless `-q` or a negative verbosity is given.
    Info,
    /// Shown only from this verbosity on (`-v`), at least 1.
    Debug(i32),
}

/// A handle for reporting progress; cheap to clone.
#[derive(Clone)]
pub struct Progress(Arc<dyn Reporter>);

impl Progress {
    /// Clones report to the same `reporter`.
    pub fn new(reporter: impl Reporter + 'static) -> Self {
        Progress(Arc::new(reporter))
    }

    /// Discards all progress.
    pub fn silent() -> Self {
        Progress::new(Silent)
    }

    /// Starts a step. It has failed if it is dropped without [`Step::done`].
    pub fn step(&self, text: impl AsRef<str>) -> Step {
        let step = Step { progress: self.clone(), text: concealed(text), open: true };
        self.0.started(&step.text);
        step
    }

    /// A message for every user, such as what happens next.
    pub fn info(&self, text: impl AsRef<str>) {
        self.0.line(Level::Info, &concealed(text));
    }

    /// A message about something that may need action.
    pub fn warn(&self, text: impl AsRef<str>) {
        self.0.line(Level::Warning, &concealed(text));
    }

    /// A message for finding faults, shown from `-v VERBOSITY` on.
    pub fn debug(&self, verbosity: i32, text: impl AsRef<str>) {
        self.0.line(Level::Debug(verbosity), &concealed(text));
    }
}

fn concealed(text: impl AsRef<str>) -> String {
    conceal(text.as_ref()).into_owned()
}

/// A step that is in progress.
pub struct Step {
    progress: Progress,
    text: String,
    open: bool,
}

impl Step {
    /// Reports the step's current detail, such as the last line of output.
    pub fn detail(&self, detail: impl AsRef<str>) {
        self.progress.0.detail(&self.text, &concealed(detail));
    }

    /// Reports what the step has transferred so far, such as `1.2 MB, 3 of 4 layers`.
    pub fn transferred(&self, amount: impl AsRef<str>) {
        self.progress.0.transferred(&self.text, amount.as_ref());
    }

    /// Ends the step successfully.
    pub fn done(mut self) {
        self.open = false;
        self.progress.0.finished(&self.text, true);
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if self.open {
            self.progress.0.finished(&self.text, false);
        }
    }
}

/// A readable number of bytes, such as `12.3 MB` (powers of 1000).
pub fn size(bytes: u64) -> String {
    let (mut number, mut unit) = (bytes as f64, "B");
    for larger in ["kB", "MB", "GB", "TB"] {
        if number < 1000.0 {
            break;
        }
        (number, unit) = (number / 1000.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{number:.1} {unit}") }
}

struct Silent;

impl Reporter for Silent {
    fn started(&self, _: &str) {}
    fn detail(&self, _: &str, _: &str) {}
    fn transferred(&self, _: &str, _: &str) {}
    fn finished(&self, _: &str, _: bool) {}
    fn line(&self, _: Level, _: &str) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps every text.
    #[derive(Clone, Default)]
    struct Seen(Arc<std::sync::Mutex<String>>);

    impl Seen {
        fn add(&self, text: &str) {
            self.0.lock().unwrap().push_str(&format!("{text}\n"));
        }
    }

    impl Reporter for Seen {
        fn started(&self, step: &str) {
            self.add(step);
        }

        fn detail(&self, step: &str, detail: &str) {
            self.add(step);
            self.add(detail);
        }

        fn transferred(&self, step: &str, _: &str) {
            self.add(step);
        }

        fn finished(&self, step: &str, _: bool) {
            self.add(step);
        }

        fn line(&self, _: Level, text: &str) {
            self.add(text);
        }
    }

    #[test]
    fn nobody_sees_a_password() {
        let seen = Seen::default();
        let progress = Progress::new(seen.clone());
        let text = "GET https://me:s3cret@host/a: Authorization: Bearer s3cret";
        let step = progress.step(text);
        step.detail(text);
        step.transferred("1 MB");
        step.done();
        progress.info(text);
        progress.warn(text);
        progress.debug(3, text);
        let seen = seen.0.lock().unwrap();
        assert!(!seen.contains("s3cret"), "{seen}");
        assert_eq!(seen.matches("https://xxxxx@host/a: Authorization: xxxxx").count(), 8);
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!([0, 999, 1000, 12_345_678].map(size), ["0 B", "999 B", "1.0 kB", "12.3 MB"]);
    }
}
