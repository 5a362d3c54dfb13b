//! Removing what a record remembers.

use super::AddonError;
use super::kube::Kube;
use super::object::Id;
use super::record::Record;
use crate::work::Work;

/// Removes an add-on and returns whether it was there.
///
/// # Errors
/// [`AddonError`]; the record stays, so that it can be tried again.
pub async fn remove(work: &Work, cluster: &str, name: &str) -> Result<bool, AddonError> {
    let kube = Kube::find(work, cluster).await?;
    let Some(record) = Record::all(&kube).await?.into_iter().find(|r| r.name == name) else {
        return Ok(false);
    };
    let step = work.progress.step(format!("Removing {name} 🧹"));
    // The other way round: namespaces last, webhooks before their servers.
    let ids: Vec<Id> = record.objects.iter().rev().cloned().collect();
    kube.delete(&ids).await?;
    Record::forget(name, &kube).await?;
    step.done();
    Ok(true)
}
