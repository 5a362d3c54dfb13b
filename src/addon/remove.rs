//! Removing what a record lists.

use super::cluster_state;
use super::error::AddonError;
use super::ownership;
use super::record::Record;
use crate::context::Context;

/// Removes an add-on; returns whether it was installed.
///
/// # Errors
/// Fails if the cluster cannot be reached, or if an object cannot be deleted. The
/// record stays then, so that removing can be tried again.
pub(crate) async fn remove(ctx: &Context, cluster: &str, name: &str) -> Result<bool, AddonError> {
    let (kube, _) = cluster_state::connect(ctx, cluster).await?;
    let Some(record) = Record::all(&kube).await?.into_iter().find(|r| r.name == name) else {
        return Ok(false);
    };
    let step = ctx.progress.step(format!("Removing {name} 🧹"));
    // In reverse order: namespaces last, webhooks before their servers.
    let ids = record.objects.into_iter().rev().collect();
    kube.delete(&ownership::owned(&kube, name, ids).await?).await?;
    Record::delete(name, &kube).await?;
    step.done();
    Ok(true)
}
