//! Why something with add-ons failed.

use std::time::Duration;

use crate::context::RunError;
use crate::duration;
use crate::engine::EngineError;
use crate::inventory::NotRunning;
use crate::load::LoadError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum AddonError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("unknown add-on {name:?}")]
    Unknown { name: String, similar: Vec<String>, known: Vec<String> },
    #[error("add-on {addon} has no image that can be built")]
    NotBuildable { addon: String },
    #[error("invalid add-on {path}: {problem}")]
    Definition { path: String, problem: String },
    #[error("add-on {addon}: {problem}")]
    Setting { addon: String, problem: String },
    #[error("no nodes found for cluster {0:?}")]
    NoCluster(String),
    #[error(transparent)]
    NotRunning(#[from] NotRunning),
    #[error("unexpected response from the API server: {reason}")]
    UnexpectedResponse { reason: String },
    #[error("the cluster has no node that {addon} can run on")]
    NoNode { addon: String },
    #[error("{addon} {version} requires Kubernetes {wanted}; the cluster runs {found}")]
    Incompatible { addon: String, version: String, wanted: String, found: String },
    #[error("{addon} needs port {port} of {node}, which pod {pod} uses")]
    PortInUse { addon: String, port: u16, node: String, pod: String },
    #[error(
        "image {image} is neither in the cluster nor in the local engine, and {node} cannot pull it: {reason}"
    )]
    NoImage { image: String, node: String, reason: String, built: Option<String> },
    #[error("pod {pod} cannot pull its image {image}: {reason}")]
    PodImage { pod: String, image: String, reason: String },
    #[error("objects of {addon} already exist, but `addon install {addon}` did not create them")]
    NotOwned { addon: String, objects: Vec<String> },
    #[error("another client has changed fields that {addon} sets")]
    Conflict { addon: String, output: String },
    #[error("the API server rejected objects of {addon}")]
    Rejected { addon: String, output: String },
    #[error("{addon} is not ready after {}: {missing}", duration::format(*.after))]
    NotReady { addon: String, after: Duration, missing: String, report: Vec<String> },
    #[error("cannot read the manifest {path}: {reason}")]
    Manifest { path: String, reason: String },
    #[error("{url} can be changed on its way: plain http needs a digest")]
    Unprotected { url: String },
    #[error("cannot download {url}: {reason}")]
    Download { url: String, reason: String },
    #[error("SHA-256 mismatch: {path} has {found}, expected {wanted}")]
    Checksum { path: String, found: String, wanted: String },
}

impl From<EngineError> for AddonError {
    fn from(error: EngineError) -> Self {
        AddonError::Run(error.into())
    }
}
