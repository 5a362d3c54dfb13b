//! What in kubeadm patches has no effect on a node, or not all of it.

use serde_json::Value;

use super::{JsonPatch, KubeadmPatches, Part, Target, merge, parts};
use crate::text;
use crate::yaml::located;

/// Whom patches are meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope<'a> {
    /// All nodes. The first control-plane inits, and others may join.
    Cluster { joins: bool },
    /// The node of this name, which inits.
    Init(&'a str),
    /// The node of this name, which joins. Not every version of kubeadm can patch the
    /// kubelet of such a node.
    Join { node: &'a str, patches_kubelet: bool },
}

/// What a patch does not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// Such as `kubeadmConfigPatches[0]`.
    pub path: String,
    /// The line, from 0, of the patch's text.
    pub line: usize,
    /// A sentence without a place.
    pub text: String,
}

/// One note for each patch, or part of one, that has no effect on these documents.
/// Invalid patches are skipped: [`super::kubeadm`] reports them.
pub(crate) fn notes(documents: &[Value], patches: &KubeadmPatches, scope: Scope) -> Vec<Note> {
    let mut found = Vec::new();
    for (index, text) in patches.merge.iter().enumerate() {
        let path = format!("kubeadmConfigPatches[{index}]");
        for part in parts(text).unwrap_or_default() {
            let note = |(line, text)| Note { path: path.clone(), line: part.line + line, text };
            found.extend(of_document(documents, &part, scope).into_iter().map(note));
        }
    }
    for (index, patch) in patches.json.iter().enumerate() {
        let path = format!("kubeadmConfigPatchesJSON6902[{index}]");
        let text = without_effect(documents, &Target::of_json(patch), scope);
        found.extend(text.map(|text| Note { path, line: 0, text }));
    }
    found
}

/// The merge patches and the JSON 6902 patches of the kubelet's configuration.
pub(crate) fn of_kubelet(patches: &KubeadmPatches) -> (Vec<Value>, Vec<&JsonPatch>) {
    const KIND: &str = "KubeletConfiguration";
    let all = patches.merge.iter().flat_map(|text| parts(text).unwrap_or_default());
    let merge = all.map(|part| part.value).filter(|value| Target::of_document(value).kind == KIND);
    let json = patches.json.iter().filter(|patch| patch.kind == KIND);
    (merge.collect(), json.collect())
}

fn of_document(documents: &[Value], part: &Part, scope: Scope) -> Vec<(usize, String)> {
    let target = Target::of_document(&part.value);
    let read = located::read(&part.text).ok();
    let mut lines = Vec::new();
    if let Some(read) = &read {
        read.tree.lines(&mut |path, line, _| lines.push((path, line)));
    }
    let line_of = |path: &str| {
        let found = lines.iter().find(|(other, _)| other == path);
        found.map_or(0, |(_, line)| line.saturating_sub(1))
    };
    if let Some(text) = without_effect(documents, &target, scope) {
        return vec![(line_of("kind"), text)];
    }
    let name = target.name();
    let ignored = merge::ignored(&part.value).into_iter().map(|path| {
        let text = format!(
            "{name}: {path} has no effect as a mapping; v1beta4 takes a list of `name` and `value`"
        );
        (line_of(&path), text)
    });
    let twice = merge::given_twice(&part.value).into_iter().map(|(path, index, flag)| {
        let line = line_of(&located::item_path(&path, index));
        (line, format!("{name}: {path} has {flag} twice; the last one counts"))
    });
    let duplicates = read.iter().flat_map(|read| &read.duplicates).map(|duplicate| {
        let text = format!("{name}: {} is set twice; the last one counts", duplicate.path);
        (duplicate.line.saturating_sub(1), text)
    });
    ignored.chain(twice).chain(duplicates).collect()
}

/// Why a patch of this target has no effect; `None` if it has one.
fn without_effect(documents: &[Value], target: &Target, scope: Scope) -> Option<String> {
    let name = target.name();
    if !documents.iter().any(|document| target.matches(document)) {
        let reason = unmatched(documents, target);
        return Some(format!("{name} matches no document and has no effect{reason}"));
    }
    let reason = match (scope, target.kind) {
        (Scope::Init(node), "JoinConfiguration") => {
            format!(
                "on {node}, which does not join the cluster but begins it; use InitConfiguration"
            )
        }
        (Scope::Cluster { joins: false }, "JoinConfiguration") => {
            "where no node joins the cluster; use InitConfiguration".to_owned()
        }
        (Scope::Join { node, .. }, "InitConfiguration") => {
            format!("on {node}, which joins the cluster; use JoinConfiguration")
        }
        (Scope::Join { node, .. }, "ClusterConfiguration" | "KubeProxyConfiguration") => format!(
            "on {node}, which joins the cluster: it is for all nodes; use the kubeadmConfigPatches of the cluster"
        ),
        (Scope::Join { node, patches_kubelet: false }, "KubeletConfiguration") => format!(
            "on {node}, which joins the cluster and takes over the cluster's; use the kubeadmConfigPatches of the cluster"
        ),
        _ => return None,
    };
    Some(format!("{name} has no effect {reason}"))
}

/// What there is instead of the document that a patch is for.
fn unmatched(documents: &[Value], target: &Target) -> String {
    let all = || documents.iter().map(Target::of_document);
    if let Some(same) = all().find(|document| document.kind == target.kind) {
        return format!("; this version of Kubernetes has {}", same.api_version);
    }
    let kinds = all().map(|document| document.kind);
    match text::similar(target.kind, kinds).first() {
        _ if target.kind == "KubeProxyConfiguration" => "; the cluster has no kube-proxy".into(),
        Some(kind) if !target.kind.is_empty() => format!("; did you mean {kind}?"),
        _ => String::new(),
    }
}
