//! Whether a cluster runs, and what each command needs of it. This is the table of
//! every state and every command:
//!
//! | command | needs | otherwise |
//! | --- | --- | --- |
//! | `get clusters`, `get nodes` | nothing | |
//! | `delete cluster`, `delete clusters` | nothing: what is paused or stopped goes, too | |
//! | `stop`, `start`, `restart` | nothing: what is done already is left out | |
//! | `export logs` | nothing: of a node that does not run only the engine's own records | |
//! | `create cluster` | that no container has the cluster's label | refused, whatever the state |
//! | `kubectl`, `get kubeconfig`, `export kubeconfig` | [`Need::PublishedApi`] | [`NotRunning`] |
//! | `addon` | [`Need::Api`] | [`NotRunning`] |
//! | `load`, `get images`, `delete image` | [`Need::Nodes`] | [`NotRunning`] |
//! | `pause` | [`Need::Pause`]: no container is stopped | [`NotRunning`] |
//! | `unpause` | [`Need::Unpause`]: no container is stopped | [`NotRunning`] |
//!
//! `pause` and `unpause` act on whole clusters: of one that is partly stopped they
//! would leave a third state behind.

use super::{ExistingCluster, ExistingNode, NodeRole};
use crate::engine::RunStatus;

/// Whether a cluster runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClusterState {
    Running,
    Paused,
    Stopped,
    /// Its containers differ, or the engine starts one again.
    Mixed,
    /// It lacks a container that all others need: a control-plane, or the API balancer
    /// in front of several.
    Damaged,
}

/// What a command needs of a cluster that exists.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Need<'a> {
    /// A control-plane that answers, asked from inside.
    Api,
    /// That, and the container which publishes the API server's port.
    PublishedApi,
    /// These nodes; every Kubernetes node if there are no names.
    Nodes(&'a [String]),
    /// That it can be paused.
    Pause,
    /// That it can go on.
    Unpause,
}

/// A cluster does not have what a command needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", describe(.cluster, *.state, .containers))]
pub(crate) struct NotRunning {
    pub cluster: String,
    /// Of the whole cluster.
    pub state: ClusterState,
    /// Those that are needed and do not run, by name.
    pub containers: Vec<(String, RunStatus)>,
}

impl NotRunning {
    /// Whether `unpause` is enough: nothing is stopped.
    pub(crate) fn is_paused(&self) -> bool {
        self.state == ClusterState::Paused
            || self.containers.iter().all(|(_, status)| *status == RunStatus::Paused)
    }
}

impl ExistingCluster {
    /// What all of its containers have in common, if it has all that it needs.
    pub(crate) fn state(&self) -> ClusterState {
        let all = |status| self.nodes.iter().all(|node| node.status == status);
        let planes = self.nodes.iter().filter(|node| node.role == NodeRole::ControlPlane).count();
        match () {
            () if planes == 0 || planes > 1 && self.load_balancer().is_none() => {
                ClusterState::Damaged
            }
            () if all(RunStatus::Running) => ClusterState::Running,
            () if all(RunStatus::Paused) => ClusterState::Paused,
            () if all(RunStatus::Stopped) => ClusterState::Stopped,
            () => ClusterState::Mixed,
        }
    }

    /// Whether the cluster has what a command needs. A cluster without any container
    /// of the needed kind is the command's own concern.
    ///
    /// # Errors
    /// Returns [`NotRunning`] with the containers that are missing.
    pub(crate) fn check(&self, need: Need) -> Result<(), NotRunning> {
        let missing: Vec<&ExistingNode> = match need {
            Need::Api => self.control_plane().into_iter().collect(),
            Need::PublishedApi => {
                self.control_plane().into_iter().chain(self.api_entry()).collect()
            }
            Need::Nodes(names) => {
                let is_needed = |node: &&ExistingNode| {
                    node.role.is_kubernetes_node()
                        && (names.is_empty() || names.contains(&node.name))
                };
                self.nodes.iter().filter(is_needed).collect()
            }
            Need::Pause | Need::Unpause => {
                let is_down = |node: &&ExistingNode| {
                    !matches!(node.status, RunStatus::Running | RunStatus::Paused)
                };
                self.nodes.iter().filter(is_down).collect()
            }
        };
        let missing = missing.into_iter().filter(|node| !node.is_running());
        let mut containers: Vec<(String, RunStatus)> =
            missing.map(|node| (node.name.clone(), node.status)).collect();
        containers.dedup();
        match containers.is_empty() {
            true => Ok(()),
            false => {
                Err(NotRunning { cluster: self.name.clone(), state: self.state(), containers })
            }
        }
    }

    /// In the order in which they stop, those of a group at the same time: nothing
    /// ends before what needs it. What skiff does not know belongs to the workers.
    pub(crate) fn groups(&self) -> [(Group, Vec<&ExistingNode>); 3] {
        [Group::Workers, Group::ControlPlanes, Group::LoadBalancers].map(|group| {
            let members = self.nodes.iter().filter(|node| Group::of(&node.role) == group);
            (group, members.collect())
        })
    }
}

