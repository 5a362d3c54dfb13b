//! `build node-image`: a node image from Debian packages and Go modules, where
//! none can be pulled. The recipe is embedded; the work happens in a throw-away
//! container of the engine.

mod build;
mod recipe;

use crate::engine::EngineError;
use crate::work::WorkError;

pub use build::{Options, Outcome, build};
pub use recipe::versions;

/// The Kubernetes version that is built when nobody says another one.
pub const DEFAULT_VERSION: &str = "v1.37.2";

/// The default name of an image built here.
pub fn reference(version: &str) -> String {
    format!("skiff/node:{version}")
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Work(#[from] WorkError),
    #[error("there is no recipe for Kubernetes {version}; there are: {}", versions().join(", "))]
    UnknownVersion { version: String },
    #[error("the engine runs on {host}; an image for {wanted} has to be built on such a machine")]
    OtherArchitecture { host: String, wanted: String },
    #[error("no Debian to build in: {reason}")]
    NoBase { reason: String },
    #[error("building the node image failed: {last}")]
    Failed { last: String, output: String },
}

impl From<EngineError> for BuildError {
    fn from(error: EngineError) -> Self {
        BuildError::Work(error.into())
    }
}
