//! Why a creation failed, and what it left.

use crate::admin_kubeconfig::AdminKubeconfigError;
use crate::bootstrap::BootstrapError;
use crate::component_config::Refused;
use crate::components::Crash;
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
    /// Components do not accept what the definition sets.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A component of a node cannot come up, or kubeadm failed.
    #[error(transparent)]
    Crash(#[from] Box<Crash>),
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

/// A failed creation: the first error, and what is there afterwards.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The name of the cluster.
    pub cluster: String,
    pub error: CreateError,
    pub remains: Remains,
}

/// What a failed creation leaves.
#[derive(Debug)]
pub(crate) enum Remains {
    Nothing,
    /// What could not be removed, and why.
    Unremoved(Vec<DeleteFailure>),
    /// The nodes, because the caller wants to look at them.
    Nodes,
    /// A cluster that works; only the user's kubeconfig lacks it.
    Cluster,
}