/// Containers that stop at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Workers,
    ControlPlanes,
    LoadBalancers,
}

impl Group {
    fn of(role: &NodeRole) -> Group {
        match role {
            NodeRole::ControlPlane => Group::ControlPlanes,
            NodeRole::LoadBalancer => Group::LoadBalancers,
            NodeRole::Worker | NodeRole::Other(_) => Group::Workers,
        }
    }
}

fn word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Paused => "paused",
        RunStatus::Restarting => "restarting",
        RunStatus::Stopped => "stopped",
    }
}

/// `cluster "lab" is stopped`, or which of its containers are in which state.
fn describe(cluster: &str, state: ClusterState, containers: &[(String, RunStatus)]) -> String {
    match state {
        ClusterState::Stopped => format!("cluster {cluster:?} is stopped"),
        ClusterState::Paused => format!("cluster {cluster:?} is paused"),
        ClusterState::Running | ClusterState::Mixed | ClusterState::Damaged => {
            let each =
                containers.iter().map(|(name, status)| format!("{name} is {}", word(*status)));
            format!("cluster {cluster:?} is not complete: {}", each.collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use RunStatus::{Paused, Restarting, Running, Stopped};

    use super::*;

    const ALL: [RunStatus; 4] = [Running, Paused, Restarting, Stopped];

    fn cluster(statuses: &[RunStatus]) -> ExistingCluster {
        let names = [
            ("c-control-plane", NodeRole::ControlPlane),
            ("c-worker", NodeRole::Worker),
            ("c-external-load-balancer", NodeRole::LoadBalancer),
        ];
        let nodes = names.into_iter().zip(statuses);
        let nodes = nodes.map(|((name, role), status)| ExistingNode::new(name, role, *status));
        ExistingCluster { name: "c".into(), nodes: nodes.collect() }
    }

    #[test]
    fn a_clusters_state_is_that_of_all_its_containers() {
        for (all, state) in [
            (&[Running, Running][..], ClusterState::Running),
            (&[Paused, Paused], ClusterState::Paused),
            (&[Stopped, Stopped], ClusterState::Stopped),
            (&[Running, Stopped], ClusterState::Mixed),
            (&[Running, Paused], ClusterState::Mixed),
            (&[Restarting], ClusterState::Mixed),
        ] {
            assert_eq!(cluster(all).state(), state, "{all:?}");
        }
    }

    /// Every state of three containers, and everything that a command can need.
    #[test]
    fn a_command_runs_if_what_it_needs_runs() {
        let worker = ["c-worker".to_owned()];
        for plane in ALL {
            for node in ALL {
                for balancer in ALL {
                    let found = cluster(&[plane, node, balancer]);
                    let allows = |need| found.check(need).is_ok();
                    let what = format!("{plane:?} {node:?} {balancer:?}");
                    assert_eq!(allows(Need::Api), plane == Running, "{what}");
                    let published = plane == Running && balancer == Running;
                    assert_eq!(allows(Need::PublishedApi), published, "{what}");
                    assert_eq!(allows(Need::Nodes(&worker)), node == Running, "{what}");
                    let nodes = plane == Running && node == Running;
                    assert_eq!(allows(Need::Nodes(&[])), nodes, "{what}");
                    let is_up = |status| matches!(status, Running | Paused);
                    let up = [plane, node, balancer].into_iter().all(is_up);
                    assert_eq!((allows(Need::Pause), allows(Need::Unpause)), (up, up), "{what}");
                }
            }
        }
    }

    #[test]
    fn what_is_missing_is_named_with_the_way_out() {
        let missing = |statuses: &[RunStatus]| {
            let missing = cluster(statuses).check(Need::PublishedApi).unwrap_err();
            (missing.to_string(), missing.is_paused())
        };
        let said = |text: &str, paused| (text.to_owned(), paused);
        assert_eq!(missing(&[Stopped; 3]), said("cluster \"c\" is stopped", false));
        assert_eq!(missing(&[Paused; 3]), said("cluster \"c\" is paused", true));
        assert_eq!(
            missing(&[Paused, Running, Running]),
            said("cluster \"c\" is not complete: c-control-plane is paused", true)
        );
        assert_eq!(
            missing(&[Restarting, Paused, Stopped]),
            said(
                "cluster \"c\" is not complete: c-control-plane is restarting, c-external-load-balancer is stopped",
                false
            )
        );
        // The control-plane publishes the port: it is named once.
        assert_eq!(missing(&[Stopped]), said("cluster \"c\" is stopped", false));
    }

    #[test]
    fn workers_stop_first_and_the_load_balancer_last() {
        let groups = cluster(&[Running; 3]);
        let names: Vec<Vec<&str>> = groups
            .groups()
            .into_iter()
            .map(|(_, nodes)| nodes.into_iter().map(|node| node.name.as_str()).collect())
            .collect();
        assert_eq!(names, [["c-worker"], ["c-control-plane"], ["c-external-load-balancer"]]);
    }
}
