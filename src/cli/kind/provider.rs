//! `KIND_EXPERIMENTAL_PROVIDER`, with which kind is told its engine.

use crate::diagnose::Failure;
use crate::progress::Progress;

pub const VARIABLE: &str = "KIND_EXPERIMENTAL_PROVIDER";

/// # Errors
/// A provider that kind knows and skiff does not.
pub fn check(value: Option<&str>, progress: &Progress) -> Result<(), Failure> {
    match value {
        None => Ok(()),
        Some("docker") => {
            progress.warn(format!("using docker due to {VARIABLE}"));
            Ok(())
        }
        Some(other @ ("podman" | "nerdctl" | "finch" | "nerdctl.lima")) => {
            Err(Failure::new(format!("{VARIABLE} asks for {other}, which is not supported"))
                .hint(format!("unset {VARIABLE} to use Docker"))
                .hint("an engine that answers Docker's API can be named with DOCKER_HOST"))
        }
        Some(other) => {
            progress.warn(format!("ignoring unknown value {other:?} for {VARIABLE}"));
            Ok(())
        }
    }
}
