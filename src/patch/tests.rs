mod properties;

use serde_json::json;

use super::*;

fn merges(texts: &[&str]) -> KubeadmPatches {
    KubeadmPatches { merge: texts.iter().map(|t| t.to_string()).collect(), json: Vec::new() }
}

fn operations(group: &str, version: &str, kind: &str, patch: &str) -> JsonPatch {
    JsonPatch {
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
        patch: patch.into(),
    }
}

/// The form nearly every ingress guide uses.
const INGRESS_READY: &str = "kind: InitConfiguration
nodeRegistration:
  kubeletExtraArgs:
    node-labels: \"ingress-ready=true\"
";

fn init_v1beta4() -> Value {
    json!({
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "InitConfiguration",
        "nodeRegistration": {"criSocket": "unix:///run/containerd/containerd.sock", "kubeletExtraArgs": [
            {"name": "node-labels", "value": ""},
            {"name": "node-ip", "value": "172.18.0.2"},
        ]},
    })
}

#[test]
fn old_map_form_into_v1beta4() {
    let done = kubeadm(vec![init_v1beta4()], &merges(&[INGRESS_READY])).unwrap();
    let want = json!({"criSocket": "unix:///run/containerd/containerd.sock", "kubeletExtraArgs": [
        {"name": "node-labels", "value": "ingress-ready=true"},
        {"name": "node-ip", "value": "172.18.0.2"},
    ]});
    assert_eq!(done[0]["nodeRegistration"], want);
    assert!(without_effect(&[init_v1beta4()], &merges(&[INGRESS_READY])).is_empty());
}

#[test]
fn old_map_form_in_a_patch_for_v1beta4() {
    let patches = merges(&[&format!("apiVersion: kubeadm.k8s.io/v1beta4\n{INGRESS_READY}")]);
    let without_effect = without_effect(&[init_v1beta4()], &patches);
    assert_eq!(without_effect.len(), 1);
    assert!(
        without_effect[0].contains("nodeRegistration.kubeletExtraArgs has no effect as a mapping")
    );
    assert_eq!(kubeadm(vec![init_v1beta4()], &patches).unwrap(), [init_v1beta4()]);
}

#[test]
fn old_map_form_into_v1beta3() {
    let init = json!({
        "apiVersion": "kubeadm.k8s.io/v1beta3",
        "kind": "InitConfiguration",
        "nodeRegistration": {"kubeletExtraArgs": {"node-labels": "", "node-ip": "172.18.0.2"}},
    });
    let done = kubeadm(vec![init], &merges(&[INGRESS_READY])).unwrap();
    let want = json!({"node-labels": "ingress-ready=true", "node-ip": "172.18.0.2"});
    assert_eq!(done[0]["nodeRegistration"]["kubeletExtraArgs"], want);
}

