//! Known causes, recognised by the last words of a component.

/// Why a component cannot come up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A feature gate that this version does not have.
    UnknownGate(String),
    /// A flag that this component does not have.
    UnknownFlag(String),
    /// A limit of the host: inotify, or open files.
    OpenFiles,
    DiskFull,
    /// The kubelet evicts pods to free space.
    DiskPressure,
    /// etcd keeps its peers and clients waiting for its disk.
    SlowDisk,
    /// etcd's own limit of its database.
    DatabaseFull,
    /// A port of the node is taken.
    PortInUse,
    /// No interface of the node has this address.
    NoAddress,
    /// A file that is not there.
    NoFile(String),
    /// An image that is neither in the node nor could be pulled.
    NoImage,
    /// The pod network's plugin is missing.
    NoPlugin(String),
    /// A certificate is not valid at this time.
    Clock,
    /// A certificate is from an authority that the node does not know.
    Authority,
    /// Labels of Kubernetes' own that a node may not give itself.
    ReservedLabel,
    /// The kubelet and containerd use cgroups in different ways.
    CgroupDriver,
    Cgroups,
    /// CoreDNS asks itself.
    DnsLoop,
    /// Its words must do.
    Other,
}

impl Cause {
    /// The cause in the words of a component.
    pub(crate) fn of(words: &str) -> Cause {
        let named = |signs: &[&str]| signs.iter().find_map(|sign| word_after(words, sign));
        if let Some(gate) = named(&["unrecognized feature gate: ", "unknown feature gate "]) {
            return Cause::UnknownGate(gate);
        }
        if let Some(flag) = named(&["unknown flag: --", "flag provided but not defined: -"]) {
            return Cause::UnknownFlag(flag.trim_start_matches('-').to_owned());
        }
        if let Some(plugin) = named(&["failed to find plugin \""]) {
            return Cause::NoPlugin(plugin);
        }
        let lower = words.to_lowercase();
        // Those that say more come first.
        let known = [
            ("too many open files", Cause::OpenFiles),
            ("inotify", Cause::OpenFiles),
            ("no space left on device", Cause::DiskFull),
            ("database space exceeded", Cause::DatabaseFull),
            ("diskpressure", Cause::DiskPressure),
            ("low on resource: ephemeral-storage", Cause::DiskPressure),
            ("address already in use", Cause::PortInUse),
            ("cannot assign requested address", Cause::NoAddress),
            ("certificate has expired or is not yet valid", Cause::Clock),
            ("certificate signed by unknown authority", Cause::Authority),
            ("failed to pull", Cause::NoImage),
            ("not present with pull policy", Cause::NoImage),
            ("labels specified with --node-labels", Cause::ReservedLabel),
            ("for systemd cgroups, got", Cause::CgroupDriver),
            ("kubelet cgroup driver", Cause::CgroupDriver),
            ("loop (", Cause::DnsLoop),
            ("slow disk", Cause::SlowDisk),
            ("slow fdatasync", Cause::SlowDisk),
        ];
        let found = known.into_iter().find(|(sign, _)| lower.contains(sign));
        let file = || no_file(words).map(Cause::NoFile);
        let cgroups = || lower.contains("cgroup").then_some(Cause::Cgroups);
        found.map(|(_, cause)| cause).or_else(file).or_else(cgroups).unwrap_or(Cause::Other)
    }
}

/// The path in `open /a/b: no such file or directory`; sockets come and go.
fn no_file(words: &str) -> Option<String> {
    // The last one is why the others are missing, too.
    let (before, _) = words.rsplit_once(": no such file or directory")?;
    let is_of_path = |c: char| !c.is_whitespace() && !"\"'`".contains(c);
    let start = before.rfind(|c| !is_of_path(c)).map_or(0, |at| at + 1);
    let path = &before[start..];
    (path.starts_with('/') && !path.ends_with(".sock")).then(|| path.to_owned())
}

