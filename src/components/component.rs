//! The components of a node.

use std::fmt;

/// Those that others need come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Component {
    Containerd,
    Kubelet,
    Etcd,
    ApiServer,
    ControllerManager,
    Scheduler,
    KubeProxy,
    PodNetwork,
    CoreDns,
    /// It runs once on every node.
    Kubeadm,
}

/// Names of containers, which pods have as well, followed by more.
const CONTAINERS: [(&str, Component); 9] = [
    ("etcd", Component::Etcd),
    ("kube-apiserver", Component::ApiServer),
    ("kube-controller-manager", Component::ControllerManager),
    ("kube-scheduler", Component::Scheduler),
    ("kube-proxy", Component::KubeProxy),
    ("coredns", Component::CoreDns),
    ("kindnet", Component::PodNetwork),
    // What the container is called in kind's image, and in ours.
    ("kindnet-cni", Component::PodNetwork),
    ("podnet", Component::PodNetwork),
];

impl Component {
    /// Whether kubeadm waits for it.
    pub(super) fn is_needed_by_kubeadm(self) -> bool {
        self < Component::KubeProxy
    }

    /// The component that a container of kube-system belongs to, by its name.
    pub(super) fn of_container(name: &str) -> Option<Component> {
        CONTAINERS.iter().find(|(known, _)| *known == name).map(|(_, component)| *component)
    }

    /// The component that a pod of kube-system belongs to, by its name.
    pub(super) fn of_pod(name: &str) -> Option<Component> {
        let is_of =
            |known: &str| name.strip_prefix(known).is_some_and(|rest| rest.starts_with('-'));
        CONTAINERS.iter().find(|(known, _)| is_of(known)).map(|(_, component)| *component)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Component::Containerd => "containerd",
            Component::Kubelet => "the kubelet",
            Component::Etcd => "etcd",
            Component::ApiServer => "the API server",
            Component::ControllerManager => "the controller manager",
            Component::Scheduler => "the scheduler",
            Component::KubeProxy => "kube-proxy",
            Component::CoreDns => "CoreDNS",
            Component::PodNetwork => "the pod network",
            Component::Kubeadm => "kubeadm",
        })
    }
}
