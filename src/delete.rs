//! `delete cluster`: the containers of a cluster and its kubeconfig entries.

use std::path::PathBuf;

use futures_util::future::join_all;

use crate::context::{Context, RunError};
use crate::engine::EngineError;
use crate::inventory;
use crate::kubeconfig;

/// What failed, in the order it was tried; everything else was done.
#[derive(Debug)]
pub(crate) struct DeleteError {
    pub failures: Vec<DeleteFailure>,
    /// The containers that were removed.
    pub removed: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum DeleteFailure {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Kubeconfig(#[from] kubeconfig::Error),
    #[error("cannot remove {container}: {error}")]
    Container { container: String, error: EngineError },
}

impl DeleteFailure {
    fn is_about(&self, name: &str) -> bool {
        matches!(self, DeleteFailure::Container { container, .. } if container == name)
    }
}

impl<E: Into<DeleteFailure>> From<E> for DeleteError {
    fn from(error: E) -> Self {
        DeleteError { failures: vec![error.into()], removed: Vec::new() }
    }
}

/// Deletes a cluster; returns the names of its containers, none if there is no
/// such cluster. The kubeconfig comes first, so that no entry is left for a
/// cluster that is gone; if that fails the containers are removed all the same.
///
/// # Errors
/// Returns [`DeleteError`] with everything that failed.
pub(crate) async fn delete(
    ctx: &Context,
    name: &str,
    kubeconfigs: Vec<PathBuf>,
) -> Result<Vec<String>, DeleteError> {
    let cluster = inventory::cluster(ctx, name).await?;
    let owned = name.to_owned();
    let entries = ctx.blocking(move |is_cancelled| {
        kubeconfig::remove_cluster(&kubeconfigs, &owned, is_cancelled)
    });
    let mut failures: Vec<DeleteFailure> = Vec::new();
    match entries.await {
        Err(error @ kubeconfig::Error::Interrupted { .. }) => return Err(error.into()),
        removed => failures.extend(removed.err().map(Into::into)),
    }
    let mut names: Vec<String> = cluster.nodes.into_iter().map(|node| node.name).collect();
    match ctx.interruptible(async { Ok::<_, RunError>(remove(ctx, &names).await) }).await {
        Ok(kept) => {
            names.retain(|name| !kept.iter().any(|failure| failure.is_about(name)));
            failures.extend(kept);
        }
        // Which ones are gone by now is not known.
        Err(cancelled) => {
            names.clear();
            failures.push(cancelled.into());
        }
    }
    match failures.is_empty() {
        true => Ok(names),
        false => Err(DeleteError { failures, removed: names }),
    }
}

/// Removes containers at the same time; returns those that could not be.
pub(crate) async fn remove(ctx: &Context, names: &[String]) -> Vec<DeleteFailure> {
    let removals = names.iter().map(async |container| {
        let container = container.clone();
        let removed = ctx.engine.remove_container(&container).await;
        removed.err().map(|error| DeleteFailure::Container { container, error })
    });
    join_all(removals).await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
