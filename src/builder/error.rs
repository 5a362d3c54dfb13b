//! Why an image could not be built.

use crate::context::RunError;
use crate::engine::EngineError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum BuildError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(
        "the engine runs on {host}; an image for {wanted} must be built by an engine of that architecture"
    )]
    OtherArchitecture { host: String, wanted: String },
    #[error("no Debian image to build in: {reason}")]
    NoBase { reason: String },
    #[error("building the {what} failed: {last}")]
    Failed { what: &'static str, last: String, output: String },
}

impl From<EngineError> for BuildError {
    fn from(error: EngineError) -> Self {
        BuildError::Run(error.into())
    }
}
