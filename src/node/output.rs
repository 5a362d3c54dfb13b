//! What commands in nodes write: collected, as lines, as a stream.

use std::io;

use futures_util::StreamExt;

use crate::context::RunError;
use crate::engine::{ByteStream, EngineError, ExecEvent, ExecOutput};
use crate::secret::Concealer;

/// Reads a stream to its end, into memory.
///
/// # Errors
/// Returns the first error of the stream.
pub async fn collect(stream: ByteStream) -> io::Result<Vec<u8>> {
    collect_up_to(stream, u64::MAX).await
}

/// Reads a stream of at most `limit` bytes to its end, into memory.
///
/// # Errors
/// Returns the first error of the stream, or that it is longer.
pub async fn collect_up_to(mut stream: ByteStream, limit: u64) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(piece) = stream.next().await {
        all.extend_from_slice(&piece?);
        if all.len() as u64 > limit {
            return Err(io::Error::other(format!("it has more than {limit} bytes")));
        }
    }
    Ok(all)
}

/// The stdout of a command that has succeeded. `on_line` is called with every
/// line of its stderr, for which a human waits: without the secrets that can be
/// recognized.
pub(super) async fn read(
    node: &str,
    argv: &[String],
    mut events: ExecOutput,
    on_line: &(impl Fn(&str) + Send),
) -> Result<Vec<u8>, RunError> {
    let (mut stdout, mut both, mut line) = (Vec::new(), Vec::new(), Vec::new());
    // Which sees that a private key goes on from line to line.
    let mut concealer = Concealer::default();
    while let Some(event) = events.next().await {
        match event? {
            ExecEvent::Stdout(bytes) => {
                stdout.extend_from_slice(&bytes);
                both.extend_from_slice(&bytes);
            }
            ExecEvent::Stderr(bytes) => {
                both.extend_from_slice(&bytes);
                for byte in bytes {
                    if byte == b'\n' {
                        on_line(&concealer.line(&String::from_utf8_lossy(&line)));
                        line.clear();
                    } else {
                        line.push(byte);
                    }
                }
            }
            ExecEvent::Exit(0) => return Ok(stdout),
            ExecEvent::Exit(code) => return Err(failed(node, argv, code, &both)),
        }
    }
    Err(ended_early(node, argv).into())
}

/// The stdout of a command as a stream, which ends with an error if the command
/// fails or its exit code is missing.
pub(super) fn stdout(node: &str, argv: Vec<String>, events: ExecOutput) -> ByteStream {
    let node = node.to_owned();
    let pieces = futures_util::stream::unfold(Some((events, Vec::new())), move |state| {
        let (node, argv) = (node.clone(), argv.clone());
        async move {
            let (mut events, mut stderr) = state?;
            loop {
                let error = match events.next().await {
                    Some(Ok(ExecEvent::Stdout(bytes))) => {
                        return Some((Ok(bytes), Some((events, stderr))));
                    }
                    Some(Ok(ExecEvent::Stderr(bytes))) => {
                        stderr.extend_from_slice(&bytes);
                        continue;
                    }
                    Some(Ok(ExecEvent::Exit(0))) => return None,
                    Some(Ok(ExecEvent::Exit(code))) => failed(&node, &argv, code, &stderr),
                    Some(Err(error)) => error.into(),
                    None => ended_early(&node, &argv).into(),
                };
                return Some((Err(io::Error::other(error)), None));
            }
        }
    });
    pieces.boxed()
}

pub(super) fn failed(node: &str, argv: &[String], code: i64, output: &[u8]) -> RunError {
    RunError::Command {
        node: node.to_owned(),
        argv: argv.to_vec(),
        code,
        output: String::from_utf8_lossy(output).into_owned(),
    }
}

pub(super) fn ended_early(node: &str, argv: &[String]) -> EngineError {
    EngineError::other(
        format!("running {} in {node}", argv[0]),
        "the connection to the engine ended early",
    )
}

/// Whether the engine's runtime failed to start the command for a temporary
/// reason: on loaded machines "read init-p: connection reset by peer" was seen.
pub(super) fn never_started(output: &str) -> bool {
    output.contains("OCI runtime exec failed")
        && !["executable file not found", "no such file or directory", "permission denied"]
            .iter()
            .any(|lasting| output.contains(lasting))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;

    use super::*;

    fn events(events: &[ExecEvent]) -> ExecOutput {
        let events: Vec<_> = events.iter().cloned().map(Ok).collect();
        stream::iter(events).boxed()
    }

    fn out(text: &'static str) -> ExecEvent {
        ExecEvent::Stdout(Bytes::from_static(text.as_bytes()))
    }

    fn err(text: &'static str) -> ExecEvent {
        ExecEvent::Stderr(Bytes::from_static(text.as_bytes()))
    }

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

    #[tokio::test]
    async fn a_stream_of_stdout_ends_as_the_command_does() {
        let argv = vec!["tar".to_owned()];
        let all = |list: &[ExecEvent]| collect(stdout("n", argv.clone(), events(list)));
        let good = all(&[out("a"), err("note"), out("b"), ExecEvent::Exit(0)]).await;
        assert_eq!(good.unwrap(), b"ab");
        let failed = all(&[out("a"), err("no such file"), ExecEvent::Exit(2)]).await.unwrap_err();
        assert!(failed.to_string().contains("exit status 2"), "{failed}");
        let cut_off = all(&[out("a")]).await.unwrap_err();
        assert!(cut_off.to_string().contains("ended early"), "{cut_off}");
    }

    #[tokio::test]
    async fn a_failure_carries_all_output_and_lines_are_passed_on() {
        let lines = std::sync::Mutex::new(Vec::new());
        let on_line = |line: &str| lines.lock().unwrap().push(line.to_owned());
        let list = [err("one\ntw"), out("data"), err("o\n"), ExecEvent::Exit(1)];
        let error = read("n", &["x".to_owned()], events(&list), &on_line).await.unwrap_err();
        let RunError::Command { output, .. } = error else { panic!("{error}") };
        assert_eq!(output, "one\ntwdatao\n");
        assert_eq!(*lines.lock().unwrap(), ["one", "two"]);
    }

    #[tokio::test]
    async fn lines_have_no_secrets() {
        let lines = std::sync::Mutex::new(Vec::new());
        let on_line = |line: &str| lines.lock().unwrap().push(line.to_owned());
        let text =
            "password=s3cret\n-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n";
        let list = [err(text), ExecEvent::Exit(0)];
        read("n", &["x".to_owned()], events(&list), &on_line).await.unwrap();
        let shown = lines.lock().unwrap().concat();
        assert!(shown.starts_with("password=xxxxx") && !shown.contains("s3cret"), "{shown}");
    }
}
