//! The context of every operation: the engine, the progress that it reports to,
//! and the token that cancels it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::{Engine, EngineError};
use crate::progress::Progress;
use crate::text::NoRandom;

mod unfinished;

pub use unfinished::Unfinished;

/// How often a cancelled operation asks whether the engine still answers.
const PING_PAUSE: Duration = Duration::from_millis(500);
/// How many of these questions in a row stay without an answer when it does not. An
/// engine that removes many containers, or is asked over a new ssh connection, may be too
/// slow for one.
const SILENT_PINGS: u32 = 3;

/// Cheap to clone. Clones share the engine, the progress and the cancellation.
#[derive(Clone)]
pub struct Context {
    /// Docker, or a fake in tests.
    pub engine: Arc<dyn Engine>,
    /// Receives the steps and messages of the operation.
    pub progress: Progress,
    cancel: CancellationToken,
    /// What goes on after a cancellation.
    unfinished: Unfinished,
    /// Tasks that continue when the future that started them is dropped.
    tasks: TaskTracker,
}

/// Why an operation on the engine or in a node failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RunError {
    /// The operation was cancelled, as by SIGINT (Ctrl-C) or SIGTERM.
    #[error("interrupted")]
    Cancelled,
    /// The operation was cancelled, and the engine does not answer, so that cleaning up
    /// was not waited for.
    #[error("interrupted before everything was cleaned up: {0}")]
    CutOff(EngineError),
    /// The engine refused a request or could not be reached.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A random name or token could not be made.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// A command in a node failed.
    #[error("command \"{}\" on {node} failed with exit status {code}", .argv.join(" "))]
    Command {
        /// Name of its container, such as `lab-worker2`.
        node: String,
        /// The program and its arguments.
        argv: Vec<String>,
        /// Exit status, never 0.
        code: i64,
        /// Everything that it wrote, stdout and stderr.
        output: String,
    },
}

impl Context {
    /// The operation is cancelled when `cancel` is.
    pub fn new(engine: Arc<dyn Engine>, progress: Progress, cancel: CancellationToken) -> Self {
        let (unfinished, tasks) = (Unfinished::default(), TaskTracker::new());
        Context { engine, progress, cancel, unfinished, tasks }
    }

    /// The same, with what is unfinished counted in `unfinished`.
    pub fn counting(self, unfinished: &Unfinished) -> Context {
        Context { unfinished: unfinished.clone(), ..self }
    }

    /// The same engine and progress without cancellation, for cleaning up after
    /// a cancelled operation.
    pub fn without_cancellation(&self) -> Context {
        Context { cancel: CancellationToken::new(), tasks: TaskTracker::new(), ..self.clone() }
    }

    /// Runs `operation` and then waits for every task that it started with
    /// [`Self::run_to_completion`] or [`Self::spawn`], whatever it returned.
    /// Nothing continues after the scope, even if it was cancelled; only for an engine
    /// that no longer answers a cancelled operation it does not wait.
    pub async fn scope<T>(&self, operation: impl AsyncFnOnce(&Context) -> T) -> T {
        let scoped = Context { tasks: TaskTracker::new(), ..self.clone() };
        let outcome = operation(&scoped).await;
        scoped.tasks.close();
        let ended = async {
            scoped.tasks.wait().await;
            Ok::<_, RunError>(())
        };
        // The tasks have told the operation what became of them.
        let _ = self.clean_up(ended).await;
        outcome
    }

    /// Waits for `work`, which goes on when the operation is cancelled: the removal of
    /// what was made, for example. After a cancellation the engine must show that it
    /// still answers.
    ///
    /// # Errors
    /// Returns [`RunError::CutOff`] if the operation is cancelled and the engine does not
    /// answer; `work` is then dropped. Otherwise returns the error of `work`.
    pub async fn clean_up<T, E: Into<RunError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, RunError> {
        let _unfinished = self.unfinished.begin();
        tokio::select! {
            biased;
            done = work => done.map_err(Into::into),
            silent = self.silence() => Err(RunError::CutOff(silent)),
        }
    }

    /// Returns when the operation is cancelled and the engine does not answer.
    async fn silence(&self) -> EngineError {
        self.cancel.cancelled().await;
        let mut unanswered = 0;
        loop {
            match self.engine.ping().await {
                Err(silent @ EngineError::Unreachable { .. }) => {
                    unanswered += 1;
                    if unanswered == SILENT_PINGS {
                        return silent;
                    }
                }
                _ => unanswered = 0,
            }
            // Waiting for an answer that did not come has been a pause already.
            let pause = if unanswered == 0 { PING_PAUSE } else { PING_PAUSE / 5 };
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits for `future`, but returns at once when the operation is cancelled.
    ///
    /// # Errors
    /// Returns [`RunError::Cancelled`], or the error of `future`.
    pub async fn interruptible<T, E: Into<RunError>>(
        &self,
        future: impl Future<Output = Result<T, E>>,
    ) -> Result<T, RunError> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(RunError::Cancelled),
            done = future => done.map_err(Into::into),
        }
    }

    /// Waits like [`Self::interruptible`], but `future` itself is never dropped:
    /// otherwise it would be unknown whether a request to create something was
    /// carried out. The surrounding [`Self::scope`] waits for it.
    ///
    /// # Errors
    /// Returns [`RunError::Cancelled`], or the error of `future`.
    pub async fn run_to_completion<T, E>(
        &self,
        future: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, RunError>
    where
        T: Send + 'static,
        E: Into<RunError> + Send + 'static,
    {
        if self.cancel.is_cancelled() {
            return Err(RunError::Cancelled);
        }
        let task = self.tasks.spawn(self.unfinished.until_done(future));
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(RunError::Cancelled),
            done = task => done.expect("an engine call does not panic").map_err(Into::into),
        }
    }

    /// Starts a task that is not cancelled. The surrounding [`Self::scope`]
    /// waits for it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.unfinished.until_done(task));
    }

    /// Does work that blocks, on a thread for it. It is told when the operation is
    /// cancelled, and waited for in any case.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&(dyn Fn() -> bool + Sync)) -> T + Send + 'static,
    ) -> T {
        let (cancel, unfinished) = (self.cancel.clone(), self.unfinished.begin());
        let done = tokio::task::spawn_blocking(move || {
            let _unfinished = unfinished;
            work(&|| cancel.is_cancelled())
        });
        done.await.expect("such work does not panic")
    }

    /// Waits for `duration`.
    ///
    /// # Errors
    /// Returns [`RunError::Cancelled`] if the operation is cancelled first.
    pub async fn sleep(&self, duration: Duration) -> Result<(), RunError> {
        let sleep = async {
            tokio::time::sleep(duration).await;
            Ok::<_, RunError>(())
        };
        self.interruptible(sleep).await
    }

    /// Calls `check` until it returns `None`, with `pause` between two calls, at
    /// most until `deadline` and at least once. Returns what the last call
    /// returned: what is still missing, if anything.
    ///
    /// # Errors
    /// Returns the error of `check`, or [`RunError::Cancelled`].
    pub async fn poll_until<T, E: From<RunError>>(
        &self,
        deadline: Instant,
        pause: Duration,
        mut check: impl AsyncFnMut() -> Result<Option<T>, E>,
    ) -> Result<Option<T>, E> {
        loop {
            let missing = check().await?;
            if missing.is_none() || Instant::now() >= deadline {
                return Ok(missing);
            }
            self.sleep(pause).await?;
        }
    }
}

#[cfg(test)]
mod tests;
