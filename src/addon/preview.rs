//! What an installation would apply.

use serde_json::Value;

use super::cluster_state::ClusterState;
use super::error::AddonError;
use super::package::{InstallOptions, Package};
use super::prepare;
use super::stages;
use crate::context::Context;
use crate::secret;
use crate::yaml;

/// The manifests that would be applied, as YAML; nothing is changed.
///
/// # Errors
/// Fails if the package cannot be installed in this cluster.
pub(crate) async fn preview(
    ctx: &Context,
    cluster: &str,
    packages: &[Package],
    options: &InstallOptions,
) -> Result<String, AddonError> {
    let state = ClusterState::read(ctx, cluster).await?;
    let mut texts = Vec::new();
    for package in packages {
        let prepared = prepare::package(&state, package, &options.set).await?;
        for image in &prepared.images {
            texts.push(format!("# {}: image {}\n", package.name(), image.describe()));
        }
        texts.extend(prepared.notices.iter().map(|notice| format!("# {notice}\n")));
        let warnings = prepared.warnings.iter();
        texts.extend(warnings.map(|text| format!("# {}: warning: {text}\n", package.name())));
        let mut objects: Vec<Value> = stages::applied(&prepared.stages).cloned().collect();
        objects.iter_mut().for_each(redact);
        texts.extend(objects.iter().map(|object| format!("---\n{}", yaml::to_string(object))));
    }
    Ok(secret::conceal(&texts.concat()).into_owned())
}

/// What kubectl keeps of an object as it was applied, its values included.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Hides the values of a Secret: they do not belong on terminals and in logs.
fn redact(object: &mut Value) {
    if object["kind"] == "Secret" {
        for part in ["data", "stringData"] {
            let values = object.get_mut(part).and_then(Value::as_object_mut).into_iter().flatten();
            values.for_each(|(_, value)| *value = Value::from("(not shown)"));
        }
        let annotations = object.pointer_mut("/metadata/annotations");
        if let Some(applied) = annotations.and_then(|all| all.get_mut(LAST_APPLIED)) {
            *applied = Value::from("(not shown)");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_values_of_secrets_are_hidden() {
        let mut secret = json!({"kind": "Secret", "data": {"key": "QQ=="}});
        redact(&mut secret);
        assert_eq!(secret, json!({"kind": "Secret", "data": {"key": "(not shown)"}}));
        let mut applied =
            json!({"kind": "Secret", "metadata": {"annotations": {LAST_APPLIED: "QQ=="}}});
        redact(&mut applied);
        assert!(!applied.to_string().contains("QQ=="), "{applied}");
        let map = json!({"kind": "ConfigMap", "data": {"key": "a"}});
        let mut same = map.clone();
        redact(&mut same);
        assert_eq!(same, map);
    }
}
