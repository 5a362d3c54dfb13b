//! Components that cannot come up, each with what a real one wrote.

use super::{Failure, Screens};
use crate::cluster::Place;
use crate::component_config::{Refusal, Refused};
use crate::components::{Cause, Component, Crash};

/// The kubelet of Kubernetes 1.37 with a feature gate that is gone.
pub(super) fn crash() -> Box<Crash> {
    crash_of(
        Component::Kubelet,
        Cause::UnknownGate("EphemeralContainers".into()),
        Some("featureGates.EphemeralContainers"),
        "panic: failed to merge global and in-flight KubeletConfiguration while setting defaults, error: unrecognized feature gate: EphemeralContainers",
    )
}

/// Components of Kubernetes 1.37, asked before there are nodes.
pub(super) fn refused() -> Refused {
    let place = |line, path: &str| {
        Some(Place { path: path.into(), file: Some("lab.yaml".into()), line: Some(line) })
    };
    let refusal = |place, component, words: &str, similar: Option<&str>| Refusal {
        place,
        component,
        words: words.into(),
        similar: similar.map(str::to_owned),
    };
    let of_patch = |line| place(line, "kubeadmConfigPatches[0]");
    Refused {
        version: "v1.37.2".into(),
        refusals: vec![
            refusal(
                place(3, "featureGates.SidecarContainer"),
                Component::Kubelet,
                "unrecognized feature gate: SidecarContainer",
                Some("SidecarContainers"),
            ),
            refusal(
                of_patch(9),
                Component::ApiServer,
                "enable-admission-plugins plugin \"NoSuch\" is unknown",
                None,
            ),
            refusal(
                of_patch(12),
                Component::KubeProxy,
                "KubeProxyConfiguration.Mode.ProxyMode: Invalid value: \"nosuch\": must be iptables, ipvs, nftables or blank (blank means the best-available proxy [currently iptables])",
                None,
            ),
        ],
    }
}

fn crash_of(component: Component, cause: Cause, setting: Option<&str>, words: &str) -> Box<Crash> {
    let file = Some("lab.yaml".to_owned());
    let place = |path: &str| Place { path: path.into(), file: file.clone(), line: Some(7) };
    Box::new(Crash {
        node: "lab-control-plane".into(),
        component,
        words: words.lines().map(str::to_owned).collect(),
        cause,
        setting: setting.map(place),
        output: None,
        log: "many lines".into(),
    })
}

pub(super) fn add(screens: &mut Screens) {
    let one = Refused { refusals: refused().refusals[1..2].to_vec(), ..refused() };
    screens.add("Refused, once", &Failure::from(one));
    let patch = Some("kubeadmConfigPatches[0]");
    let flag = |name: &str| Cause::UnknownFlag(name.into());
    for (component, cause, setting, words) in [
        (
            Component::ApiServer,
            flag("enable-podsecuritypolicy"),
            patch,
            "Error: unknown flag: --enable-podsecuritypolicy",
        ),
        (
            Component::Kubelet,
            Cause::Other,
            patch,
            "failed to load kubelet config file, path: /var/lib/kubelet/config.yaml, error: failed to load Kubelet config file /var/lib/kubelet/config.yaml, error failed to decode: json: cannot unmarshal string into Go struct field KubeletConfiguration.maxPods of type int32",
        ),
        (
            Component::Etcd,
            Cause::PortInUse,
            None,
            "discovery failed: listen tcp 172.18.0.2:2380: bind: address already in use",
        ),
        (
            Component::KubeProxy,
            Cause::OpenFiles,
            None,
            "error creating watcher: too many open files",
        ),
        (
            Component::Etcd,
            Cause::DiskFull,
            None,
            "bootstrap failed: write wal: no space left on device",
        ),
        (
            Component::CoreDns,
            Cause::DnsLoop,
            None,
            "[FATAL] plugin/loop: Loop (127.0.0.1:4 -> :53) detected for zone \".\"",
        ),
        (
            Component::Kubelet,
            Cause::Cgroups,
            None,
            "failed to run Kubelet: failed to create cgroup",
        ),
        (
            Component::ApiServer,
            Cause::NoFile("/etc/kubernetes/audit.yaml".into()),
            patch,
            "loading audit policy file: failed to read file path \"/etc/kubernetes/audit.yaml\": open /etc/kubernetes/audit.yaml: no such file or directory",
        ),
        (
            Component::Kubelet,
            Cause::NoFile("/etc/own.crt".into()),
            patch,
            "unable to load client CA file /etc/own.crt: open /etc/own.crt: no such file or directory",
        ),
        (
            Component::ApiServer,
            Cause::NoAddress,
            patch,
            "failed to listen on 192.0.2.1:6443: listen tcp 192.0.2.1:6443: bind: cannot assign requested address",
        ),
        (
            Component::ApiServer,
            Cause::NoImage,
            patch,
            "failed to pull and unpack image \"registry.example.com/kube-apiserver:v1.37.2\": failed to resolve reference \"registry.example.com/kube-apiserver:v1.37.2\": not found",
        ),
        (
            Component::CoreDns,
            Cause::NoPlugin("bridge".into()),
            None,
            "plugin type=\"bridge\" failed (add): failed to find plugin \"bridge\" in path [/opt/cni/bin]",
        ),
        (
            Component::CoreDns,
            Cause::Authority,
            None,
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        ),
        (
            Component::ControllerManager,
            Cause::Clock,
            None,
            "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-25T19:27:56Z is before 2026-11-25T19:28:00Z",
        ),
        (
            Component::Kubelet,
            Cause::ReservedLabel,
            patch,
            "failed to validate kubelet flags: unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [node-role.kubernetes.io/worker]",
        ),
        (
            Component::Etcd,
            Cause::CgroupDriver,
            patch,
            "runc create failed: expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"/kubelet/kubepods/x\" instead",
        ),
        (
            Component::CoreDns,
            Cause::DiskPressure,
            None,
            "Pod was rejected: The node had condition: [DiskPressure].",
        ),
        (
            Component::Etcd,
            Cause::SlowDisk,
            None,
            "leader failed to send out heartbeat on time; took too long, leader is overloaded likely from slow disk",
        ),
        (
            Component::ApiServer,
            Cause::DatabaseFull,
            None,
            "etcdserver: mvcc: database space exceeded",
        ),
        (
            Component::Containerd,
            Cause::Other,
            Some("containerdConfigPatches[1]"),
            "msg=\"failed to load plugin\" error=\"invalid plugin config\"",
        ),
        (
            Component::Kubeadm,
            Cause::Other,
            None,
            "error: error execution phase certs/ca: a\nerror: b",
        ),
    ] {
        let failure = Failure::from(*crash_of(component, cause.clone(), setting, words));
        screens.add(&format!("Crash, {component}, {cause:?}"), &failure);
    }
}

#[test]
fn last_words_fit_on_a_screen() {
    let words = |count: usize| "word ".repeat(count);
    let many = format!("{}\n{}\n{}", words(160), words(200), words(60));
    for (words, last) in [(many, "word"), (words(2000), "…"), ("x".repeat(3000), "…")] {
        let failure = Failure::from(*crash_of(Component::Etcd, Cause::Other, None, &words));
        let lines: Vec<&str> = failure.details.lines().collect();
        assert!(lines.len() <= 20 && lines.len() > 10, "{}", lines.len());
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:?}");
        assert!(lines.last().unwrap().ends_with(last), "{lines:?}");
    }
}
