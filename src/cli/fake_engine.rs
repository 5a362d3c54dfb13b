//! Runs the program on an engine in memory, for tests: the feature `fake-engine`
//! adds this, and `SKIFF_FAKE_ENGINE` names a script
//! ([`crate::engine::fake::Script`]).

use tokio::runtime;
use tokio_util::sync::CancellationToken;

use crate::diagnose::{Failure, Kind};
use crate::engine::fake::{FakeEngine, Script};
use crate::environment;

#[cfg(not(debug_assertions))]
compile_error!("the feature fake-engine is for tests only");

const VARIABLE: &str = "SKIFF_FAKE_ENGINE";

/// The engine of the script, if the variable is set.
///
/// # Errors
/// Fails if the script cannot be read, or is invalid.
pub(super) fn from_environment(cancel: &CancellationToken) -> Result<Option<FakeEngine>, Failure> {
    let Some(path) = environment::variable(VARIABLE) else { return Ok(None) };
    let invalid =
        |reason: String| Failure::new(Kind::Other, format!("{VARIABLE}={path}: {reason}"));
    let text = std::fs::read_to_string(&path).map_err(|e| invalid(e.to_string()))?;
    Ok(Some(Script::parse(&text).map_err(invalid)?.engine(cancel)))
}

/// On an engine in memory one thread, so that nodes take their steps in the
/// same order every time.
pub(super) fn runtime() -> runtime::Builder {
    match environment::variable(VARIABLE) {
        Some(_) => runtime::Builder::new_current_thread(),
        None => runtime::Builder::new_multi_thread(),
    }
}
