//! A command in a node that is told what to do next as it goes: starting
//! another one would take 0.05 s and more.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::{Context, RunError, START_ATTEMPTS, ended_early, never_started};
use crate::engine::{Command, ExecEvent, ExecOutput};

/// Its stdin ends when this is dropped.
pub struct Session {
    node: String,
    argv: Vec<String>,
    stdin: Option<mpsc::UnboundedSender<Bytes>>,
    said: ExecOutput,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Session {
    /// Starts a command, which first says something that ends with a line
    /// `end`; returns that as well. As [`Context::run`], it is tried again if the
    /// engine could not start it.
    ///
    /// # Errors
    /// [`RunError::Command`] with all output, if it ends instead.
    pub async fn begin(
        ctx: &Context,
        node: &str,
        command: Command,
        end: &str,
    ) -> Result<(Session, String), RunError> {
        for attempt in 1.. {
            let begun = async {
                let mut session = Session::start(ctx, node, command.clone()).await?;
                let text = session.heard(end).await?;
                Ok::<_, RunError>((session, text))
            };
            match ctx.interruptible(begun).await {
                Err(RunError::Command { output, .. })
                    if attempt < START_ATTEMPTS && never_started(&output) =>
                {
                    ctx.pause_before_start(attempt).await?;
                }
                other => return other,
            }
        }
        unreachable!("the last attempt returns")
    }

    async fn start(ctx: &Context, node: &str, command: Command) -> Result<Session, RunError> {
        let (stdin, pieces) = mpsc::unbounded_channel();
        let pieces = stream::unfold(pieces, |mut pieces| async {
            pieces.recv().await.map(|piece| (Ok(piece), pieces))
        });
        let argv = command.argv.clone();
        let said = ctx.engine.feed(node, command, pieces.boxed()).await?;
        let node = node.to_owned();
        Ok(Session { node, argv, stdin: Some(stdin), said, stdout: Vec::new(), stderr: Vec::new() })
    }

    /// Tells it the rest, and hears what it says until a line `end`.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub async fn finish(mut self, text: impl Into<Bytes>, end: &str) -> Result<String, RunError> {
        if let Some(stdin) = self.stdin.take() {
            // One that has ended meanwhile says so itself.
            let _ = stdin.send(text.into());
        }
        self.heard(end).await
    }

    async fn heard(&mut self, end: &str) -> Result<String, RunError> {
        let end = format!("\n{end}\n");
        loop {
            if let Some(at) = find(&self.stdout, end.as_bytes()) {
                let rest = self.stdout.split_off(at + end.len());
                let said = std::mem::replace(&mut self.stdout, rest);
                return Ok(String::from_utf8_lossy(&said[..=at]).into_owned());
            }
            match self.said.next().await.transpose()? {
                Some(ExecEvent::Stdout(bytes)) => self.stdout.extend_from_slice(&bytes),
                Some(ExecEvent::Stderr(bytes)) => self.stderr.extend_from_slice(&bytes),
                Some(ExecEvent::Exit(code)) if code != 0 => return Err(self.failed(code)),
                Some(ExecEvent::Exit(_)) | None => {
                    return Err(ended_early(&self.node, &self.argv).into());
                }
            }
        }
    }

    fn failed(&self, code: i64) -> RunError {
        let output = [&self.stdout[..], &self.stderr[..]].concat();
        RunError::Command {
            node: self.node.clone(),
            argv: self.argv.clone(),
            code,
            output: String::from_utf8_lossy(&output).into_owned(),
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
