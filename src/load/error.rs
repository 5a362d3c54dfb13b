//! Why images cannot be loaded.

use crate::context::RunError;
use crate::engine::EngineError;
use crate::image::InvalidReference;
use crate::image::archive::ArchiveError;
use crate::inventory::NotRunning;

/// Why images cannot be loaded, listed or removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("no nodes found for cluster {0:?}")]
    NoNodes(String),
    #[error("unknown node: {name:?}")]
    UnknownNode { name: String, nodes: Vec<String> },
    #[error(transparent)]
    NotRunning(#[from] NotRunning),
    #[error("image: {name:?} not present locally")]
    NotPresent { name: String, similar: Vec<String> },
    #[error("image {name:?} is not on any node of cluster {cluster:?}")]
    NotOnNodes { name: String, cluster: String, similar: Vec<String> },
    #[error(transparent)]
    Name(#[from] InvalidReference),
    #[error("cannot read {path}: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("cannot load {path}: {error}")]
    Archive { path: String, error: ArchiveError },
    /// `output` is everything that the command in the node wrote.
    #[error("loading on {node} failed: {reason}")]
    Failed { node: String, reason: String, output: String },
}

impl LoadError {
    /// A failure on a node. The last line that a command wrote is the reason.
    pub(crate) fn on_node(node: &str, error: RunError) -> LoadError {
        let RunError::Command { ref output, code, .. } = error else {
            return LoadError::Run(error);
        };
        let last = output.lines().rfind(|line| !line.trim().is_empty());
        let reason =
            last.map_or_else(|| format!("exit status {code}"), |line| line.trim().to_owned());
        LoadError::Failed { node: node.to_owned(), reason, output: output.clone() }
    }
}

impl From<EngineError> for LoadError {
    fn from(error: EngineError) -> Self {
        LoadError::Run(error.into())
    }
}
