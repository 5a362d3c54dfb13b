//! The field of a definition that a program complains about: found by the words that
//! both have.

use super::{Cluster, KubeadmPatches, Place};

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

/// A word of a definition.
struct Mention<'a> {
    /// The field that it stands in.
    path: String,
    /// The line, from 0, of the text in that field.
    line: usize,
    word: &'a str,
    /// The field is called so: there are no other words in it.
    is_name: bool,
}

impl Cluster {
    /// The field that sets what a component on this node names in its last words, such as
    /// `featureGates.EphemeralContainers` or `kubeadmConfigPatches[0]`. `None` if nothing
    /// that they name is set there.
    pub(crate) fn place_of(&self, words: &str, node: &str) -> Option<Place> {
        // Of `KubeletConfiguration.maxPods` the field counts, too.
        let said: Vec<&str> =
            words_of(words).flat_map(|word| word.split('.').chain([word])).collect();
        let said_here = self.mentions(node).into_iter().filter(|mention| {
            let is_telling = mention.word.len() > 4 && !COMMON.contains(&mention.word);
            (is_telling || mention.is_name) && said.contains(&mention.word)
        });
        let said_here: Vec<_> = said_here.collect();
        // The longest word says most. Of equal ones the first counts.
        let found = said_here.iter().rev().max_by_key(|mention| mention.word.len())?;
        Some(self.source.place_in(&found.path, found.line))
    }

    /// The field that sets a gate, a flag or a field of this name for a node.
    pub(crate) fn place_named(&self, name: &str, node: &str) -> Option<Place> {
        let is_it = |word: &str| word == name || word.rsplit('/').next() == Some(name);
        let found = self.mentions(node).into_iter().find(|mention| is_it(mention.word))?;
        Some(self.source.place_in(&found.path, found.line))
    }

    /// Everything that is set for a node, fields of the whole cluster first.
    fn mentions(&self, node: &str) -> Vec<Mention<'_>> {
        let mut found = of_names("featureGates", self.feature_gates.keys());
        found.extend(of_names("runtimeConfig", self.runtime_config.keys()));
        found.extend(of_patches("", &self.kubeadm));
        if let Some(at) = self.node_names().iter().position(|name| name == node) {
            let node = &self.nodes[at];
            found.extend(of_names(&format!("nodes[{at}].labels"), node.labels.keys()));
            found.extend(of_patches(&format!("nodes[{at}]."), &node.kubeadm));
        }
        found.extend(of_texts("containerdConfigPatches", &self.containerd.merge));
        found.extend(of_texts("containerdConfigPatchesJSON6902", &self.containerd.json));
        found
    }
}

fn of_names<'a>(owner: &str, names: impl Iterator<Item = &'a String>) -> Vec<Mention<'a>> {
    let mention = |word: &'a String| {
        let path = format!("{owner}.{word}");
        Mention { path, line: 0, word, is_name: true }
    };
    names.map(mention).collect()
}

fn of_patches<'a>(owner: &str, patches: &'a KubeadmPatches) -> Vec<Mention<'a>> {
    let json = patches.json.iter().map(|patch| &patch.patch);
    let mut found = of_texts(&format!("{owner}kubeadmConfigPatches"), &patches.merge);
    found.extend(of_texts(&format!("{owner}kubeadmConfigPatchesJSON6902"), json));
    found
}

fn of_texts<'a>(path: &str, texts: impl IntoIterator<Item = &'a String>) -> Vec<Mention<'a>> {
    let of_text = |(at, text): (usize, &'a String)| {
        let path = format!("{path}[{at}]");
        let lines = text.lines().enumerate();
        let words = lines.flat_map(|(line, text)| words_of(text).map(move |word| (line, word)));
        let mention = |(line, word)| Mention { path: path.clone(), line, word, is_name: false };
        words.map(mention).collect::<Vec<_>>()
    };
    texts.into_iter().enumerate().flat_map(of_text).collect()
}

/// Names of fields and flags, and paths, without what quotes or separates them.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_alphanumeric() && !"-_./".contains(c));
    words.map(|word| word.trim_matches(['-', '.'])).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use crate::config::{self, Surroundings};

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
- {role: control-plane, labels: {a.b/c: d}}
- role: worker
  kubeadmConfigPatches: ['{kind: JoinConfiguration, nodeRegistration: {kubeletExtraArgs: {no-such-flag: a}}}']
";
        let cluster = config::parse_in(text, &Surroundings::NONE).unwrap();
        for (words, node, expected) in [
            (
                "unrecognized feature gate: EphemeralContainers",
                "kind-control-plane",
                Some("line 4: featureGates.EphemeralContainers"),
            ),
            (
                "Error: unknown flag: --enable-podsecuritypolicy",
                "kind-control-plane",
                Some("line 12: kubeadmConfigPatches[1]"),
            ),
            (
                "enable-admission-plugins plugin \"NoSuch\" is unknown",
                "kind-control-plane",
                Some("line 12: kubeadmConfigPatches[1]"),
            ),
            (
                "json: cannot unmarshal string into Go struct field KubeletConfiguration.maxPods of type int32",
                "kind-worker",
                Some("line 15: kubeadmConfigPatches[2]"),
            ),
            (
                "unknown api groups nosuch/v1",
                "kind-control-plane",
                Some("line 5: runtimeConfig.nosuch/v1"),
            ),
            (
                "exec: \"/no/such/runc\": not found",
                "kind-worker",
                Some("line 23: containerdConfigPatches[1]"),
            ),
            (
                "unknown flag: --no-such-flag",
                "kind-worker",
                Some("line 27: nodes[1].kubeadmConfigPatches[0]"),
            ),
            // Set on another node.
            ("unknown flag: --no-such-flag", "kind-control-plane", None),
            ("something about the apiServer", "kind-control-plane", None),
            // A value of another field.
            ("set --fail-swap-on flag to false", "kind-control-plane", None),
        ] {
            let found = cluster.place_of(words, node).map(|place| place.to_string());
            assert_eq!(found.as_deref(), expected, "{words}");
        }
        for (name, node, expected) in [
            ("Other", "kind-worker", Some("line 4: featureGates.Other")),
            ("enable-admission-plugins", "kind-worker", Some("line 12: kubeadmConfigPatches[1]")),
            ("profiling-x", "kind-worker", Some("line 18: kubeadmConfigPatchesJSON6902[0]")),
            ("no-such-flag", "kind-worker", Some("line 27: nodes[1].kubeadmConfigPatches[0]")),
            ("no-such-flag", "kind-control-plane", None),
            ("a.b/c", "kind-control-plane", Some("line 25: nodes[0].labels.a.b/c")),
        ] {
            let found = cluster.place_named(name, node).map(|place| place.to_string());
            assert_eq!(found.as_deref(), expected, "{name}");
        }
    }
}
