//! Why a cluster could not be stopped, started or paused.

use std::fmt;
use std::time::Duration;

use crate::components::Crash;
use crate::context::RunError;
use crate::duration;
use crate::inventory::NotRunning;
use crate::kubeconfig;
use crate::provision::ProvisionError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum LifecycleError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("unknown cluster {0:?}")]
    Unknown(String),
    /// As after a creation or a deletion that was cut off.
    #[error("cluster {0:?} has no control-plane")]
    NoControlPlane(String),
    #[error(transparent)]
    NotRunning(#[from] NotRunning),
    #[error("a port of {container} is in use: {reason}")]
    PortInUse { container: String, reason: String },
    #[error(transparent)]
    Boot(#[from] ProvisionError),
    /// A component of a node cannot come up.
    #[error(transparent)]
    Crash(#[from] Box<Crash>),
    #[error(transparent)]
    Kubeconfig(#[from] kubeconfig::Error),
    #[error("the cluster is not usable after {}: {}", duration::format(*.after), .missing.join("; "))]
    NotUsable { after: Duration, missing: Vec<String> },
}

/// One of the five operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Stop,
    Start,
    Restart,
    Pause,
    Unpause,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Action::Stop => "stop",
            Action::Start => "start",
            Action::Restart => "restart",
            Action::Pause => "pause",
            Action::Unpause => "unpause",
        })
    }
}

/// An operation that failed. What it has done stays.
#[derive(Debug)]
pub(crate) struct Failed {
    pub action: Action,
    /// The name of the cluster.
    pub cluster: String,
    pub error: LifecycleError,
}
