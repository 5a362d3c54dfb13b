//! Clusters and nodes as `get` and `status` show them: the JSON that programs rely on,
//! in which fields may be added, and the table for people.

use std::time::{Duration, SystemTime};

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::engine::RunStatus;
use crate::inventory::{ClusterState, ExistingCluster, ExistingNode};
use crate::load::ListedImage;

#[derive(Serialize)]
pub(super) struct ClusterView<'a> {
    name: &'a str,
    /// `running`, `paused`, `stopped`, `mixed` or `damaged`.
    state: &'static str,
    /// Such as `v1.37.2`; null if neither image nor labels tell it.
    kubernetes: Option<&'a str>,
    /// In RFC 3339, in UTC.
    created: Option<String>,
    nodes: Vec<NodeView<'a>>,
}

impl<'a> ClusterView<'a> {
    pub(super) fn of(cluster: &'a ExistingCluster) -> Self {
        ClusterView {
            name: &cluster.name,
            state: state(cluster.state()),
            kubernetes: cluster.kubernetes(),
            created: cluster.created().and_then(rfc3339),
            nodes: cluster.nodes.iter().map(NodeView::of).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct NodeView<'a> {
    name: &'a str,
    /// `control-plane`, `worker` or `external-load-balancer`.
    role: String,
    /// `running`, `paused`, `restarting` or `stopped`.
    state: &'static str,
    image: &'a str,
}

impl<'a> NodeView<'a> {
    pub(super) fn of(node: &'a ExistingNode) -> Self {
        NodeView {
            name: &node.name,
            role: node.role.to_string(),
            state: node_state(node.status),
            image: &node.image,
        }
    }
}

#[derive(Serialize)]
pub(super) struct ImageView<'a> {
    name: &'a str,
    digest: &'a str,
    /// Such as `12.3 MiB`.
    size: &'a str,
    /// The nodes on which the name means this content.
    nodes: &'a [String],
}

impl<'a> ImageView<'a> {
    pub(super) fn of(image: &'a ListedImage) -> Self {
        let ListedImage { name, digest, size, nodes } = image;
        ImageView { name, digest, size, nodes }
    }
}

/// With a heading; `now` is the time since 1970. A load balancer is no node here.
pub(super) fn table(clusters: &[ExistingCluster], now: Duration) -> Vec<[String; 5]> {
    let row = |cluster: &ExistingCluster| {
        let nodes = cluster.nodes.iter().filter(|node| node.role.is_kubernetes_node()).count();
        [
            cluster.name.clone(),
            nodes.to_string(),
            cluster.kubernetes().unwrap_or("-").to_owned(),
            state(cluster.state()).to_owned(),
            cluster_age(cluster, now),
        ]
    };
    let heading = ["NAME", "NODES", "KUBERNETES", "STATE", "AGE"].map(str::to_owned);
    std::iter::once(heading).chain(clusters.iter().map(row)).collect()
}

pub(super) fn node_state(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Paused => "paused",
        RunStatus::Restarting => "restarting",
        RunStatus::Stopped => "stopped",
    }
}

pub(super) fn state(state: ClusterState) -> &'static str {
    match state {
        ClusterState::Running => "running",
        ClusterState::Paused => "paused",
        ClusterState::Stopped => "stopped",
        ClusterState::Mixed => "mixed",
        ClusterState::Damaged => "damaged",
    }
}

/// The time since 1970.
pub(super) fn since_1970(now: SystemTime) -> Duration {
    now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

pub(super) fn rfc3339(seconds: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
}

/// The time since it was created; `now` is the time since 1970.
pub(super) fn cluster_age(cluster: &ExistingCluster, now: Duration) -> String {
    let created = cluster.created().and_then(|seconds| u64::try_from(seconds).ok());
    let age = created.map(|seconds| age(now.saturating_sub(Duration::from_secs(seconds))));
    age.unwrap_or_else(|| "-".into())
}

/// As kubectl shows ages: one unit, for short times with more precision.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::NodeRole;

    #[test]
    fn a_load_balancer_is_no_node_in_the_table() {
        let node = |name: &str, role| ExistingNode {
            created: 1000,
            kubernetes: Some("v1.37.2".into()),
            ..ExistingNode::new(name, role, RunStatus::Running)
        };
        let nodes = vec![
            node("lab-control-plane", NodeRole::ControlPlane),
            node("lab-external-load-balancer", NodeRole::LoadBalancer),
        ];
        let lab = ExistingCluster { name: "lab".into(), nodes };
        let rows = table(&[lab], Duration::from_secs(1090));
        assert_eq!(rows[1], ["lab", "1", "v1.37.2", "running", "90s"]);
    }

    #[test]
    fn ages_and_moments_are_readable() {
        for (seconds, shown) in
            [(0, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172_800, "2d")]
        {
            assert_eq!(age(Duration::from_secs(seconds)), shown);
        }
        assert_eq!(rfc3339(1_764_086_400).unwrap(), "2025-11-25T16:00:00Z");
    }
}
