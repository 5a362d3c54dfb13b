//! Commands in containers: Docker's exec API.

use std::pin::Pin;
use std::time::Duration;

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::{StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::error;
use crate::engine::api::{ByteStream, Command, ExecEvent, ExecOutput};
use crate::engine::endpoint::Endpoint;
use crate::engine::error::{EngineError, Result};

/// The output can end a moment before the engine knows the exit code.
const EXIT_CODE_ATTEMPTS: u32 = 200;
const EXIT_CODE_PAUSE: Duration = Duration::from_millis(25);

/// A command, for its error messages.
#[derive(Clone)]
struct Exec {
    docker: Docker,
    endpoint: Endpoint,
    what: String,
}

/// Runs a command in a container.
///
/// # Errors
/// Returns the engine's error if it does not start the command.
pub(super) async fn run(
    docker: &Docker,
    endpoint: &Endpoint,
    container: &str,
    command: Command,
    stdin: Option<ByteStream>,
) -> Result<ExecOutput> {
    let program = command.argv.first().map_or("", String::as_str);
    let what = format!("running {program} in {container}");
    let exec = Exec { docker: docker.clone(), endpoint: endpoint.clone(), what };
    let config = ExecConfig {
        cmd: Some(command.argv),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        attach_stdin: Some(stdin.is_some()),
        privileged: Some(true),
        ..Default::default()
    };
    let created = docker.create_exec(container, config).await.map_err(|e| exec.failed(e))?;
    let options = StartExecOptions { output_capacity: Some(64 * 1024), ..Default::default() };
    let started = docker.start_exec(&created.id, Some(options)).await;
    let StartExecResults::Attached { output, input } = started.map_err(|e| exec.failed(e))? else {
        return Err(EngineError::other(exec.what, "the engine detached the command"));
    };
    if let Some(stdin) = stdin {
        // Concurrent with reading the output: a command may write before it has
        // read all of its input.
        tokio::spawn(write_all(stdin, input));
    }
    let on_output = exec.clone();
    let output = output.map(move |piece| match piece {
        Ok(LogOutput::StdErr { message }) => Ok(ExecEvent::Stderr(message)),
        Ok(other) => Ok(ExecEvent::Stdout(other.into_bytes())),
        Err(error) => Err(on_output.failed(error)),
    });
    let exit = stream::once(async move { exec.exit_code(&created.id).await.map(ExecEvent::Exit) });
    Ok(output.chain(exit).boxed())
}

async fn write_all(mut stdin: ByteStream, mut input: Pin<Box<dyn AsyncWrite + Send>>) {
    while let Some(Ok(piece)) = stdin.next().await {
        if input.write_all(&piece).await.is_err() {
            break;
        }
    }
    // Dropping it does not close the command's stdin.
    let _ = input.shutdown().await;
}

impl Exec {
    async fn exit_code(&self, id: &str) -> Result<i64> {
        for _ in 0..EXIT_CODE_ATTEMPTS {
            let state = self.docker.inspect_exec(id).await.map_err(|e| self.failed(e))?;
            if let (Some(code), false) = (state.exit_code, state.running.unwrap_or(false)) {
                return Ok(code);
            }
            tokio::time::sleep(EXIT_CODE_PAUSE).await;
        }
        Err(EngineError::other(self.what.clone(), "the command ended without an exit code"))
    }

    fn failed(&self, error: bollard::errors::Error) -> EngineError {
        error::classify(&self.endpoint, self.what.clone(), error)
    }
}