#[test]
fn patches_reach_what_they_match() {
    let documents = vec![
        json!({"apiVersion": "kubeadm.k8s.io/v1beta3", "kind": "ClusterConfiguration", "n": 1}),
        json!({"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "n": 1}),
    ];
    let patches = KubeadmPatches {
        merge: vec![
            "kind: ClusterConfiguration\nn: 2\n---\nkind: KubeletConfiguration\nn: 3\nbig: 9007199254740993\n".into(),
            "# nothing yet\n".into(),
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nn: 4\n".into(),
            "n: 8\n".into(),
            "kind: JoinConfiguration\nn: 5\n".into(),
        ],
        json: vec![
            operations("kubeadm.k8s.io", "v1beta3", "ClusterConfiguration", r#"[{"op":"add","path":"/m","value":1}]"#),
            operations("", "", "KubeletConfiguration", "- {op: replace, path: /n, value: 6}"),
            operations("kubelet.config.k8s.io", "v1beta1", "KubeletConfiguration", "- {op: add, path: /g, value: 7}"),
            operations("kubelet.config.k8s.io", "", "KubeletConfiguration", "- {op: remove, path: /n}"),
            operations("", "v1beta1", "KubeletConfiguration", "- {op: remove, path: /n}"),
            operations("", "", "", "- {op: remove, path: /n}"),
        ],
    };
    assert_eq!(
        without_effect(&documents, &patches),
        [
            "a kubeadm patch of kubeadm.k8s.io/v1beta4 ClusterConfiguration",
            "a kubeadm patch without `kind`",
            "a kubeadm patch of JoinConfiguration",
            "a kubeadm patch of kubelet.config.k8s.io/ KubeletConfiguration",
            "a kubeadm patch of v1beta1 KubeletConfiguration",
            "a kubeadm patch without `kind`",
        ]
        .map(|patch| format!("{patch} matches no document and has no effect"))
    );
    let done = kubeadm(documents, &patches).unwrap();
    assert_eq!(
        done[0],
        json!({"apiVersion": "kubeadm.k8s.io/v1beta3", "kind": "ClusterConfiguration", "n": 2, "m": 1})
    );
    assert_eq!(
        (&done[1]["n"], &done[1]["g"], &done[1]["big"]),
        (&json!(6), &json!(7), &json!(9007199254740993_u64))
    );
}

#[test]
fn a_patch_that_cannot_be_applied_is_an_error() {
    let remove = KubeadmPatches {
        merge: Vec::new(),
        json: vec![operations("", "", "InitConfiguration", "- {op: remove, path: /nope}")],
    };
    let why = kubeadm(vec![init_v1beta4()], &remove).unwrap_err();
    assert!(
        why.starts_with("a kubeadm patch of InitConfiguration (JSON 6902): ")
            && why.contains("/nope"),
        "{why}"
    );

    for (patch, want) in [("kind: [", "not valid YAML"), ("- a", "must be a mapping")] {
        let why = kubeadm(vec![init_v1beta4()], &merges(&[patch])).unwrap_err();
        assert!(why.contains(want), "{patch}: {why}");
    }
}

#[test]
fn documents_are_separated_as_in_kind() {
    let count = |text: &str| merge_documents(text).unwrap().len();
    assert_eq!(count(""), 0);
    assert_eq!(count("# nothing\n---\n\n---\n"), 0);
    assert_eq!(count("---\nkind: A\n---"), 1);
    assert_eq!(count("kind: A\n--- # the next\nkind: B\n"), 2);
    assert_eq!(count("kind: A\n----\nkind: B\n...\n"), 2);
    assert_eq!(count("kind: A\ntext: |\n  ---\n"), 1);
    // The last of duplicate keys counts.
    assert_eq!(merge_documents("kind: A\nkind: B\n").unwrap(), [json!({"kind": "B"})]);
}

#[test]
fn containerd_config() {
    let config =
        "# gone\nversion = 3\n[plugins.'io.containerd.cri.v1.images']\nsnapshotter = 'overlayfs'\n";
    let patches = ContainerdPatches {
        merge: vec![
            "[plugins.\"io.containerd.cri.v1.images\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n".into(),
            "version = 2\n[skipped]\na = 1\n".into(),
            "version = 3\n[kept]\na = 1\n".into(),
        ],
        json: vec![
            r#"[{"op": "replace", "path": "/plugins/io.containerd.cri.v1.images/snapshotter", "value": "native"}]"#.into(),
            "- {op: add, path: /kept/b, value: 2}".into(),
        ],
    };
    let want = r#"version = 3

[kept]
a = 1
b = 2

[plugins."io.containerd.cri.v1.images"]
snapshotter = "native"

[plugins."io.containerd.cri.v1.images".registry]
config_path = "/etc/containerd/certs.d"
"#;
    let patched = containerd(config, &patches).unwrap();
    assert_eq!(patched.config, want);
    assert_eq!(
        patched.without_effect,
        ["a containerd patch for configuration version 2 has no effect on version 3"]
    );
}

#[test]
fn containerd_needs_a_version() {
    assert!(containerd("a = 1\n", &ContainerdPatches::default()).unwrap_err().contains("version"));
    let broken = ContainerdPatches { merge: vec!["a =".into()], json: Vec::new() };
    assert!(containerd("version = 2\n", &broken).unwrap_err().contains("not valid TOML"));
}
