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

/// Cheap to clone. Clones share the engine, the progress and the cancellation.
#[derive(Clone)]
pub struct Context {
    /// Docker, or a fake in tests.
    pub engine: Arc<dyn Engine>,
    /// Receives the steps and messages of the operation.
    pub progress: Progress,
    cancel: CancellationToken,
    /// Tasks that continue when the future that started them is dropped.
    tasks: TaskTracker,
}

/// Why an operation on the engine or in a node failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RunError {
    /// The operation was cancelled, as by SIGINT (Ctrl-C) or SIGTERM.
    #[error("interrupted")]
    Cancelled,
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
        Context { engine, progress, cancel, tasks: TaskTracker::new() }
    }

    /// The same engine and progress without cancellation, for cleaning up after
    /// a cancelled operation.
    pub fn without_cancellation(&self) -> Context {
        Context::new(self.engine.clone(), self.progress.clone(), CancellationToken::new())
    }

    /// Runs `operation` and then waits for every task that it started with
    /// [`Self::run_to_completion`] or [`Self::spawn`], whatever it returned.
    /// Nothing continues after the scope, even if it was cancelled.
    pub async fn scope<T>(&self, operation: impl AsyncFnOnce(&Context) -> T) -> T {
        let scoped = Context { tasks: TaskTracker::new(), ..self.clone() };
        let outcome = operation(&scoped).await;
        scoped.tasks.close();
        scoped.tasks.wait().await;
        outcome
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
        let task = self.tasks.spawn(future);
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(RunError::Cancelled),
            done = task => done.expect("an engine call does not panic").map_err(Into::into),
        }
    }

    /// Starts a task that is not cancelled. The surrounding [`Self::scope`]
    /// waits for it.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Does work that blocks, on a thread for it. It is told when the operation is
    /// cancelled, and waited for in any case.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&(dyn Fn() -> bool + Sync)) -> T + Send + 'static,
    ) -> T {
        let cancel = self.cancel.clone();
        let done = tokio::task::spawn_blocking(move || work(&|| cancel.is_cancelled()));
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
