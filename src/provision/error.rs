//! Why network or containers could not be made.

use super::host::HostError;
use crate::context::RunError;
use crate::engine::EngineError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum ProvisionError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("node(s) already exist for a cluster with the name {0:?}")]
    NameInUse(String),
    #[error("host port {address}:{port}/{protocol} is already in use")]
    PortInUse { address: String, port: u16, protocol: &'static str },
    #[error("node {node} did not boot: {reason}")]
    Boot { node: String, reason: String, log: String },
    /// The engine cannot create networks with IPv6, for its own `reason`.
    #[error("network {network:?} has no IPv6, which the cluster's ipFamily needs: {reason}")]
    NoIpv6 { network: String, reason: String },
    #[error("exhausted attempts trying to find a non-overlapping subnet for network {0:?}")]
    NoSubnet(String),
}

impl From<EngineError> for ProvisionError {
    fn from(error: EngineError) -> Self {
        ProvisionError::Run(error.into())
    }
}
