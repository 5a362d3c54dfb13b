mod check;
mod outputs;

use self::outputs::*;
use super::*;
use crate::components::Component;
use crate::config::{Surroundings, parse_in};

const IMAGE: &str = "node:1";

/// A definition in the file lab.yaml, whose fourth line is the first of `text`.
fn cluster(text: &str) -> Cluster {
    let head = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: lab\n";
    let mut cluster = parse_in(&format!("{head}{text}"), &Surroundings::NONE).unwrap();
    cluster.source.file = Some("lab.yaml".into());
    cluster.set_image(IMAGE);
    cluster
}

fn asked(text: &str) -> Vec<Question> {
    all_questions(&cluster(text), IMAGE, &"v1.37.2".parse().unwrap(), false).unwrap()
}

const ALL: &str = "featureGates: {Some: true, Other: false}
runtimeConfig: {api/all: 'true'}
kubeadmConfigPatches:
- |
  kind: ClusterConfiguration
  apiServer: {extraArgs: {v: 5}}
  scheduler: {extraArgs: {profiling: 'false'}}
- |
  kind: KubeProxyConfiguration
  mode: nosuch
nodes:
- role: control-plane
  labels: {tier: edge}
- role: worker
  labels: {tier: web}
- &patched
  role: worker
  kubeadmConfigPatches:
  - |
    kind: JoinConfiguration
    nodeRegistration:
      kubeletExtraArgs: {max-pods: 20}
      taints: [{key: a, value: b, effect: NoSchedule}, {key: c, effect: NoExecute}]
- *patched
";

#[test]
fn only_what_a_definition_sets_is_asked() {
    for text in [
        "",
        "nodes: [{role: control-plane, labels: {a: b}}, {role: worker}, {role: control-plane}]",
        "networking: {kubeProxyMode: nftables, ipFamily: dual, podSubnet: '10.0.0.0/16,fd00::/56'}",
    ] {
        let cluster = cluster(text);
        assert!(!is_needed(&cluster, IMAGE) && asked(text).is_empty(), "{text}");
    }
    assert!(is_needed(&cluster(ALL), IMAGE) && is_needed(&cluster(ALL), "other:1"));
    let worker = "nodes: [{role: control-plane}, {role: worker, kubeadmConfigPatches: ['kind: JoinConfiguration']}]";
    assert!(is_needed(&cluster(worker), IMAGE) && !is_needed(&cluster(worker), "other:1"));
    assert!(asked(worker).is_empty(), "the patch sets nothing");
}

#[test]
fn every_program_is_asked_once_about_all_that_is_set() {
    let shown = |question: &Question| {
        let kinds = question.documents.iter().map(|document| document["kind"].as_str().unwrap());
        let command = question.command("FILE");
        let command = command.iter().filter(|word| !word.contains(question::DIRECTORY));
        let command: Vec<_> = command.map(String::as_str).collect();
        format!(
            "{}: {} ({})",
            question.node,
            command.join(" "),
            kinds.collect::<Vec<_>>().join(" ")
        )
    };
    let all: Vec<String> = asked(ALL).iter().map(shown).collect();
    let gates = "--feature-gates=Other=false,Some=true";
    assert_eq!(
        all,
        [
            "lab-control-plane: kubelet --config=FILE --bootstrap-kubeconfig= (KubeletConfiguration)".to_owned(),
            "lab-control-plane: kubeadm config validate --config=FILE (ClusterConfiguration InitConfiguration KubeletConfiguration KubeProxyConfiguration)".to_owned(),
            format!("lab-control-plane: kube-apiserver --runtime-config=api/all=true {gates} --v=5 --etcd-servers=http://127.0.0.1:1 --advertise-address=192.0.2.1 ()"),
            format!("lab-control-plane: kube-controller-manager {gates} ()"),
            format!("lab-control-plane: kube-scheduler {gates} --profiling=false ()"),
            "lab-control-plane: kube-proxy --config=FILE --write-config-to=/dev/null (KubeProxyConfiguration)".to_owned(),
            "lab-worker2: kubelet --config=FILE --max-pods=20 --register-with-taints=a=b:NoSchedule,c:NoExecute --bootstrap-kubeconfig= (KubeletConfiguration)".to_owned(),
            "lab-worker2: kubeadm config validate --config=FILE (JoinConfiguration)".to_owned(),
        ]
    );
    let script = script::questions(&asked(ALL));
    for part in [
        "\nask 2 'kube-apiserver' '--runtime-config=api/all=true' ",
        ">/tmp/component-config/0.yaml\n",
        "\nwait\nreport 0 1 2 3 4 5 6 7\n",
    ] {
        assert!(script.contains(part), "{part}");
    }
}

