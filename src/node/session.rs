//! A command in a node that reads the last of its input later. Starting a second
//! command instead would take at least 0.05 s.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::mpsc;

use super::{NodeHandle, output};
use crate::context::RunError;
use crate::engine::{Command, EngineError, ExecEvent, ExecOutput};

/// Bytes that a command may write before the line that it is waited for.
const LIMIT: usize = 64 << 20;

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

    /// The container's name.
    pub fn node(&self) -> &str {
        &self.node
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
        let mut searched = 0;
        loop {
            if let Some(at) = find(&self.stdout[searched..], end.as_bytes()) {
                let at = searched + at;
                let rest = self.stdout.split_off(at + end.len());
                let text = std::mem::replace(&mut self.stdout, rest);
                return Ok(String::from_utf8_lossy(&text[..=at]).into_owned());
            }
            searched = self.stdout.len().saturating_sub(end.len());
            if self.stdout.len() + self.stderr.len() > LIMIT {
                let what = format!("running {} in {}", self.argv[0], self.node);
                return Err(EngineError::other(what, "it writes too much").into());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn session(pieces: Vec<Bytes>) -> Session {
        let events = pieces.into_iter().map(|piece| Ok(ExecEvent::Stdout(piece)));
        Session {
            node: "n".into(),
            argv: vec!["report".into()],
            stdin: None,
            events: stream::iter(events).boxed(),
            stdout: Vec::new(),
            stderr: Vec::new(),
        }
    }

    #[tokio::test]
    async fn the_line_is_found_however_it_arrives() {
        let text = b"one\nend\n two\n\nend\n";
        for size in 1..=text.len() {
            let pieces = text.chunks(size).map(Bytes::from_static).collect();
            let mut session = session(pieces);
            assert_eq!(session.read_until("end").await.unwrap(), "one\n");
            assert_eq!(session.read_until("end").await.unwrap(), " two\n\n");
        }
    }

    #[tokio::test]
    async fn a_node_that_goes_on_writing_is_an_error() {
        let megabyte = Bytes::from(vec![b'x'; 1 << 20]);
        let mut session = session(vec![megabyte; 1000]);
        let error = session.read_until("end").await.unwrap_err().to_string();
        assert_eq!(error, "running report in n: it writes too much");
        assert!(session.stdout.len() <= LIMIT + (1 << 20));
    }
}
