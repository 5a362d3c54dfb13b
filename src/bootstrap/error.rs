//! Why kubeadm could not make nodes a cluster.

use crate::cluster::Place;
use crate::context::RunError;
use crate::provision::host::HostError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum BootstrapError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("image {0} is not a node image: {1}")]
    NotANodeImage(String, String),
    #[error("cannot generate the kubeadm configuration of {node}: {reason}")]
    Patch { node: String, reason: String },
    #[error("containerd on {node} refuses its patched configuration")]
    Containerd { node: String, output: String, place: Place },
    #[error("cannot use {what} of {node}: {reason}")]
    Unreadable { node: String, what: &'static str, reason: String },
}
