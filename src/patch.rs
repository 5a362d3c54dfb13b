//! Applies a definition's patches to kubeadm documents and to containerd's
//! configuration, as kind's patch engine does.

mod json;
mod merge;
mod toml;

use serde_json::Value;

use crate::cluster::{ContainerdPatches, JsonPatch, KubeadmPatches};
use crate::yaml;

/// Applies the merge patches, then the JSON 6902 patches, each to every
/// document it is meant for.
///
/// # Errors
/// The patch and what is wrong with it, or why it does not apply.
pub fn kubeadm(mut documents: Vec<Value>, patches: &KubeadmPatches) -> Result<Vec<Value>, String> {
    for patch in merge_patches(patches)? {
        let target = Target::of_document(&patch);
        for document in documents.iter_mut().filter(|d| target.matches(d)) {
            merge::kubeadm(document, &patch);
        }
    }
    for patch in &patches.json {
        let target = Target::of_json(patch);
        let operations = json::parse(&patch.patch)?;
        for document in documents.iter_mut().filter(|d| target.matches(d)) {
            json::apply(document, &operations)
                .map_err(|e| format!("JSON 6902 patch of {}: {e}", target.name()))?;
        }
    }
    Ok(documents)
}

/// What the patches that match none of the documents are meant for, such as
/// `kubeadm.k8s.io/v1beta2 InitConfiguration`. Unreadable patches are left to
/// [`kubeadm`].
pub fn unmatched(documents: &[Value], patches: &KubeadmPatches) -> Vec<String> {
    let merge = merge_patches(patches).unwrap_or_default();
    let targets =
        merge.iter().map(Target::of_document).chain(patches.json.iter().map(Target::of_json));
    targets
        .filter(|target| !documents.iter().any(|d| target.matches(d)))
        .map(|target| target.name())
        .collect()
}

/// Patches containerd's TOML configuration; comments vanish, keys are sorted.
///
/// # Errors
/// What is wrong with the configuration or a patch, or why it does not apply.
pub fn containerd(config: &str, patches: &ContainerdPatches) -> Result<String, String> {
    let mut config = toml::parse(config).map_err(|e| format!("containerd's configuration: {e}"))?;
    let version = config
        .get("version")
        .cloned()
        .ok_or("containerd's configuration does not say its version")?;
    for patch in &patches.merge {
        let patch = toml::parse(patch)?;
        // A patch for another version of the format is meant for other images.
        if patch.get("version").is_none_or(|own| *own == version) {
            merge::rfc7386(&mut config, &patch);
        }
    }
    for patch in &patches.json {
        json::apply(&mut config, &json::parse(patch)?)
            .map_err(|e| format!("JSON 6902 patch of containerd's configuration: {e}"))?;
    }
    toml::to_string(config)
}

/// Whether a text can be a kubeadm merge patch: YAML documents that are
/// mappings and say their `kind`.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_kubeadm(text: &str) -> Result<(), String> {
    let documents =
        yaml::documents(text).map_err(|e| format!("not a YAML patch: {}", one_line(&e)))?;
    for document in documents {
        let Some(fields) = document.as_object() else {
            return Err(
                "a kubeadm patch must be a mapping, such as `kind: InitConfiguration` and fields"
                    .to_owned(),
            );
        };
        if fields.get("kind").and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(
                "a kubeadm patch needs a `kind`, such as `kind: InitConfiguration`".to_owned()
            );
        }
    }
    Ok(())
}

/// Whether a text is a list of JSON 6902 operations, in JSON or YAML.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_json(text: &str) -> Result<(), String> {
    json::parse(text).map(|_| ())
}

/// Whether a text can be a patch of containerd's configuration.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_toml(text: &str) -> Result<(), String> {
    toml::parse(text).map(|_| ())
}

/// A YAML reader's message without the excerpt below it.
fn one_line(message: &str) -> &str {
    let first = message.lines().next().unwrap_or_default();
    first.strip_prefix("error: ").unwrap_or(first)
}

fn merge_patches(patches: &KubeadmPatches) -> Result<Vec<Value>, String> {
    let mut all = Vec::new();
    for text in &patches.merge {
        check_kubeadm(text)?;
        all.extend(yaml::documents(text)?);
    }
    Ok(all)
}

/// The documents a patch is meant for; what is empty matches anything.
struct Target<'p> {
    group: &'p str,
    version: &'p str,
    kind: &'p str,
}

impl<'p> Target<'p> {
    fn of_document(document: &'p Value) -> Self {
        let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
        // A core version such as `v1` has no group.
        let (group, version) =
            text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
        Target { group, version, kind: text("kind") }
    }

    fn of_json(patch: &'p JsonPatch) -> Self {
        Target { group: &patch.group, version: &patch.version, kind: &patch.kind }
    }

    fn matches(&self, document: &Value) -> bool {
        let found = Target::of_document(document);
        let open = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        self.kind == found.kind
            && open(self.group, found.group)
            && open(self.version, found.version)
    }

    fn name(&self) -> String {
        let slash = if self.group.is_empty() || self.version.is_empty() { "" } else { "/" };
        format!("{}{slash}{} {}", self.group, self.version, self.kind).trim_start().to_owned()
    }
}

#[cfg(test)]
mod tests;