/// By its own defaults the kubelet refuses hosts that skiff supports.
#[test]
fn the_kubelet_has_its_file_even_if_only_flags_are_set() {
    let text = "kubeadmConfigPatches: ['{kind: InitConfiguration, nodeRegistration: {kubeletExtraArgs: {node-labels: a=b}}}']";
    let asked = asked(text);
    let kubelet = asked.iter().find(|question| question.component == Component::Kubelet).unwrap();
    assert_eq!(kubelet.flags, [("node-labels".to_owned(), "a=b".to_owned())]);
    assert_eq!(kubelet.documents[0]["failCgroupV1"], false);
}

/// A patch of a node with another image is nothing for this image's programs.
#[test]
fn images_are_asked_about_their_own_nodes() {
    let mut cluster = cluster(ALL);
    cluster.nodes[2].image = Some("other:1".into());
    let of = |image: &str| {
        let all = all_questions(&cluster, image, &"v1.37.2".parse().unwrap(), false).unwrap();
        all.into_iter().map(|question| question.node).collect::<Vec<_>>()
    };
    assert!(of(IMAGE).contains(&"lab-control-plane".to_owned()));
    assert_eq!(of("other:1"), ["lab-worker2", "lab-worker2"]);
}

#[test]
fn a_patch_that_does_not_apply_is_found_before_there_are_nodes() {
    let text = "kubeadmConfigPatchesJSON6902:\n- {kind: InitConfiguration, patch: '- {op: remove, path: /nope}'}\n";
    let found = all_questions(&cluster(text), IMAGE, &"v1.37.2".parse().unwrap(), false);
    let error = found.unwrap_err().to_string();
    assert!(error.contains("lab-control-plane") && error.contains("/nope"), "{error}");
}

/// A question with something of everything that is taken out of it.
fn question(component: Component) -> Question {
    let is_kubeadm = component == Component::Kubeadm;
    let kind = if is_kubeadm { "ClusterConfiguration" } else { "KubeletConfiguration" };
    let document = serde_json::json!({
        "kind": kind,
        "featureGates": {"Nope": true},
        "maxPods": "many",
        "conntrack": {"maxPerCore": "many"},
        "apiServer": {"extraArg": [], "extraArgs": {}},
        "networkin": {},
    });
    let flags =
        [("feature-gates", "A=true,Nope=false"), ("v", "abc"), ("register-with-taints", "x")];
    Question {
        component,
        node: "lab-control-plane".into(),
        flags: flags.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        documents: vec![document],
    }
}

