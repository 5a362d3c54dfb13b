//! What the reason that a component gives for its end says about trying again.

/// Whether a component ends for want of another one, or of something that comes by
/// itself.
pub(super) fn waits(fatal: &str) -> bool {
    const SIGNS: [&str; 39] = [
        "connection refused",
        "connection reset",
        "connection error",
        "broken pipe",
        "no such host",
        "server misbehaving",
        "no route to host",
        "network is unreachable",
        "i/o timeout",
        "handshake timeout",
        "timed out",
        "timeout",
        "deadline exceeded",
        "context canceled",
        ": eof",
        "unauthorized",
        "forbidden",
        // Of objects, which are quoted; files are not.
        "\" not found",
        "leader election lost",
        "leaderelection lost",
        "lost lease",
        "finished without leader elect",
        "etcdserver: ",
        // etcd, while members are added, or while the others are too slow to answer.
        "peerurls",
        "member count",
        "cluster id mismatch",
        "cluster info",
        "incompatible with current running cluster",
        // What the API server does once it answers needs itself and etcd.
        "poststarthook ",
        "service unavailable",
        "internal error occurred",
        "is closing",
        "the server is currently unable",
        "the server was unable",
        "too many requests",
        "not yet ready",
        "is reserved for",
        // Pods with a network of their own, until the pod network is up.
        "setup network",
        "cni plugin",
    ];
    let fatal = fatal.to_lowercase();
    is_missing(&fatal, &[".sock"]) || has_any(&fatal, &SIGNS)
}

/// Whether the kubelet ends because kubeadm has not written its files: older kubelets
/// are started before kubeadm. Containers are created when all of them are there.
pub(super) fn waits_for_kubeadm(fatal: &str) -> bool {
    const FILES: [&str; 6] = [
        "/var/lib/kubelet/config.yaml",
        "/var/lib/kubelet/instance-config.yaml",
        "/var/lib/kubelet/pki/",
        "/etc/kubernetes/bootstrap-kubelet.conf",
        "/etc/kubernetes/kubelet.conf",
        "/etc/kubernetes/pki/ca.crt",
    ];
    is_missing(fatal, &FILES)
}

/// Whether a file is missing whose path contains one of these.
fn is_missing(fatal: &str, paths: &[&str]) -> bool {
    fatal.contains("no such file or directory") && has_any(fatal, paths)
}

/// Whether a component does not understand its own flags or files. That does not
/// change by itself.
pub(super) fn misconfigured(fatal: &str) -> bool {
    const SIGNS: [&str; 26] = [
        "unknown flag",
        "unknown shorthand flag",
        "flag provided but not defined",
        "bad flag syntax",
        "for flag -",
        "invalid argument \"",
        "required flag",
        "feature gate",
        "failed to decode",
        "cannot unmarshal",
        "strict decoding error",
        "unknown field",
        "invalid value",
        "unsupported value",
        "invalid configuration",
        "is not in the list of known",
        "\" is unknown",
        "unknown api",
        "error during parsing",
        "failed validate:",
        "failed to validate kubelet",
        // Gates that need other gates.
        "depends on features that are disabled",
        "is not a valid feature name",
        "labels specified with --node-labels",
        "invalid node labels",
        "invalid taint",
    ];
    let fatal = fatal.to_lowercase();
    has_any(&fatal, &SIGNS)
}

fn has_any(text: &str, signs: &[&str]) -> bool {
    signs.iter().any(|sign| text.contains(sign))
}

/// Whether the kubelet ends because of containerd.
pub(super) fn blames_containerd(fatal: &str) -> bool {
    has_any(fatal, &["RuntimeService", "ImageService", "container runtime", "CRI"])
}
