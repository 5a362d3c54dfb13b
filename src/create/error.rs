//! Why a creation failed, and what it left.

use crate::admin_kubeconfig::AdminKubeconfigError;
use crate::bootstrap::BootstrapError;
use crate::context::RunError;
use crate::delete::DeleteFailure;
use crate::engine::EngineError;
use crate::kubeconfig;
use crate::provision::ProvisionError;
use crate::pull::PullError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    #[error(transparent)]
    Pull(#[from] PullError),
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    #[error(transparent)]
    Kubeconfig(#[from] kubeconfig::Error),
    #[error(transparent)]
    AdminKubeconfig(#[from] AdminKubeconfigError),
    #[error(transparent)]
    Run(#[from] RunError),
}

impl From<EngineError> for CreateError {
    fn from(error: EngineError) -> Self {
        CreateError::Run(error.into())
    }
}

/// A failed creation: the first error, and what cleaning up afterwards did.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The name of the cluster.
    pub cluster: String,
    pub error: CreateError,
    /// Nodes were kept on purpose.
    pub retained: bool,
    /// Why nodes are left that should have been removed; empty if none is.
    pub cleanup: Vec<DeleteFailure>,
}