#[test]
fn answers_are_judged_by_the_components_own_words() {
    use Component::{ApiServer, ControllerManager, KubeProxy, Kubeadm, Kubelet, Scheduler};
    let gate = "unrecognized feature gate: Nope";
    let type_of =
        |field: &str, kind: &str| format!("json: cannot unmarshal {field} of type {kind}");
    let max_pods = type_of("string into Go struct field KubeletConfiguration.maxPods", "int32");
    let per_core = type_of(
        "string into Go struct field KubeProxyConntrackConfiguration.conntrack.maxPerCore",
        "int32",
    );
    let arguments = type_of(
        "object into Go struct field APIServer.apiServer.ControlPlaneComponent.extraArgs",
        "[]v1beta4.Arg",
    );
    let label = "unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [node-role.kubernetes.io/worker] --node-labels in the 'kubernetes.io' namespace must begin with an allowed prefix (kubelet.kubernetes.io, node.kubernetes.io)";
    for (component, code, log, refusals, again) in [
        (
            ApiServer,
            1,
            API_SERVER,
            &[
                "enable-admission-plugins plugin \"NoSuch\" is unknown",
                "enable-admission-plugins plugin \"Two\" is unknown",
                "unknown api groups nosuch/v1",
            ][..],
            false,
        ),
        (ApiServer, 1, API_SERVER_FINE, &[], false),
        (ApiServer, 1, GATE, &[gate], true),
        (ApiServer, 1, "Error: unknown flag: --v", &["unknown flag: --v"], true),
        (Kubelet, 2, KUBELET_GATE, &[gate], true),
        (Kubelet, 1, KUBELET_FINE, &[], false),
        (
            Kubelet,
            1,
            KUBELET_INVALID,
            &[
                "invalid configuration: imageGCLowThresholdPercent (--image-gc-low-threshold) 100 must be less than imageGCHighThresholdPercent (--image-gc-high-threshold) 100",
                "invalid configuration: maxPods (--max-pods) -1 must not be a negative number",
            ],
            false,
        ),
        (Kubelet, 1, KUBELET_UNKNOWN, &[], false),
        (Kubelet, 1, KUBELET_TYPE, &[&max_pods], true),
        (
            Kubelet,
            1,
            KUBELET_TAINT,
            &[
                "invalid argument \"a=b:Nope\" for \"--register-with-taints\" flag: invalid taint effect: Nope, unsupported taint effect",
            ],
            true,
        ),
        (Kubelet, 1, KUBELET_LABEL, &[label], false),
        (
            Scheduler,
            1,
            SCHEDULER,
            &[
                "invalid argument \"abc\" for \"-v, --v\" flag: strconv.ParseUint: parsing \"abc\": invalid syntax",
            ],
            true,
        ),
        (
            ControllerManager,
            1,
            MANAGER,
            &[
                "\"nosuch\" is not in the list of known controllers",
                "\"two\" is not in the list of known controllers",
            ],
            false,
        ),
        (ControllerManager, 1, MANAGER_FINE, &[], false),
        (
            KubeProxy,
            1,
            PROXY,
            &[
                "KubeProxyConfiguration.KubeProxyLinuxConfiguration.KubeProxyConntrackConfiguration.MaxPerCore: Invalid value: -1: must be greater than or equal to 0",
                "KubeProxyConfiguration.Mode.ProxyMode: Invalid value: \"nosuch\": must be iptables, ipvs, nftables or blank (blank means the best-available proxy [currently iptables])",
            ],
            false,
        ),
        (KubeProxy, 1, PROXY_TYPE, &[&per_core], true),
        (
            KubeProxy,
            0,
            "I1125 19:28:32.593760     282 options.go:436] \"Wrote configuration\"",
            &[],
            false,
        ),
        (Kubeadm, 1, KUBEADM_UNKNOWN, &[], true),
        (
            Kubeadm,
            1,
            KUBEADM_INVALID,
            &[
                "networking.serviceSubnet: Invalid value: \"abc\": couldn't parse subnet",
                "featureGates: Invalid value: {\"Nope\":true}: Nope is not a valid feature name.",
                "localAPIEndpoint.bindPort: Invalid value: 644399: port number is not valid",
            ],
            false,
        ),
        (Kubeadm, 1, KUBEADM_TYPE, &[&arguments], true),
        // What has nothing to do with the definition.
        (ApiServer, 124, "", &[], false),
        (
            ApiServer,
            127,
            "timeout: failed to run command 'kube-apiserver': No such file or directory",
            &[],
            false,
        ),
        (
            Kubelet,
            2,
            "panic: runtime error: invalid memory address or nil pointer dereference",
            &[],
            false,
        ),
        (Kubeadm, 1, "error: open /etc/kubernetes/x: permission denied", &[], false),
    ] {
        let answer = Answer { code, log: log.into() };
        let judged = judge(&question(component), &answer);
        assert_eq!(judged.refusals, refusals, "{log}");
        assert_eq!(judged.again.is_some(), again, "{log}");
    }
}

#[test]
fn fields_without_effect_are_named() {
    for (component, log, kind, paths) in [
        (
            Component::Kubelet,
            KUBELET_UNKNOWN,
            "KubeletConfiguration",
            &["authentication.anonymus", "maxPodz"],
        ),
        (
            Component::Kubeadm,
            KUBEADM_UNKNOWN,
            "ClusterConfiguration",
            &["apiServer.extraArg", "networkin"],
        ),
    ] {
        let judged = judge(&question(component), &Answer { code: 1, log: log.into() });
        let field = |path: &&str| UnknownField { kind: kind.into(), path: (*path).into() };
        assert_eq!(judged.unknown, paths.iter().map(field).collect::<Vec<_>>());
    }
}

/// Asked again, without what was found.
#[test]
fn what_was_found_is_taken_out_of_the_question() {
    let without = |component, log: &str| {
        let judged = judge(&question(component), &Answer { code: 1, log: log.into() });
        judged.again.unwrap()
    };
    let gates = without(Component::Kubelet, KUBELET_GATE);
    assert_eq!(gates.flags[0], ("feature-gates".to_owned(), "A=true".to_owned()));
    assert_eq!(gates.documents[0]["featureGates"], serde_json::json!({}));
    let flag = without(Component::Scheduler, SCHEDULER);
    assert!(flag.flags.iter().all(|(name, _)| name != "v") && flag.flags.len() == 2);
    let field = without(Component::KubeProxy, PROXY_TYPE);
    assert_eq!(field.documents[0]["conntrack"], serde_json::json!({}));
    let fields = without(Component::Kubeadm, KUBEADM_UNKNOWN);
    assert_eq!(fields.documents[0]["apiServer"], serde_json::json!({"extraArgs": {}}));
    assert_eq!(fields.documents[0].get("networkin"), None);
}
