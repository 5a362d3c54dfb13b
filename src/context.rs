//! One piece of work on an engine: what it is done with, how it is cancelled.

mod session;

pub use session::Session;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::engine::{ByteStream, Command, Engine, EngineError, ExecEvent, ExecOutput};
use crate::progress::Progress;

const START_ATTEMPTS: u32 = 6;
const START_PAUSE: Duration = Duration::from_millis(200);

/// Cheap to clone; all clones are the same work.
#[derive(Clone)]
pub struct Context {
    pub engine: Arc<dyn Engine>,
    pub progress: Progress,
    cancel: CancellationToken,
    under_way: TaskTracker,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum RunError {
    #[error("interrupted")]
    Cancelled,
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("command \"{}\" on {node} failed with exit status {code}", .argv.join(" "))]
    Command { node: String, argv: Vec<String>, code: i64, output: String },
}

impl Context {
    pub fn new(engine: Arc<dyn Engine>, progress: Progress, cancel: CancellationToken) -> Self {
        Context { engine, progress, cancel, under_way: TaskTracker::new() }
    }

    /// The same engine and listener, with nobody left to cancel it: for
    /// cleaning up after a cancelled work.
    pub fn without_cancellation(&self) -> Context {
        Context::new(self.engine.clone(), self.progress.clone(), CancellationToken::new())
    }

    /// Waits for `future`, but no longer than until the work is cancelled.
    ///
    /// # Errors
    /// [`RunError::Cancelled`], or the future's own.
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

    /// Waits like [`Self::interruptible`], but what was begun goes on to its
    /// end: a request to create something must not be dropped half-way, or
    /// nobody knows whether it was carried out. [`Self::drain`] waits for it.
    ///
    /// # Errors
    /// [`RunError::Cancelled`], or the future's own.
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
        let task = self.under_way.spawn(future);
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(RunError::Cancelled),
            done = task => done.expect("an engine call does not panic").map_err(Into::into),
        }
    }

    /// Has `future` go on beside the work, cancelled or not.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.under_way.spawn(future);
    }

    /// Returns once nothing begun by [`Self::run_to_completion`] or [`Self::spawn`] is
    /// under way any more.
    pub async fn drain(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }

    /// Runs a command in a node and returns what it wrote to stdout. Each line
    /// of stderr goes to `told` meanwhile. A command that the engine could not
    /// even start is tried again a few times.
    ///
    /// # Errors
    /// [`RunError::Command`] with all output, if it does not exit with 0.
    pub async fn run_told(
        &self,
        node: &str,
        command: Command,
        told: impl Fn(&str) + Send,
    ) -> Result<Vec<u8>, RunError> {
        for attempt in 1.. {
            match self.interruptible(self.run_once(node, command.clone(), &told)).await {
                Err(RunError::Command { output, .. })
                    if attempt < START_ATTEMPTS && never_started(&output) =>
                {
                    self.progress
                        .debug(1, format!("{} on {node}: {}", command.argv[0], output.trim()));
                    self.pause_before_start(attempt).await?;
                }
                other => return other,
            }
        }
        unreachable!("the last attempt returns")
    }

    async fn pause_before_start(&self, attempt: u32) -> Result<(), RunError> {
        let pause = async {
            tokio::time::sleep(START_PAUSE * attempt).await;
            Ok(())
        };
        self.interruptible::<_, RunError>(pause).await
    }

    async fn run_once(
        &self,
        node: &str,
        command: Command,
        told: &(impl Fn(&str) + Send),
    ) -> Result<Vec<u8>, RunError> {
        let argv = command.argv.clone();
        let said = self.engine.exec(node, command).await?;
        heard(node, argv, said, told).await
    }

    /// Runs a command in a node with a stream as its stdin.
    ///
    /// # Errors
    /// As [`Self::run`]; nothing is tried again.
    pub async fn feed(
        &self,
        node: &str,
        command: Command,
        stdin: ByteStream,
    ) -> Result<(), RunError> {
        let argv = command.argv.clone();
        let fed = async {
            let said = self.engine.feed(node, command, stdin).await?;
            heard(node, argv, said, &|_| {}).await
        };
        self.interruptible(fed).await.map(drop)
    }

    /// Runs a command in a node and returns its stdout as text.
    ///
    /// # Errors
    /// [`RunError::Command`] with all output, if it does not exit with 0.
    pub async fn run(&self, node: &str, command: Command) -> Result<String, RunError> {
        let stdout = self.run_told(node, command, |_| {}).await?;
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }

    /// The text of a file in a node.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn read(&self, node: &str, path: &str) -> Result<String, RunError> {
        self.run(node, Command::new(["cat", path])).await
    }

    /// Writes a file in a node, with its folder.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn write(&self, node: &str, path: &str, text: String) -> Result<(), RunError> {
        let script = "mkdir -p \"$(dirname \"$0\")\" && cat >\"$0\"";
        self.run(node, Command::new(["sh", "-c", script, path]).stdin(text)).await.map(drop)
    }
}

/// What a command wrote to stdout, once it has ended well.
async fn heard(
    node: &str,
    argv: Vec<String>,
    mut said: ExecOutput,
    told: &(impl Fn(&str) + Send),
) -> Result<Vec<u8>, RunError> {
    let (mut stdout, mut both, mut line) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(piece) = said.next().await {
        match piece? {
            ExecEvent::Stdout(bytes) => {
                stdout.extend_from_slice(&bytes);
                both.extend_from_slice(&bytes);
            }
            ExecEvent::Stderr(bytes) => {
                both.extend_from_slice(&bytes);
                for byte in bytes {
                    if byte == b'\n' {
                        told(&String::from_utf8_lossy(&std::mem::take(&mut line)));
                    } else {
                        line.push(byte);
                    }
                }
            }
            ExecEvent::Exit(0) => return Ok(stdout),
            ExecEvent::Exit(code) => {
                let output = String::from_utf8_lossy(&both).into_owned();
                return Err(RunError::Command { node: node.to_owned(), argv, code, output });
            }
        }
    }
    Err(ended_early(node, &argv).into())
}

fn ended_early(node: &str, argv: &[String]) -> EngineError {
    EngineError::other(
        format!("running {} in {node}", argv[0]),
        "the connection to the engine ended early",
    )
}

/// The engine's runtime failed before the command ran, for a reason that goes
/// by: seen on loaded machines as "read init-p: connection reset by peer".
fn never_started(output: &str) -> bool {
    output.contains("OCI runtime exec failed")
        && !["executable file not found", "no such file or directory", "permission denied"]
            .iter()
            .any(|lasting| output.contains(lasting))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_never_started_is_tried_again() {
        assert!(never_started(
            "OCI runtime exec failed: exec failed: unable to start container process: read init-p: connection reset by peer: unknown"
        ));
        assert!(!never_started(
            "OCI runtime exec failed: exec: \"kubeadm\": executable file not found in $PATH: unknown"
        ));
        assert!(!never_started("error execution phase preflight"));
    }
}
