//! A definition settled: the images and the program that balances API servers
//! decided, before anything is planned.
//!
//! `create cluster` and its `--dry-run` plan from the same settled cluster.

use crate::cluster::Cluster;
use crate::context::{Context, RunError};
use crate::engine::Host;
use crate::node_image::{self, Choice};
use crate::plan::{ApiBalancer, SettledCluster};

/// Gives nodes without an image one; returns which, unless every node has one.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(crate) async fn choose_images(
    ctx: &Context,
    cluster: &mut Cluster,
) -> Result<Option<Choice>, RunError> {
    if cluster.nodes.iter().all(|node| node.image.is_some()) {
        return Ok(None);
    }
    let choice = node_image::choose(ctx).await?;
    fill_in(cluster, &choice.image);
    Ok(Some(choice))
}

/// Settles a cluster whose nodes have their images, which the engine should
/// have by now: what they contain decides.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(crate) async fn settle(
    ctx: &Context,
    cluster: Cluster,
    host: Host,
) -> Result<SettledCluster, RunError> {
    let image = cluster.nodes[cluster.first_control_plane()].image.clone().unwrap_or_default();
    let api_balancer = match cluster.has_load_balancer() {
        true => Some(node_image::api_balancer(ctx, &image).await?),
        false => None,
    };
    Ok(SettledCluster { cluster, host, api_balancer })
}

/// What holds on most machines, for where no engine can be asked.
pub(crate) fn assume(mut cluster: Cluster) -> SettledCluster {
    fill_in(&mut cluster, node_image::PUBLISHED);
    let api_balancer = cluster.has_load_balancer().then_some(ApiBalancer::Envoy);
    SettledCluster { cluster, host: Host::default(), api_balancer }
}

fn fill_in(cluster: &mut Cluster, image: &str) {
    for node in &mut cluster.nodes {
        node.image.get_or_insert_with(|| image.to_owned());
    }
}
