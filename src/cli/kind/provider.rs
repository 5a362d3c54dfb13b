//! The variables that choose kind's engine and its network
//! (kind v0.33.0, `pkg/internal/runtime/runtime.go` and
//! `pkg/cluster/internal/providers/docker/provider.go`).

use crate::diagnose::Failure;
use crate::progress::Progress;

/// Names the engine.
pub(crate) const VARIABLE: &str = "KIND_EXPERIMENTAL_PROVIDER";
/// Names the network of nodes.
pub(crate) const NETWORK_VARIABLE: &str = "KIND_EXPERIMENTAL_DOCKER_NETWORK";

/// Checks the value of [`VARIABLE`].
///
/// # Errors
/// Fails for a provider that kind supports and skiff does not.
pub(crate) fn check(value: Option<&str>, progress: &Progress) -> Result<(), Failure> {
    match value {
        None => Ok(()),
        Some("docker") => {
            progress.warn(format!("using docker due to {VARIABLE}"));
            Ok(())
        }
        Some(other @ ("podman" | "nerdctl" | "finch" | "nerdctl.lima")) => {
            Err(Failure::new(format!("{VARIABLE} asks for {other}, which is not supported"))
                .hint(format!("unset {VARIABLE} to use Docker"))
                .hint("to use another engine with Docker's API, set DOCKER_HOST"))
        }
        Some(other) => {
            progress.warn(format!("ignoring unknown value {other:?} for {VARIABLE}"));
            Ok(())
        }
    }
}
