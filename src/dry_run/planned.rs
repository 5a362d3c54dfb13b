//! Everything that a creation would make.

use crate::engine::NetworkSpec;
use crate::plan::Plan;

pub(super) struct Planned {
    pub plan: Plan,
    pub network: NetworkSpec,
    /// Of the network, if it exists.
    pub subnets: Vec<String>,
    /// For each node what kubeadm reads, a YAML stream.
    pub kubeadm: Vec<String>,
}
