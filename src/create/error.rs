//! Why a creation failed, and what it left.

use std::time::Duration;

use crate::admin_kubeconfig::AdminKubeconfigError;
use crate::bootstrap::BootstrapError;
use crate::component_config;
use crate::components::Crash;
use crate::context::RunError;
use crate::delete::DeleteFailure;
use crate::duration;
use crate::engine::EngineError;
use crate::kubeconfig;
use crate::preflight;
use crate::provision::ProvisionError;
use crate::pull::PullError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    /// Nothing is made.
    #[error(transparent)]
    Preflight(#[from] preflight::Refused),
    #[error(transparent)]
    Pull(#[from] PullError),
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// Components do not accept what the definition sets.
    #[error(transparent)]
    Settings(#[from] component_config::Refused),
    /// A component of a node cannot come up, or kubeadm failed.
    #[error(transparent)]
    Crash(#[from] Box<Crash>),
    /// The cluster stays.
    #[error(transparent)]
    NotUsable(#[from] NotUsable),
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

/// A cluster that kubeadm has finished is not usable in time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the cluster (Kubernetes {version}) is up but not usable yet after {}", duration::format(*.after))]
pub(crate) struct NotUsable {
    /// Of Kubernetes, such as `v1.37.2`.
    pub version: String,
    pub after: Duration,
    /// What is missing, and the pods behind it: at most ten lines.
    pub reasons: Vec<String>,
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
    /// A cluster: only the user's kubeconfig lacks it, or it is not usable yet
    /// ([`CreateError::NotUsable`]).
    Cluster,
}
