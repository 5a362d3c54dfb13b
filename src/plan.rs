//! A cluster definition turned into containers: pure, so that it can be
//! printed, compared and tested without an engine.

mod api_balancer;
mod container;
pub(crate) mod proxy;
mod settled;

use crate::cluster::{Node, Role};
use crate::engine::ContainerSpec;

pub(crate) use container::{published, published_api};
pub(crate) use settled::{ApiBalancer, PlanInput, SettledCluster};

/// A cluster as containers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// In the definition's order.
    pub nodes: Vec<PlannedNode>,
    /// Position of the node that runs `kubeadm init`.
    first: usize,
    /// In front of the API servers, where there are several.
    pub api_balancer: Option<ContainerSpec>,
}

impl Plan {
    /// The node that runs `kubeadm init`.
    pub(crate) fn first_control_plane(&self) -> &PlannedNode {
        &self.nodes[self.first]
    }

    /// The nodes of a role that join, all but [`Self::first_control_plane`].
    pub(crate) fn others(&self, role: Role) -> Vec<&PlannedNode> {
        let nodes = self.nodes.iter().enumerate();
        let joining = nodes.filter(|(at, node)| *at != self.first && node.node.role == role);
        joining.map(|(_, node)| node).collect()
    }

    pub(crate) fn containers(&self) -> impl Iterator<Item = &ContainerSpec> {
        self.nodes.iter().map(|node| &node.container).chain(&self.api_balancer)
    }

    pub(crate) fn containers_mut(&mut self) -> impl Iterator<Item = &mut ContainerSpec> {
        self.nodes.iter_mut().map(|node| &mut node.container).chain(&mut self.api_balancer)
    }
}

/// A node and the container that will be it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlannedNode {
    pub node: Node,
    pub container: ContainerSpec,
}

/// Host ports that skiff is to pick are still open in it;
/// [`crate::provision::ports`] fills them in.
pub(crate) fn plan(settled: &SettledCluster, input: &PlanInput) -> Plan {
    let planned = settled.cluster.named_nodes().map(|(name, node)| PlannedNode {
        node: node.clone(),
        container: container::container(settled, node, name, input),
    });
    let api_balancer = settled.api_balancer.as_ref();
    Plan {
        nodes: planned.collect(),
        first: settled.cluster.first_control_plane(),
        api_balancer: api_balancer.map(|program| api_balancer::container(settled, program, input)),
    }
}

#[cfg(test)]
mod tests;
