//! The kubeadm configuration of one node, with all patches applied.

use serde_json::Value;

use super::node_labels;
use crate::cluster::Cluster;
use crate::kubeadm::{self, ConfigData, PATCHES_PATH};
use crate::patch::{self, Note, Scope};
use crate::yaml;

/// What kubeadm reads on a node.
pub(crate) struct NodeConfig {
    /// The documents of its configuration.
    pub documents: Vec<Value>,
    /// Files of [`PATCHES_PATH`], by name.
    pub patches: Vec<(String, String)>,
    /// What in the definition has no effect on this node, each with its place.
    pub warnings: Vec<String>,
}

impl NodeConfig {
    /// The documents as one YAML stream.
    pub(crate) fn text(&self) -> String {
        kubeadm::render(&self.documents)
    }
}

/// Renders and patches the configuration of a node.
///
/// # Errors
/// Returns the reason why a patch does not apply.
pub(crate) fn node_config(data: &ConfigData) -> Result<NodeConfig, String> {
    let rendered = kubeadm::documents(data);
    let mut warnings = warnings(data, &rendered);
    let patched = patch::kubeadm(rendered, &data.cluster.kubeadm)?;
    let mut documents = patch::kubeadm(patched, &data.node.kubeadm)?;
    warnings.extend(node_labels::keep(data, &mut documents));
    warnings.dedup();
    let patches = kubelet_patches(data)?;
    let directory = documents.iter().find(|document| document["kind"] == "JoinConfiguration");
    let directory = directory.and_then(|join| join.pointer("/patches/directory")?.as_str());
    if let Some(other) = directory.filter(|path| !patches.is_empty() && *path != PATCHES_PATH) {
        warnings.push(format!(
            "a kubeadm patch of KubeletConfiguration has no effect on {}, whose patches are in {other}",
            data.node_name
        ));
    }
    Ok(NodeConfig { documents, patches, warnings })
}

/// The patches of a joining node for its kubelet, which otherwise takes over the cluster's
/// configuration, in the form of kubeadm's patches directory (Kubernetes 1.37,
/// `cmd/kubeadm/app/util/patches/patches.go`).
fn kubelet_patches(data: &ConfigData) -> Result<Vec<(String, String)>, String> {
    if !data.patches_kubelet() {
        return Ok(Vec::new());
    }
    let (merge, json) = patch::of_kubelet(&data.node.kubeadm);
    let merge = merge.into_iter().map(|patch| Ok(("merge", patch)));
    let json = json.into_iter().map(|patch| Ok(("json", yaml::document(&patch.patch)?)));
    let named = |(index, patch): (usize, Result<(&str, Value), String>)| {
        let (form, patch) = patch?;
        Ok((format!("kubeletconfiguration{index:03}+{form}.json"), patch.to_string()))
    };
    merge.chain(json).enumerate().map(named).collect()
}

fn warnings(data: &ConfigData, rendered: &[Value]) -> Vec<String> {
    let (cluster, name) = (data.cluster, data.node_name);
    let is_first = is_first(cluster, name);
    let scope = match is_first {
        true => Scope::Init(name),
        false => Scope::Join { node: name, patches_kubelet: data.patches_kubelet() },
    };
    let mut found = Vec::new();
    if is_first {
        let scope = Scope::Cluster { joins: cluster.nodes.len() > 1 };
        found.extend(shown(cluster, "", patch::notes(rendered, &cluster.kubeadm, scope)));
    }
    if let Some(at) = cluster.node_names().iter().position(|other| other == name) {
        let notes = patch::notes(rendered, &data.node.kubeadm, scope);
        found.extend(shown(cluster, &format!("nodes[{at}]."), notes));
    }
    found
}

fn shown(cluster: &Cluster, owner: &str, notes: Vec<Note>) -> Vec<String> {
    let shown = |Note { path, line, text }| {
        format!("{}: {text}", cluster.source.place_in(&format!("{owner}{path}"), line))
    };
    notes.into_iter().map(shown).collect()
}

/// Whether this is the first control-plane. Only this node warns about patches of
/// the entire cluster.
pub(super) fn is_first(cluster: &Cluster, node: &str) -> bool {
    cluster.node_names().get(cluster.first_control_plane()).is_some_and(|first| first == node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Surroundings, parse_in};
    use crate::version::Version;

    fn config(text: &str, node: usize, version: &str) -> NodeConfig {
        let head = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: lab\n";
        let mut cluster = parse_in(&format!("{head}{text}"), &Surroundings::NONE).unwrap();
        cluster.source.file = Some("lab.yaml".into());
        let version: Version = version.parse().unwrap();
        let names = cluster.node_names();
        let node = (names[node].as_str(), &cluster.nodes[node]);
        let token = "abcdef.0123456789abcdef";
        node_config(&ConfigData::new(&cluster, node, &version, &[], token, false)).unwrap()
    }

    fn document<'c>(config: &'c NodeConfig, kind: &str) -> &'c Value {
        config.documents.iter().find(|document| document["kind"] == kind).unwrap()
    }

    const WORKER: &str = "nodes:
