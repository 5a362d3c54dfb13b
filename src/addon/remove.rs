//! Removing what a record remembers.

use super::AddonError;
use super::kube::Kube;
use super::object::Id;
use super::record::Record;
use crate::context::Context;

/// Removes an add-on and returns whether it was there.
///
/// # Errors
/// [`AddonError`]; the record stays, so that it can be tried again.
pub async fn remove(ctx: &Context, cluster: &str, name: &str) -> Result<bool, AddonError> {
    let kube = Kube::find(ctx, cluster).await?;
    let Some(record) = Record::all(&kube).await?.into_iter().find(|r| r.name == name) else {
        return Ok(false);
    };
    let step = ctx.progress.step(format!("Removing {name} 🧹"));
    // The other way round: namespaces last, webhooks before their servers.
    let ids: Vec<Id> = record.objects.iter().rev().cloned().collect();
    kube.delete(&ids).await?;
    Record::forget(name, &kube).await?;
    step.done();
    Ok(true)
}
