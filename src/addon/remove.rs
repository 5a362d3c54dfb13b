//! Removing what a record lists.

use super::cluster_state;
use super::error::AddonError;
use super::record::Record;
use crate::context::Context;
use crate::kube::ObjectId;

/// Removes an add-on; returns whether it was installed.
///
/// # Errors
/// Fails if the cluster cannot be reached, or if an object cannot be deleted. The
/// record stays then, so that removing can be tried again.
pub(crate) async fn remove(ctx: &Context, cluster: &str, name: &str) -> Result<bool, AddonError> {
    let kube = cluster_state::connect(ctx, cluster).await?;
    let Some(record) = Record::all(&kube).await?.into_iter().find(|r| r.name == name) else {
        return Ok(false);
    };
    let step = ctx.progress.step(format!("Removing {name} 🧹"));
    // In reverse order: namespaces last, webhooks before their servers.
    let ids: Vec<ObjectId> = record.objects.iter().rev().cloned().collect();
    kube.delete(&ids).await?;
    Record::delete(name, &kube).await?;
    step.done();
    Ok(true)
}
