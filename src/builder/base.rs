//! The Debian image that the builder runs in.

use futures_util::StreamExt;
use tokio_util::io::ReaderStream;

use super::error::BuildError;
use crate::context::Context;
use crate::pull::{self, PullError};

const PULLED_BASE: &str = "debian:trixie-slim";
const OWN_BASE: &str = "skiff/debian:trixie";

/// Returns the name of an image that the engine has, else pulls one, else has
/// the host's mmdebstrap make one.
///
/// # Errors
/// Returns [`BuildError::NoBase`] if no Debian image can be pulled or built, or the
/// engine's error.
pub(super) async fn ensure(ctx: &Context, mirror: Option<&str>) -> Result<String, BuildError> {
    for image in [OWN_BASE, PULLED_BASE] {
        if ctx.interruptible(ctx.engine.image(image)).await?.is_some() {
            return Ok(image.to_owned());
        }
    }
    let pull_failed = match pull::ensure(ctx, PULLED_BASE).await {
        Ok(()) => return Ok(PULLED_BASE.to_owned()),
        Err(PullError::Failed { reason, .. }) => reason,
        Err(PullError::Run(error)) => return Err(error.into()),
    };
    let step = ctx.progress.step("Making a Debian image with mmdebstrap");
    let no_base = |reason: String| BuildError::NoBase {
        reason: format!("pulling {PULLED_BASE} failed ({pull_failed}), and mmdebstrap {reason}"),
    };
    let mut command = tokio::process::Command::new("mmdebstrap");
    command
        .args(["--quiet", "--variant=minbase", r#"--aptopt=Acquire::Retries "3""#, "trixie", "-"])
        .args(mirror);
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|e| no_base(format!("cannot be started: {e}")))?;
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(no_base("has no output".into()));
    };
    let messages = tokio::spawn(async move {
        let mut text = String::new();
        let _ = tokio::io::AsyncReadExt::read_to_string(&mut stderr, &mut text).await;
        text
    });
    let imported = ctx
        .interruptible(ctx.engine.import_image(OWN_BASE, &[], ReaderStream::new(stdout).boxed()))
        .await;
    if imported.is_err() {
        // It would go on, and wait for a reader.
        let _ = child.start_kill();
    }
    let status = child.wait().await;
    let messages = messages.await.unwrap_or_default();
    if !status.is_ok_and(|s| s.success()) {
        // Half an archive becomes an image, too.
        let _ = ctx.clean_up(ctx.engine.remove_image(OWN_BASE)).await;
        imported.or(Err(no_base(format!("failed: {}", messages.trim()))))?;
        return Err(no_base(format!("failed: {}", messages.trim())));
    }
    imported?;
    step.done();
    Ok(OWN_BASE.to_owned())
}
