//! Applies a definition's patches to kubeadm's documents and to containerd's
//! configuration, as kind does (kind v0.33.0, `pkg/internal/patch/kubeyaml.go` and
//! `pkg/internal/patch/toml.go`).

mod effect;
mod hosts;
mod json;
mod merge;
mod registry;

use std::borrow::Cow;

use serde_json::Value;

use crate::cluster::{ContainerdPatches, JsonPatch, KubeadmPatches};
use crate::toml;
use crate::yaml;

pub(crate) use effect::{Note, Scope, notes, of_kubelet};
pub(crate) use hosts::HostsFile;

/// Applies the merge patches, then the JSON 6902 patches, each to every
/// document that it targets.
///
/// # Errors
/// Returns a sentence that says why a patch is invalid or cannot be applied.
pub(crate) fn kubeadm(
    mut documents: Vec<Value>,
    patches: &KubeadmPatches,
) -> Result<Vec<Value>, String> {
    for text in &patches.merge {
        for Part { value: patch, .. } in parts(text)? {
            let target = Target::of_document(&patch);
            for document in documents.iter_mut().filter(|d| target.matches(d)) {
                merge::kubeadm(document, &patch);
            }
        }
    }
    for patch in &patches.json {
        let target = Target::of_json(patch);
        let operations = json::parse(&patch.patch)?;
        for document in documents.iter_mut().filter(|d| target.matches(d)) {
            json::apply(document, &operations)
                .map_err(|e| format!("{} (JSON 6902): {e}", target.name()))?;
        }
    }
    Ok(documents)
}

/// containerd's configuration after all patches.
#[derive(Debug, PartialEq)]
pub(crate) struct PatchedContainerd {
    /// TOML without comments, with sorted keys.
    pub config: String,
    /// Files that belong to it: see [`registry`].
    pub hosts: Vec<HostsFile>,
    /// One sentence for each patch that is skipped because it is for another
    /// version of the configuration.
    pub without_effect: Vec<String>,
}

/// Patches containerd's TOML configuration.
///
/// # Errors
/// Returns a sentence that says why the configuration or a patch is invalid, or
/// why a patch cannot be applied.
pub(crate) fn containerd(
    config: &str,
    patches: &ContainerdPatches,
) -> Result<PatchedContainerd, String> {
    let mut config = toml::parse(config).map_err(|e| format!("containerd's configuration: {e}"))?;
    let version =
        config.get("version").cloned().ok_or("containerd's configuration has no version")?;
    let default = registry::mark_default(&mut config);
    let mut without_effect = Vec::new();
    for patch in &patches.merge {
        let patch = toml::parse(patch)?;
        match patch.get("version").filter(|other| **other != version) {
            None => merge::rfc7386(&mut config, &patch),
            Some(other) => without_effect.push(format!(
                "a containerd patch for configuration version {other} has no effect on version {version}"
            )),
        }
    }
    for patch in &patches.json {
        json::apply(&mut config, &json::parse(patch)?)
            .map_err(|e| format!("JSON 6902 patch of containerd's configuration: {e}"))?;
    }
    let hosts = registry::settle(&mut config, default)?;
    Ok(PatchedContainerd { config: toml::to_string(config)?, hosts, without_effect })
}

/// Checks a kubeadm merge patch: YAML documents that are mappings.
///
/// # Errors
/// Returns a sentence that says why the patch is invalid.
pub(crate) fn check_kubeadm(text: &str) -> Result<(), String> {
    parts(text).map(drop)
}

/// Checks a list of JSON 6902 operations, in JSON or YAML.
///
/// # Errors
/// Returns a sentence that says why the list is invalid.
pub(crate) fn check_json(text: &str) -> Result<(), String> {
    json::parse(text).map(|_| ())
}

/// Checks a merge patch of containerd's configuration, which is TOML.
///
/// # Errors
/// Returns a sentence that says why the patch is invalid.
pub(crate) fn check_toml(text: &str) -> Result<(), String> {
    toml::parse(text).map(|_| ())
}

/// One document of a patch.
struct Part {
    /// The line, from 0, of the patch's text at which its own begins.
    line: usize,
    text: String,
    value: Value,
}

/// The documents of one patch, separated as in kind: by every line that starts
/// with `---`, whatever follows in the line
/// (kind v0.33.0, `pkg/internal/patch/resource.go`, `splitYAMLDocument`).
fn parts(text: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut line = 0;
    for (index, part) in text.split("\n---").enumerate() {
        let text = match index {
            0 => part,
            _ => part.split_once('\n').map_or("", |(_, rest)| rest),
        };
        let skipped = usize::from(index > 0);
        match yaml::document(text).map_err(|e| format!("not valid YAML: {e}"))? {
            Value::Null => {}
            value if value.is_object() => {
                parts.push(Part { line: line + skipped, text: text.to_owned(), value });
            }
            _ => return Err(
                "a kubeadm patch must be a mapping, such as `kind: InitConfiguration` and fields"
                    .to_owned(),
            ),
        }
        // The separator begins with a line feed.
        line += part.matches('\n').count() + 1;
    }
    Ok(parts)
}

/// The documents that a patch applies to: those of its kind and, if it names
/// one, of its API version
/// (kind v0.33.0, `pkg/internal/patch/resource.go`, `matches`).
struct Target<'p> {
    api_version: Cow<'p, str>,
    kind: &'p str,
}

impl<'p> Target<'p> {
    fn of_document(document: &'p Value) -> Self {
        let text = |name: &str| document.get(name).and_then(Value::as_str).unwrap_or_default();
        Target { api_version: text("apiVersion").into(), kind: text("kind") }
    }

    fn of_json(patch: &'p JsonPatch) -> Self {
        let api_version = match patch.group.as_str() {
            "" => patch.version.as_str().into(),
            group => format!("{group}/{}", patch.version).into(),
        };
        Target { api_version, kind: &patch.kind }
    }

    fn matches(&self, document: &Value) -> bool {
        let found = Target::of_document(document);
        self.kind == found.kind
            && (self.api_version.is_empty() || self.api_version == found.api_version)
    }

    fn name(&self) -> String {
        match (self.kind, &*self.api_version) {
            ("", _) => "a kubeadm patch without `kind`".to_owned(),
            (kind, "") => format!("a kubeadm patch of {kind}"),
            (kind, api_version) => format!("a kubeadm patch of {api_version} {kind}"),
        }
    }
}

#[cfg(test)]
mod tests;
