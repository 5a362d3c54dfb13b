//! What the kernel of the engine's host can do for kube-proxy, where only a node can tell.

use super::error::ProvisionError;
use super::host::HostError;
use crate::context::RunError;
use crate::engine::Command;
use crate::node::NodeHandle;

/// Asks a node that runs, which shares the kernel of the engine's host.
///
/// # Errors
/// Returns [`HostError::NoIpvs`], or the error of the command.
pub(crate) async fn check_in_node(node: &NodeHandle) -> Result<(), ProvisionError> {
    // Nodes have the host's modules. Where modprobe cannot load one, the kernel
    // itself does when somebody asks for it, as kube-proxy will.
    let script =
        "f=/proc/net/ip_vs; test -e $f || modprobe ip_vs || genl ctrl get name IPVS; test -e $f";
    match node.run(Command::new(["sh", "-c", script])).await {
        Err(RunError::Command { .. }) => Err(HostError::NoIpvs.into()),
        ran => Ok(ran.map(drop)?),
    }
}
