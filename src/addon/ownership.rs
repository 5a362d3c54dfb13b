//! Which objects and pods are an add-on's: they carry its name in a label.

use serde_json::Value;

use crate::kube::object;
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
