//! `pause cluster` and `unpause cluster`: the engine freezes all processes. Their
//! memory stays, and they get no processor time.

use std::time::Duration;

use tokio::time::Instant;

use super::{LifecycleError, Outcome, each, existing, thaw};
use crate::context::{Context, RunError};
use crate::engine::RunStatus;
use crate::inventory::{ClusterState, ExistingNode, Need};
use crate::kube::KubeClient;
use crate::node::NodeHandle;

/// How long the API server may take to answer again. It usually does at once.
const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

/// Freezes a cluster: workers, then control-planes, then the API balancer.
///
/// # Errors
/// Returns [`LifecycleError::NotRunning`] if a container is stopped, or the engine's
/// error. What is frozen stays so.
pub(crate) async fn pause(ctx: &Context, name: &str) -> Result<Outcome, LifecycleError> {
    ctx.scope(async |ctx| {
        let cluster = existing(ctx, name).await?;
        cluster.check(Need::Pause)?;
        if cluster.state() == ClusterState::Paused {
            return Ok(Outcome::NothingToDo);
        }
        let step = ctx.progress.step("Pausing nodes ⏸");
        for (_, nodes) in cluster.groups() {
            each(&nodes, async |node| freeze(ctx, node).await).await?;
        }
        step.done();
        Ok(Outcome::Done)
    })
    .await
}

async fn freeze(ctx: &Context, node: &ExistingNode) -> Result<(), RunError> {
    if node.status != RunStatus::Running {
        return Ok(());
    }
    let (engine, name) = (ctx.engine.clone(), node.name.clone());
    ctx.run_to_completion(async move { engine.pause_container(&name).await }).await
}

/// Lets a cluster go on, in the opposite order, and waits until its API server
/// answers.
///
/// # Errors
/// Returns [`LifecycleError::NotRunning`] if a container is stopped,
/// [`LifecycleError::NotUsable`] if the API server does not answer, or the engine's
/// error. What goes on does so.
pub(crate) async fn unpause(ctx: &Context, name: &str) -> Result<Outcome, LifecycleError> {
    ctx.scope(async |ctx| {
        let cluster = existing(ctx, name).await?;
        cluster.check(Need::Unpause)?;
        if cluster.state() == ClusterState::Running {
            return Ok(Outcome::NothingToDo);
        }
        let step = ctx.progress.step("Unpausing nodes ▶");
        for (_, nodes) in cluster.groups().iter().rev() {
            each(nodes, async |node| thaw(ctx, node).await).await?;
        }
        if let Some(plane) = cluster.control_plane() {
            wait_for_api(ctx, &plane.name).await?;
        }
        step.done();
        Ok(Outcome::Done)
    })
    .await
}

async fn wait_for_api(ctx: &Context, plane: &str) -> Result<(), LifecycleError> {
    let kube = KubeClient::new(NodeHandle::new(ctx, plane));
    let ask = async || match kube.get_raw("/readyz").await {
        Ok(_) => Ok(None),
        Err(RunError::Command { output, .. }) => {
            Ok(Some(format!("the API server: {}", output.lines().last().unwrap_or("no answer"))))
        }
        Err(error) => Err(error),
    };
    match ctx.poll_until(Instant::now() + LIMIT, PAUSE, ask).await? {
        None => Ok(()),
        Some(missing) => Err(LifecycleError::NotUsable { after: LIMIT, missing: vec![missing] }),
    }
}
