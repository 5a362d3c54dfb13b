//! Which objects and pods are an add-on's: they carry its name in a label.

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use serde_json::Value;

use crate::context::RunError;
use crate::kube::{KubeClient, ObjectId, object};
use crate::labels;

/// Marks an object, and the pods it creates, as the add-on's.
pub(super) fn set_owner(object: &mut Value, addon: &str) {
    object::set_label(object, labels::ADDON, addon);
    object::set_label(object, labels::MANAGED_BY, "skiff");
    object::set_pod_label(object, labels::ADDON, addon);
}

pub(super) fn is_owned(object: &Value, addon: &str) -> bool {
    object["metadata"]["labels"][labels::ADDON] == addon
}

/// Those of the objects that exist and are the add-on's, in the same order. A record
/// may name others: whoever can change it must not have them deleted.
///
/// # Errors
/// Fails like every method of [`KubeClient`].
pub(super) async fn owned(
    kube: &KubeClient,
    addon: &str,
    ids: Vec<ObjectId>,
) -> Result<Vec<ObjectId>, RunError> {
    let mut kinds: BTreeMap<(&str, &str), Vec<ObjectId>> = BTreeMap::new();
    for id in &ids {
        kinds.entry((&id.api_version, &id.kind)).or_default().push(id.clone());
    }
    let found = kinds.values().map(|ids| async move {
        match kube.existing(ids).await {
            // Objects of a kind that has been deleted have been deleted with it.
            Err(RunError::Command { output, .. }) if output.contains("no matches for kind") => {
                Ok(Vec::new())
            }
            other => other,
        }
    });
    let found: Vec<Value> = try_join_all(found).await?.into_iter().flatten().collect();
    let owned = found.iter().filter(|object| is_owned(object, addon));
    let owned: Vec<ObjectId> = owned.filter_map(|object| ObjectId::of(object).ok()).collect();
    let remains = |id: &ObjectId| owned.iter().any(|other| other.is_same_object(id));
    Ok(ids.into_iter().filter(remains).collect())
}

/// A label selector for everything of an add-on.
pub(super) fn selector(addon: &str) -> String {
    format!("{}={addon}", labels::ADDON)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_and_its_pods_are_marked() {
        let mut deployment = json!({"kind": "Deployment", "spec": {"template": {}}});
        assert!(!is_owned(&deployment, "x"));
        set_owner(&mut deployment, "x");
        assert_eq!(
            deployment["metadata"]["labels"],
            json!({"io.skiff.addon": "x", "app.kubernetes.io/managed-by": "skiff"})
        );
        assert!(is_owned(&deployment, "x") && !is_owned(&deployment, "y"));
        assert!(is_owned(&deployment["spec"]["template"], "x"));
    }
}
