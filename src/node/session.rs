//! A command in a node that reads the last of its input later. Starting a second
//! command instead would take at least 0.05 s.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::{NodeHandle, output};
use crate::context::RunError;
use crate::engine::{Command, ExecEvent, ExecOutput};

/// Dropping it closes the command's stdin.
pub struct Session {
    node: String,
    argv: Vec<String>,
    stdin: Option<mpsc::UnboundedSender<Bytes>>,
    events: ExecOutput,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Session {
    pub(super) async fn start(node: &NodeHandle, command: Command) -> Result<Session, RunError> {
        let (stdin, pieces) = mpsc::unbounded_channel();
        let pieces = stream::unfold(pieces, |mut pieces| async {
            pieces.recv().await.map(|piece| (Ok(piece), pieces))
        });
        let argv = command.argv.clone();
        let events = node.ctx.engine.exec_with_stdin(node.name(), command, pieces.boxed()).await?;
        Ok(Session {
            node: node.name().to_owned(),
            argv,
            stdin: Some(stdin),
            events,
            stdout: Vec::new(),
            stderr: Vec::new(),
        })
    }

    /// Writes the last of its stdin and returns what it writes to stdout before
    /// the line `end`. Cancellation does not interrupt this.
    ///
    /// # Errors
    /// Returns [`RunError::Command`] if it fails before that line, or the engine's
    /// error.
    pub async fn finish(mut self, text: impl Into<Bytes>, end: &str) -> Result<String, RunError> {
        if let Some(stdin) = self.stdin.take() {
            // If the command has ended, its exit code is reported below.
            let _ = stdin.send(text.into());
        }
        self.read_until(end).await
    }

    pub(super) async fn read_until(&mut self, end: &str) -> Result<String, RunError> {
        let end = format!("\n{end}\n");
        loop {
            if let Some(at) = find(&self.stdout, end.as_bytes()) {
                let rest = self.stdout.split_off(at + end.len());
                let text = std::mem::replace(&mut self.stdout, rest);
                return Ok(String::from_utf8_lossy(&text[..=at]).into_owned());
            }
            match self.events.next().await.transpose()? {
                Some(ExecEvent::Stdout(bytes)) => self.stdout.extend_from_slice(&bytes),
                Some(ExecEvent::Stderr(bytes)) => self.stderr.extend_from_slice(&bytes),
                Some(ExecEvent::Exit(code)) if code != 0 => {
                    let both = [&self.stdout[..], &self.stderr[..]].concat();
                    return Err(output::failed(&self.node, &self.argv, code, &both));
                }
                Some(ExecEvent::Exit(_)) | None => {
                    return Err(output::ended_early(&self.node, &self.argv).into());
                }
            }
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
