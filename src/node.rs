//! The handle for a node: commands, files and streams in it.
//!
//! Any other container that skiff runs commands in, such as the one that builds
//! images, has the same handle.

mod output;
mod session;

pub use output::{collect, collect_up_to};
pub use session::Session;

use std::time::Duration;

use bytes::Bytes;

use crate::context::{Context, RunError};
use crate::engine::{ByteStream, Command};

/// kubeadm's kubeconfig on a control-plane, with the rights of an administrator.
pub const ADMIN_CONF: &str = "/etc/kubernetes/admin.conf";

/// How often the engine may fail to start a command.
const START_ATTEMPTS: u32 = 6;
const START_PAUSE: Duration = Duration::from_millis(200);

/// A container that commands are run in; cheap to clone.
#[derive(Clone)]
pub struct NodeHandle {
    /// Commands run on its engine and end when it is cancelled.
    pub ctx: Context,
    name: String,
}

impl NodeHandle {
    /// The container of this name, which need not exist yet.
    pub fn new(ctx: &Context, name: impl Into<String>) -> Self {
        NodeHandle { ctx: ctx.clone(), name: name.into() }
    }

    /// The container's name, such as `lab-worker2`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs a command and returns its stdout as text.
    ///
    /// # Errors
    /// Returns [`RunError::Command`] if its exit status is not 0, the engine's
    /// error, or [`RunError::Cancelled`].
    pub async fn run(&self, command: Command) -> Result<String, RunError> {
        let stdout = self.output(command).await?;
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    }

    /// Runs a command and returns its stdout.
    ///
    /// # Errors
    /// Fails like [`Self::run`].
    pub async fn output(&self, command: Command) -> Result<Vec<u8>, RunError> {
        self.run_with(command, |_| {}).await
    }

    /// Runs a command and returns its stdout. `on_line` is called with every line
    /// of its stderr while it runs.
    ///
    /// # Errors
    /// Fails like [`Self::run`].
    pub async fn run_with(
        &self,
        command: Command,
        on_line: impl Fn(&str) + Send,
    ) -> Result<Vec<u8>, RunError> {
        let argv = &command.argv;
        self.retry_start(argv, async || {
            let events = self.ctx.engine.exec(&self.name, command.clone()).await?;
            output::read(&self.name, argv, events, &on_line).await
        })
        .await
    }

    /// Runs a command with a stream as its stdin. It is started once only: the
    /// stream cannot be read again.
    ///
    /// # Errors
    /// Fails like [`Self::run`].
    pub async fn stream_in(&self, command: Command, stdin: ByteStream) -> Result<(), RunError> {
        let argv = command.argv.clone();
        let run = async {
            let events = self.ctx.engine.exec_with_stdin(&self.name, command, stdin).await?;
            output::read(&self.name, &argv, events, &|_| {}).await
        };
        self.ctx.interruptible(run).await.map(drop)
    }

    /// Runs a command and returns its stdout while it is written. The stream
    /// ends with an error if the command fails.
    ///
    /// # Errors
    /// Returns the engine's error, or [`RunError::Cancelled`].
    pub async fn stream_out(&self, command: Command) -> Result<ByteStream, RunError> {
        let argv = command.argv.clone();
        let exec = self.ctx.engine.exec(&self.name, command);
        let events = self.ctx.interruptible(exec).await?;
        Ok(output::stdout(&self.name, argv, events))
    }

    /// Starts a command that reads its stdin later; returns it with what it
    /// wrote before the line `end`.
    ///
    /// # Errors
    /// Fails like [`Self::run`], also if the command ends before that line.
    pub async fn session(
        &self,
        command: Command,
        end: &str,
    ) -> Result<(Session, String), RunError> {
        let argv = &command.argv;
        self.retry_start(argv, async || {
            let mut session = Session::start(self, command.clone()).await?;
            let text = session.read_until(end).await?;
            Ok((session, text))
        })
        .await
    }

    /// The text of a file.
    ///
    /// # Errors
    /// Fails like [`Self::run`].
    pub async fn read(&self, path: &str) -> Result<String, RunError> {
        self.run(Command::new(["cat", path])).await
    }

    /// Writes a file, and creates its directory.
    ///
    /// # Errors
    /// Fails like [`Self::run`].
    pub async fn write(&self, path: &str, text: impl Into<Bytes>) -> Result<(), RunError> {
        let script = "mkdir -p \"$(dirname \"$0\")\" && cat >\"$0\"";
        self.run(Command::new(["sh", "-c", script, path]).stdin(text)).await.map(drop)
    }

    /// Runs the kubectl of a control-plane as administrator; returns its stdout.
    ///
    /// # Errors
    /// Fails like [`Self::run`].
    pub async fn kubectl(&self, args: &[&str], stdin: Option<String>) -> Result<String, RunError> {
        let kubeconfig = format!("--kubeconfig={ADMIN_CONF}");
        let mut command = Command::new(["kubectl", &kubeconfig].iter().chain(args).copied());
        command.stdin = stdin.map(Into::into);
        self.run(command).await
    }

    /// The API server's responses for several paths, requested with one command.
    ///
    /// # Errors
    /// Fails like [`Self::run`] if any of the requests fails.
    pub async fn kubectl_get_raw(&self, paths: &[&str]) -> Result<Vec<String>, RunError> {
        // A record separator ends each response: JSON never contains one (RFC 7464).
        let script = "for path; do kubectl --kubeconfig=\"$0\" --request-timeout=5s get --raw \"$path\" || exit; printf '\\036'; done";
        let start = ["sh", "-c", script, ADMIN_CONF];
        let text = self.run(Command::new(start.iter().chain(paths).copied())).await?;
        Ok(text.split_terminator('\u{1e}').map(str::to_owned).collect())
    }

    /// Starts a command again if the engine failed to start it.
    async fn retry_start<T>(
        &self,
        argv: &[String],
        mut start: impl AsyncFnMut() -> Result<T, RunError>,
    ) -> Result<T, RunError> {
        for attempt in 1.. {
            match self.ctx.interruptible(start()).await {
                Err(RunError::Command { output, .. })
                    if attempt < START_ATTEMPTS && output::never_started(&output) =>
                {
                    let text = format!("{} on {}: {}", argv[0], self.name, output.trim());
                    self.ctx.progress.debug(1, text);
                    self.ctx.sleep(START_PAUSE * attempt).await?;
                }
                other => return other,
            }
        }
        unreachable!("the last attempt returns")
    }
}
