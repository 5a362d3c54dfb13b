//! `stop`, `start`, `restart`, `pause` and `unpause`: clusters that exist, without
//! their containers being made or removed.
//!
//! Each operation reads how the containers are and does what is missing. So one that
//! failed or was interrupted goes on when it is run again, and one that has nothing
//! to do does nothing. Groups of containers follow each other
//! ([`ExistingCluster::groups`]): nothing ends before what needs it.

mod error;
mod pause;
mod start;
mod stop;

use futures_util::future::join_all;

use crate::context::{Context, RunError};
use crate::engine::{Restart, RunStatus};
use crate::inventory::{self, ExistingCluster, ExistingNode};

pub(crate) use error::{Action, Failed, LifecycleError};
pub(crate) use pause::{pause, unpause};
pub(crate) use start::{StartOptions, start};
pub(crate) use stop::stop;

/// What an operation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// The cluster was in that state already.
    NothingToDo,
    /// Its containers run. Whether it is usable was not asked for.
    NotWaitedFor,
}

/// The cluster of this name.
///
/// # Errors
/// Returns [`LifecycleError::Unknown`] if there is none, or the engine's error.
async fn existing(ctx: &Context, name: &str) -> Result<ExistingCluster, LifecycleError> {
    let cluster = inventory::cluster(ctx, name).await?;
    match cluster.exists() {
        true => Ok(cluster),
        false => Err(LifecycleError::Unknown(name.to_owned())),
    }
}

/// Does something with containers at the same time, and with each of them: one that
/// fails does not keep the others from it.
///
/// # Errors
/// Returns the first error.
async fn each<T, E>(
    nodes: &[&ExistingNode],
    work: impl AsyncFn(&ExistingNode) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    join_all(nodes.iter().map(|node| work(node))).await.into_iter().collect()
}

async fn set_restart(ctx: &Context, name: &str, restart: Restart) -> Result<(), RunError> {
    let (engine, name) = (ctx.engine.clone(), name.to_owned());
    ctx.run_to_completion(async move { engine.set_restart(&name, restart).await }).await
}

/// Lets a container go on if it is paused.
async fn thaw(ctx: &Context, node: &ExistingNode) -> Result<(), RunError> {
    if node.status != RunStatus::Paused {
        return Ok(());
    }
    let (engine, name) = (ctx.engine.clone(), node.name.clone());
    ctx.run_to_completion(async move { engine.unpause_container(&name).await }).await
}

#[cfg(test)]
mod tests;