- role: control-plane
- role: worker
  kubeadmConfigPatches:
  - |
    kind: KubeletConfiguration
    maxPods: 42
    cgroupRoot: ~
  kubeadmConfigPatchesJSON6902:
  - {group: kubelet.config.k8s.io, version: v1beta1, kind: KubeletConfiguration, patch: '- {op: add, path: /podPidsLimit, value: 100}'}
";

    #[test]
    fn the_kubelet_of_a_joining_node_is_patched_by_kubeadm() {
        let worker = config(WORKER, 1, "v1.37.2");
        let expected = [
            (
                "kubeletconfiguration000+merge.json",
                r#"{"kind":"KubeletConfiguration","maxPods":42,"cgroupRoot":null}"#,
            ),
            (
                "kubeletconfiguration001+json.json",
                r#"[{"op":"add","path":"/podPidsLimit","value":100}]"#,
            ),
        ];
        assert_eq!(worker.patches, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
        let directory = |config: &NodeConfig| {
            document(config, "JoinConfiguration").pointer("/patches/directory").cloned()
        };
        assert_eq!(directory(&worker), Some(PATCHES_PATH.into()));
        assert_eq!(worker.warnings, [""; 0]);
        // kubeadm has had this kind of patch since 1.25.
        let old = config(WORKER, 1, "v1.24.17");
        assert_eq!((old.patches.len(), directory(&old)), (0, None));
        assert_eq!(old.warnings.len(), 2, "{:?}", old.warnings);
        assert!(old.warnings[0].starts_with("lab.yaml:9: nodes[1].kubeadmConfigPatches[0]: a kubeadm patch of KubeletConfiguration has no effect on lab-worker"), "{:?}", old.warnings);
        let first = config(WORKER, 0, "v1.37.2");
        assert_eq!((first.patches.len(), first.warnings.len()), (0, 0));
        let elsewhere = WORKER.replace(
            "  - |\n",
            "  - 'kind: JoinConfiguration\n\n    patches: {directory: /mine}'\n  - |\n",
        );
        let elsewhere = config(&elsewhere, 1, "v1.37.2");
        assert!(
            elsewhere.warnings[0].contains("no effect on lab-worker, whose patches are in /mine")
        );
    }

    #[test]
    fn patches_for_the_other_role_are_named_with_their_line() {
        let text = "kubeadmConfigPatches:
- |
  kind: InitConfiguration
nodes:
- role: control-plane
  kubeadmConfigPatches:
  - |
    kind: JoinConfiguration
- role: worker
  kubeadmConfigPatches: ['kind: InitConfiguration']
";
        let first = config(text, 0, "v1.37.2").warnings;
        assert_eq!(first.len(), 1, "{first:?}");
        assert!(first[0].starts_with("lab.yaml:11: nodes[0].kubeadmConfigPatches[0]: a kubeadm patch of JoinConfiguration has no effect on lab-control-plane"), "{first:?}");
        let worker = config(text, 1, "v1.37.2").warnings;
        assert_eq!(worker.len(), 1, "{worker:?}");
        assert!(worker[0].starts_with("lab.yaml:13: nodes[1].kubeadmConfigPatches[0]: a kubeadm patch of InitConfiguration has no effect on lab-worker"), "{worker:?}");
    }

    #[test]
    fn labels_and_a_patch_of_node_labels_are_both_in_effect() {
        let labels = |config: &NodeConfig, kind: &str| {
            let flags = &document(config, kind)["nodeRegistration"]["kubeletExtraArgs"];
            let in_list = flags.as_array().into_iter().flatten();
            let in_list = in_list.filter(|flag| flag["name"] == "node-labels").map(|f| &f["value"]);
            let values: Vec<_> = in_list.chain(flags.get("node-labels")).collect();
            values.iter().map(|v| v.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let node = |patch: &str| {
            format!(
                "nodes:\n- labels: {{tier: edge, zone: a}}\n  kubeadmConfigPatches: ['{patch}']\n"
            )
        };
        let ready = "{kind: InitConfiguration, nodeRegistration: {kubeletExtraArgs: {node-labels: \"ingress-ready=true,zone=b\"}}}";
        let none =
            "{kind: InitConfiguration, nodeRegistration: {kubeletExtraArgs: {node-labels: ~}}}";
        for version in ["v1.37.2", "v1.35.0"] {
            let both = config(&node(ready), 0, version);
            assert_eq!(labels(&both, "InitConfiguration"), ["ingress-ready=true,zone=b,tier=edge"]);
            assert_eq!(labels(&both, "JoinConfiguration"), ["tier=edge,zone=a"]);
            let warning = "lab.yaml:5: nodes[0].labels.zone: a kubeadm patch of node-labels sets zone=b instead";
            assert_eq!(both.warnings, [warning]);
            let removed = config(&node(none), 0, version);
            assert_eq!(labels(&removed, "InitConfiguration"), ["tier=edge,zone=a"]);
            assert_eq!(removed.warnings, [""; 0]);
        }
    }
}
