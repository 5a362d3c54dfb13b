//! The field of a definition that a component complains about.

use crate::cluster::{Cluster, KubeadmPatches};

/// What stands in every patch, or in messages about anything.
const COMMON: [&str; 19] = [
    "apiServer",
    "apiVersion",
    "controllerManager",
    "scheduler",
    "extraArgs",
    "kubeletExtraArgs",
    "nodeRegistration",
    "ClusterConfiguration",
    "InitConfiguration",
    "JoinConfiguration",
    "KubeletConfiguration",
    "KubeProxyConfiguration",
    "false",
    "kubelet",
    "kubeadm",
    "containerd",
    "kubernetes",
    "kube-system",
    "plugins",
];

/// The path of the field that sets what the last words of a component on this node
/// name, such as `featureGates.EphemeralContainers` or `kubeadmConfigPatches[0]`.
/// `None` if nothing that they name is set there.
pub(super) fn find(words: &str, cluster: &Cluster, node: &str) -> Option<String> {
    let mut candidates: Vec<(String, &str)> = Vec::new();
    let gates = cluster.feature_gates.keys().map(|gate| (format!("featureGates.{gate}"), &**gate));
    candidates.extend(gates);
    let apis = cluster.runtime_config.keys().map(|api| (format!("runtimeConfig.{api}"), &**api));
    candidates.extend(apis);
    candidates.extend(of_patches("", &cluster.kubeadm));
    if let Some(at) = cluster.node_names().iter().position(|name| name == node) {
        candidates.extend(of_patches(&format!("nodes[{at}]."), &cluster.nodes[at].kubeadm));
    }
    candidates.extend(of_texts("containerdConfigPatches", &cluster.containerd.merge));
    candidates.extend(of_texts("containerdConfigPatchesJSON6902", &cluster.containerd.json));
    // Of `KubeletConfiguration.maxPods` the field counts, too.
    let said: Vec<&str> = words_of(words).flat_map(|word| word.split('.').chain([word])).collect();
    let is_said = |(_, word): &(String, &str)| said.contains(word);
    let said_here = candidates.into_iter().filter(is_said);
    // The longest word says most. Of equal ones the first counts.
    said_here.rev().max_by_key(|(_, word)| word.len()).map(|(path, _)| path)
}

fn of_patches<'a>(owner: &str, patches: &'a KubeadmPatches) -> Vec<(String, &'a str)> {
    let json = patches.json.iter().map(|patch| &patch.patch);
    let mut found = of_texts(&format!("{owner}kubeadmConfigPatches"), &patches.merge);
    found.extend(of_texts(&format!("{owner}kubeadmConfigPatchesJSON6902"), json));
    found
}

fn of_texts<'a>(path: &str, texts: impl IntoIterator<Item = &'a String>) -> Vec<(String, &'a str)> {
    let words = |(at, text): (usize, &'a String)| {
        let telling = words_of(text).filter(|word| word.len() > 4 && !COMMON.contains(word));
        telling.map(move |word| (at, word)).collect::<Vec<_>>()
    };
    let all = texts.into_iter().enumerate().flat_map(words);
    all.map(|(at, word)| (format!("{path}[{at}]"), word)).collect()
}

/// Names of fields and flags, and paths, without what quotes or separates them.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_alphanumeric() && !"-_./".contains(c));
    words.map(|word| word.trim_matches(['-', '.'])).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn the_field_is_found_that_sets_what_is_named() {
        let text = "
kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
featureGates: {EphemeralContainers: true, Other: false}
runtimeConfig: {nosuch/v1: 'true'}
kubeadmConfigPatches:
- |
  kind: InitConfiguration
  nodeRegistration: {kubeletExtraArgs: {node-labels: a=b}}
- |
  kind: ClusterConfiguration
  apiServer: {extraArgs: {enable-podsecuritypolicy: 'true', enable-admission-plugins: NoSuch}}
- |
  kind: KubeletConfiguration
  maxPods: many
  serializeImagePulls: false
kubeadmConfigPatchesJSON6902:
- {group: kubeadm.k8s.io, version: v1beta4, kind: ClusterConfiguration, patch: '[{op: add, path: /scheduler/extraArgs/profiling-x, value: a}]'}
containerdConfigPatches:
- '[plugins.foo]'
- |
  [plugins.runc.options]
  BinaryName = '/no/such/runc'
nodes:
- role: control-plane
- role: worker
  kubeadmConfigPatches: ['{kind: JoinConfiguration, nodeRegistration: {kubeletExtraArgs: {no-such-flag: a}}}']
";
        let cluster = config::parse(text).unwrap();
        for (words, node, expected) in [
            (
                "unrecognized feature gate: EphemeralContainers",
                "kind-control-plane",
                Some("featureGates.EphemeralContainers"),
            ),
            (
                "Error: unknown flag: --enable-podsecuritypolicy",
                "kind-control-plane",
                Some("kubeadmConfigPatches[1]"),
            ),
            (
                "enable-admission-plugins plugin \"NoSuch\" is unknown",
                "kind-control-plane",
                Some("kubeadmConfigPatches[1]"),
            ),
            (
                "json: cannot unmarshal string into Go struct field KubeletConfiguration.maxPods of type int32",
                "kind-worker",
                Some("kubeadmConfigPatches[2]"),
            ),
            ("unknown api groups nosuch/v1", "kind-control-plane", Some("runtimeConfig.nosuch/v1")),
            (
                "exec: \"/no/such/runc\": not found",
                "kind-worker",
                Some("containerdConfigPatches[1]"),
            ),
            (
                "unknown flag: --no-such-flag",
                "kind-worker",
                Some("nodes[1].kubeadmConfigPatches[0]"),
            ),
            // Set on another node.
            ("unknown flag: --no-such-flag", "kind-control-plane", None),
            ("something about the apiServer", "kind-control-plane", None),
            // A value of another field.
            ("set --fail-swap-on flag to false", "kind-control-plane", None),
        ] {
            assert_eq!(find(words, &cluster, node).as_deref(), expected, "{words}");
        }
    }
}
