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

/// The notes about patches of the cluster.
fn texts(documents: &[Value], patches: &KubeadmPatches) -> Vec<String> {
    let all = notes(documents, patches, Scope::Cluster { joins: true });
    all.into_iter().map(|note| note.text).collect()
}

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
    assert!(texts(&[init_v1beta4()], &merges(&[INGRESS_READY])).is_empty());
}

#[test]
fn old_map_form_in_a_patch_for_v1beta4() {
    let patches = merges(&[&format!("apiVersion: kubeadm.k8s.io/v1beta4\n{INGRESS_READY}")]);
    let without_effect = texts(&[init_v1beta4()], &patches);
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
        texts(&documents, &patches),
        [
            (
                "of kubeadm.k8s.io/v1beta4 ClusterConfiguration",
                "; this version of Kubernetes has kubeadm.k8s.io/v1beta3"
            ),
            ("without `kind`", ""),
            ("of JoinConfiguration", ""),
            (
                "of kubelet.config.k8s.io/ KubeletConfiguration",
                "; this version of Kubernetes has kubelet.config.k8s.io/v1beta1"
            ),
            (
                "of v1beta1 KubeletConfiguration",
                "; this version of Kubernetes has kubelet.config.k8s.io/v1beta1"
            ),
            ("without `kind`", ""),
        ]
        .map(|(patch, reason)| {
            format!("a kubeadm patch {patch} matches no document and has no effect{reason}")
        })
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

/// Each with its line, from 0.
#[test]
fn what_has_no_effect_on_a_node_is_named_with_what_would() {
    let document = |api: &str, kind: &str| json!({"apiVersion": api, "kind": kind});
    let kubeadm = "kubeadm.k8s.io/v1beta4";
    let documents = vec![
        document(kubeadm, "ClusterConfiguration"),
        document(kubeadm, "InitConfiguration"),
        document(kubeadm, "JoinConfiguration"),
        document("kubelet.config.k8s.io/v1beta1", "KubeletConfiguration"),
        document("kubeproxy.config.k8s.io/v1alpha1", "KubeProxyConfiguration"),
    ];
    let init = Scope::Init("lab-control-plane");
    let join = Scope::Join { node: "lab-worker", patches_kubelet: true };
    let old_join = Scope::Join { node: "lab-worker", patches_kubelet: false };
    let (cluster, alone) = (Scope::Cluster { joins: true }, Scope::Cluster { joins: false });
    let kind = |kind: &str| format!("# a\nkind: {kind}\na: b\n");
    let twice = "kind: ClusterConfiguration\napiServer:\n  extraArgs:\n  - {name: v, value: '2'}\n  - {name: v, value: '1'}\n";
    let key = "kind: InitConfiguration\n---\nkind: ClusterConfiguration\na: 1\nb: 2\na: 3\n";
    for (scope, patch, expected) in [
        (init, kind("JoinConfiguration"), Some((1, "use InitConfiguration"))),
        (init, kind("InitConfiguration"), None),
        (init, kind("ClusterConfiguration"), None),
        (init, kind("KubeletConfiguration"), None),
        (
            join,
            kind("InitConfiguration"),
            Some((1, "no effect on lab-worker, which joins the cluster; use JoinConfiguration")),
        ),
        (join, kind("JoinConfiguration"), None),
        (
            join,
            kind("ClusterConfiguration"),
            Some((1, "use the kubeadmConfigPatches of the cluster")),
        ),
        (
            join,
            kind("KubeProxyConfiguration"),
            Some((1, "use the kubeadmConfigPatches of the cluster")),
        ),
        (join, kind("KubeletConfiguration"), None),
        (
            old_join,
            kind("KubeletConfiguration"),
            Some((1, "use the kubeadmConfigPatches of the cluster")),
        ),
        (cluster, kind("JoinConfiguration"), None),
        (alone, kind("JoinConfiguration"), Some((1, "no node joins"))),
        (alone, kind("InitConfiguration"), None),
        (alone, kind("IniConfiguration"), Some((1, "did you mean InitConfiguration?"))),
        (
            cluster,
            twice.into(),
            Some((4, "apiServer.extraArgs has --v twice; the last one counts")),
        ),
        (cluster, key.into(), Some((5, "a is set twice; the last one counts"))),
    ] {
        let found = notes(&documents, &merges(&[&patch]), scope);
        match (&found[..], expected) {
            ([], None) => {}
            ([note], Some((line, part))) => {
                assert_eq!((note.line, note.path.as_str()), (line, "kubeadmConfigPatches[0]"));
                assert!(note.text.contains(part), "{}", note.text);
            }
            _ => panic!("{scope:?} {patch}: {found:?}"),
        }
    }
    let json = operations("", "", "InitConfiguration", "[]");
    let patches = KubeadmPatches { merge: Vec::new(), json: vec![json] };
    let found = notes(&documents, &patches, join);
    assert_eq!(found[0].path, "kubeadmConfigPatchesJSON6902[0]");
    assert_eq!((found.len(), notes(&documents, &patches, init).len()), (1, 0));
    let without_proxy =
        notes(&documents[..4], &merges(&[&kind("KubeProxyConfiguration")]), cluster);
    assert!(without_proxy[0].text.ends_with("; the cluster has no kube-proxy"));
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
    let count = |text: &str| parts(text).unwrap().len();
    assert_eq!(count(""), 0);
    assert_eq!(count("# nothing\n---\n\n---\n"), 0);
    assert_eq!(count("---\nkind: A\n---"), 1);
    assert_eq!(count("kind: A\n--- # the next\nkind: B\n"), 2);
    assert_eq!(count("kind: A\n----\nkind: B\n...\n"), 2);
    assert_eq!(count("kind: A\ntext: |\n  ---\n"), 1);
    // The last of duplicate keys counts.
    assert_eq!(parts("kind: A\nkind: B\n").unwrap()[0].value, json!({"kind": "B"}));
    let lines = |text: &str| parts(text).unwrap().iter().map(|part| part.line).collect::<Vec<_>>();
    assert_eq!(lines("kind: A\n"), [0]);
    assert_eq!(lines("\nkind: A\n--- # the next\n\nkind: B\n---\n# no\n---\nkind: C"), [0, 3, 8]);
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
