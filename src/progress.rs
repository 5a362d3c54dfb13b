//! Progress of long operations: steps and messages.
//!
//! [`crate::report`] alone decides how they are shown. It never gets passwords that
//! can be recognized: [`conceal`] has them replaced before.

mod amount;
mod stage;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::secret::conceal;

pub use amount::{Amount, size};
pub use stage::Stage;

/// Receives progress. Several tasks may call it at the same time.
pub trait Reporter: Send + Sync {
    /// Takes one event. Each step is started once and ended once; all its other
    /// events come in between.
    fn report(&self, event: Event);
}

impl<R: Reporter> Reporter for Arc<R> {
    fn report(&self, event: Event) {
        (**self).report(event);
    }
}

/// Identifies a step: 1 for the first of a run, then 2 and so on. Steps that run at the
/// same time may have the same title.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub u64);

/// What happens in an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A step begins.
    Started {
        /// The step.
        step: StepId,
        /// What it does, such as `Joining worker nodes`.
        title: String,
    },
    /// The step's current detail.
    Detail {
        /// The step.
        step: StepId,
        /// Such as the last line of output.
        text: String,
    },
    /// What the step has transferred so far.
    Transferred {
        /// The step.
        step: StepId,
        /// All since the step began.
        amount: Amount,
    },
    /// The step comes to its next stage.
    Stage {
        /// The step.
        step: StepId,
        /// The stage that begins.
        stage: Stage,
    },
    /// A step ends.
    Ended {
        /// The step.
        step: StepId,
        /// Whether it did what it was for.
        success: bool,
        /// The time since it began.
        elapsed: Duration,
    },
    /// A message that is not part of a step.
    Message {
        /// Its importance.
        level: Level,
        /// One line or several.
        text: String,
    },
}

impl Event {
    /// The same event with every text replaced.
    #[must_use]
    pub fn map_text(self, change: impl Fn(&str) -> String) -> Event {
        match self {
            Event::Started { step, title } => Event::Started { step, title: change(&title) },
            Event::Detail { step, text } => Event::Detail { step, text: change(&text) },
            Event::Transferred { step, amount } => {
                let amount = Amount { text: change(&amount.text), ..amount };
                Event::Transferred { step, amount }
            }
            Event::Stage { step, stage } => {
                let stage = Stage { name: change(&stage.name), ..stage };
                Event::Stage { step, stage }
            }
            Event::Message { level, text } => Event::Message { level, text: change(&text) },
            ended @ Event::Ended { .. } => ended,
        }
    }
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
pub struct Progress(Arc<Run>);

/// One run of the program.
struct Run {
    reporter: Box<dyn Reporter>,
    /// How many steps there were.
    steps: AtomicU64,
}

impl Progress {
    /// Clones report to the same `reporter`.
    pub fn new(reporter: impl Reporter + 'static) -> Self {
        Progress(Arc::new(Run { reporter: Box::new(reporter), steps: AtomicU64::new(0) }))
    }

    /// Discards all progress.
    pub fn silent() -> Self {
        Progress::new(Silent)
    }

    /// Starts a step. It has failed if it is dropped without [`Step::done`].
    pub fn step(&self, title: impl Into<String>) -> Step {
        let id = StepId(self.0.steps.fetch_add(1, Ordering::Relaxed) + 1);
        self.report(Event::Started { step: id, title: title.into() });
        Step { progress: self.clone(), id, begun: Instant::now(), open: true }
    }

    /// A message for every user, such as what happens next.
    pub fn info(&self, text: impl Into<String>) {
        self.report(Event::Message { level: Level::Info, text: text.into() });
    }

    /// A message about something that may need action.
    pub fn warn(&self, text: impl Into<String>) {
        self.report(Event::Message { level: Level::Warning, text: text.into() });
    }

    /// A message for finding faults, shown from `-v VERBOSITY` on.
    pub fn debug(&self, verbosity: i32, text: impl Into<String>) {
        self.report(Event::Message { level: Level::Debug(verbosity), text: text.into() });
    }

    fn report(&self, event: Event) {
        self.0.reporter.report(event.map_text(|text| conceal(text).into_owned()));
    }
}

/// A step that is in progress.
pub struct Step {
    progress: Progress,
    id: StepId,
    begun: Instant,
    open: bool,
}

impl Step {
    /// Reports the step's current detail, such as the last line of output.
    pub fn detail(&self, text: impl Into<String>) {
        self.progress.report(Event::Detail { step: self.id, text: text.into() });
    }

    /// Reports what the step has transferred so far.
    pub fn transferred(&self, amount: Amount) {
        self.progress.report(Event::Transferred { step: self.id, amount });
    }

    /// Reports that a stage of the step begins, which ends the one before.
    pub fn stage(&self, stage: Stage) {
        self.progress.report(Event::Stage { step: self.id, stage });
    }

    /// Ends the step successfully.
    pub fn done(mut self) {
        self.end(true);
    }

    fn end(&mut self, success: bool) {
        if std::mem::take(&mut self.open) {
            let elapsed = self.begun.elapsed();
            self.progress.report(Event::Ended { step: self.id, success, elapsed });
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.end(false);
    }
}

struct Silent;

impl Reporter for Silent {
    fn report(&self, _: Event) {}
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Keeps every event.
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<Event>>>);

    impl Reporter for Seen {
        fn report(&self, event: Event) {
            self.0.lock().unwrap().push(event);
        }
    }

    #[test]
    fn nobody_sees_a_password() {
        let seen = Seen::default();
        let progress = Progress::new(seen.clone());
        let text = "GET https://me:s3cret@host/a: Authorization: Bearer s3cret";
        let step = progress.step(text);
        step.detail(text);
        step.transferred(Amount { text: text.into(), ..Amount::default() });
        step.stage(Stage { name: text.into(), ..Stage::default() });
        step.done();
        progress.info(text);
        progress.warn(text);
        progress.debug(3, text);
        let seen = format!("{:?}", seen.0.lock().unwrap());
        assert!(!seen.contains("s3cret"), "{seen}");
        assert_eq!(seen.matches("https://xxxxx@host/a: Authorization: xxxxx").count(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn steps_of_the_same_title_are_two_steps_with_their_own_times() {
        let seen = Seen::default();
        let progress = Progress::new(seen.clone());
        let (one, other) = (progress.step("Pulling a:1"), progress.step("Pulling a:1"));
        tokio::time::sleep(Duration::from_secs(2)).await;
        drop(one);
        tokio::time::sleep(Duration::from_secs(1)).await;
        other.done();
        let title = || "Pulling a:1".to_owned();
        let ended = |step, success, seconds| Event::Ended {
            step: StepId(step),
            success,
            elapsed: Duration::from_secs(seconds),
        };
        let expected = [
            Event::Started { step: StepId(1), title: title() },
            Event::Started { step: StepId(2), title: title() },
            ended(1, false, 2),
            ended(2, true, 3),
        ];
        assert_eq!(*seen.0.lock().unwrap(), expected);
    }
}
