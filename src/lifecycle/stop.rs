//! `stop cluster`: every container ends by itself, and the engine does not start it
//! again.

use std::time::Duration;

use super::{LifecycleError, Outcome, each, existing, set_restart, thaw};
use crate::context::{Context, RunError};
use crate::engine::{Restart, RunStatus};
use crate::inventory::{ClusterState, ExistingCluster, ExistingNode, Group};

/// How long a container may take to end before it is killed. skiff's node image takes
/// 3 s, more on a busy machine. kindest/node never ends by itself: its init waits for
/// API servers, which wait for their clients. etcd has closed its files long before.
const LIMIT: Duration = Duration::from_secs(15);
/// 128 and the number of SIGKILL.
const KILLED: i64 = 137;

/// Stops a cluster: workers, then control-planes, then the API balancer.
///
/// # Errors
/// Returns [`LifecycleError`]. What has ended stays so.
pub(crate) async fn stop(ctx: &Context, name: &str) -> Result<Outcome, LifecycleError> {
    ctx.scope(async |ctx| {
        let cluster = existing(ctx, name).await?;
        let is_stopped = cluster.state() == ClusterState::Stopped;
        // First, so that nothing that has ended is started by the engine meanwhile.
        let all: Vec<&ExistingNode> = cluster.nodes.iter().collect();
        each(&all, async |node| set_restart(ctx, &node.name, kept_stopped(node)).await).await?;
        if is_stopped {
            return Ok(Outcome::NothingToDo);
        }
        let killed = stop_groups(ctx, &cluster).await?;
        if !killed.is_empty() {
            ctx.progress.info(format!(
                "Killed, because they did not shut down within {} s: {}",
                LIMIT.as_secs(),
                killed.join(", ")
            ));
        }
        Ok(Outcome::Done)
    })
    .await
}

/// With `unless-stopped`, a container that is started by hand later is as before. Of one
/// that ended by itself the engine does not know that it was to stop.
fn kept_stopped(node: &ExistingNode) -> Restart {
    match node.status {
        RunStatus::Stopped => Restart::Never,
        RunStatus::Running | RunStatus::Paused | RunStatus::Restarting => Restart::UnlessStopped,
    }
}

/// Returns the names of those that were killed.
async fn stop_groups(
    ctx: &Context,
    cluster: &ExistingCluster,
) -> Result<Vec<String>, LifecycleError> {
    // What is frozen could neither end nor answer those that end before it.
    for (_, nodes) in cluster.groups().iter().rev() {
        each(nodes, async |node| thaw(ctx, node).await).await?;
    }
    let mut killed = Vec::new();
    for (group, mut nodes) in cluster.groups() {
        nodes.retain(|node| node.status != RunStatus::Stopped);
        if nodes.is_empty() {
            continue;
        }
        let step = ctx.progress.step(title(group));
        let codes = each(&nodes, async |node| stop_container(ctx, &node.name).await).await?;
        step.done();
        let ended = nodes.iter().zip(codes);
        let of_group = ended.filter(|(_, code)| *code == Some(KILLED));
        killed.extend(of_group.map(|(node, _)| node.name.clone()));
    }
    Ok(killed)
}

fn title(group: Group) -> &'static str {
    match group {
        Group::Workers => "Stopping worker nodes 🚜",
        Group::ControlPlanes => "Stopping control-plane nodes 🕹",
        Group::LoadBalancers => "Stopping the API balancer ⚖",
    }
}

/// Returns its exit code. When the operation is cancelled, the engine has asked the
/// container to end, which goes on.
async fn stop_container(ctx: &Context, name: &str) -> Result<Option<i64>, RunError> {
    ctx.interruptible(ctx.engine.stop_container(name, LIMIT)).await?;
    Ok(ctx.interruptible(ctx.engine.inspect(name)).await?.exit_code)
}