/// The word that follows a sign: letters, digits and dashes.
fn word_after(text: &str, sign: &str) -> Option<String> {
    let (_, rest) = text.split_once(sign)?;
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_recognised() {
        let gate = |name: &str| Cause::UnknownGate(name.into());
        let flag = |name: &str| Cause::UnknownFlag(name.into());
        let file = |path: &str| Cause::NoFile(path.into());
        for (words, cause) in [
            ("unrecognized feature gate: EphemeralContainers", gate("EphemeralContainers")),
            ("Error: unknown flag: --enable-podsecuritypolicy", flag("enable-podsecuritypolicy")),
            ("flag provided but not defined: -no-such-flag", flag("no-such-flag")),
            ("inotify_init: too many open files", Cause::OpenFiles),
            ("Failed to create inotify object: Too many open files", Cause::OpenFiles),
            ("write /x: no space left on device", Cause::DiskFull),
            (
                "rpc error: code = ResourceExhausted desc = etcdserver: mvcc: database space exceeded",
                Cause::DatabaseFull,
            ),
            ("Pod was rejected: The node had condition: [DiskPressure].", Cause::DiskPressure),
            (
                "The node was low on resource: ephemeral-storage. Threshold quantity: 1, available: 0.",
                Cause::DiskPressure,
            ),
            ("slow fdatasync", Cause::SlowDisk),
            (
                "leader failed to send out heartbeat on time; took too long, leader is overloaded likely from slow disk",
                Cause::SlowDisk,
            ),
            ("listen tcp :2379: bind: address already in use", Cause::PortInUse),
            (
                "failed to create listener: failed to listen on 192.0.2.1:6443: listen tcp 192.0.2.1:6443: bind: cannot assign requested address",
                Cause::NoAddress,
            ),
            (
                "loading audit policy file: failed to read file path \"/etc/kubernetes/audit.yaml\": open /etc/kubernetes/audit.yaml: no such file or directory",
                file("/etc/kubernetes/audit.yaml"),
            ),
            (
                "unable to retrieve OCI runtime error (open /run/x/log.json: no such file or directory): fork/exec /no/such/runc: no such file or directory",
                file("/no/such/runc"),
            ),
            (
                "exec: \"/no/such/runc\": stat /no/such/runc: no such file or directory: unknown",
                file("/no/such/runc"),
            ),
            (
                "dial unix /run/containerd/containerd.sock: connect: no such file or directory",
                Cause::Other,
            ),
            (
                "failed to pull and unpack image \"registry.example.com/kube-apiserver:v1.37.2\": failed to resolve reference: not found",
                Cause::NoImage,
            ),
            ("Container image \"a:1\" is not present with pull policy of Never", Cause::NoImage),
            (
                "plugin type=\"bridge\" failed (add): failed to find plugin \"bridge\" in path [/opt/cni/bin]",
                Cause::NoPlugin("bridge".into()),
            ),
            (
                "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-25T19:27:56Z is before 2026-11-25T19:28:00Z",
                Cause::Clock,
            ),
            (
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
                Cause::Authority,
            ),
            (
                "failed to validate kubelet flags: unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [node-role.kubernetes.io/worker]",
                Cause::ReservedLabel,
            ),
            (
                "runc create failed: expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got \"/kubelet/kubepods/x\" instead",
                Cause::CgroupDriver,
            ),
            (
                "misconfiguration: kubelet cgroup driver: \"cgroupfs\" is different from docker cgroup driver: \"systemd\"",
                Cause::CgroupDriver,
            ),
            ("plugin/loop: Loop (127.0.0.1:4 -> :53) detected for zone \".\"", Cause::DnsLoop),
            ("failed to create cgroup", Cause::Cgroups),
            ("something else", Cause::Other),
        ] {
            assert_eq!(Cause::of(words), cause, "{words}");
        }
    }
}
