use super::*;

const GATE: &str = r#"Started kubelet.service - kubelet: the Kubernetes node agent.
panic: failed to merge global and in-flight KubeletConfiguration while setting defaults, error: unrecognized feature gate: EphemeralContainers
goroutine 1 [running]:
k8s.io/kubernetes/pkg/kubelet/apis/config/v1beta1.SetDefaults_KubeletConfiguration(0x255571fc008)
	k8s.io/kubernetes@v1.37.2/pkg/kubelet/apis/config/v1beta1/defaults.go:70 +0x1394
main.main()
	skiff/kubernetes/main.go:61 +0xd9
"#;
const EXITED: &str = "kubelet.service: Main process exited, code=exited, status=2/INVALIDARGUMENT
kubelet.service: Failed with result 'exit-code'.
kubelet.service: Scheduled restart job, restart counter is at 1.
";
const FIELD: &str = r#"E1125 15:14:56.940807    2114 run.go:72] "command failed" err="failed to load kubelet config file, path: /var/lib/kubelet/config.yaml, error: failed to load Kubelet config file /var/lib/kubelet/config.yaml, error failed to decode: json: cannot unmarshal string into Go struct field KubeletConfiguration.maxPods of type int32"
"#;
/// Of a kubelet that is started before kubeadm, as by older node images.
const EARLY: &str = r#"E1125 15:14:56.940807    2114 run.go:72] "command failed" err="failed to load kubelet config file, path: /var/lib/kubelet/config.yaml, error: failed to load Kubelet config file /var/lib/kubelet/config.yaml, error failed to read kubelet config file \"/var/lib/kubelet/config.yaml\", error: open /var/lib/kubelet/config.yaml: no such file or directory"
"#;
/// A file that kubeadm does not write.
const OWN_FILE: &str = r#"E1125 15:14:56.940807    2114 run.go:72] "command failed" err="failed to construct kubelet dependencies: unable to load client CA file /etc/kubernetes/own.crt: open /etc/kubernetes/own.crt: no such file or directory"
"#;
const LABEL: &str = "E1125 19:27:57.218686     303 run.go:72] \"command failed\" err=<
\tfailed to validate kubelet flags: unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [node-role.kubernetes.io/worker]
\t--node-labels in the 'kubernetes.io' namespace must begin with an allowed prefix
 >
";
const NO_CRI: &str = r#"E1125 15:14:57.041465    2122 run.go:72] "command failed" err="failed to run Kubelet: validate service connection: validate CRI v1 runtime API for endpoint \"unix:///run/containerd/containerd.sock\": rpc error: code = Unimplemented desc = unknown service runtime.v1.RuntimeService"
"#;
const NO_SOCKET: &str = r#"E1125 15:14:57.041465    2122 run.go:72] "command failed" err="failed to run Kubelet: validate service connection: validate CRI v1 runtime API for endpoint \"unix:///run/containerd/containerd.sock\": rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: no such file or directory\""
"#;
const SWAP: &str = r#"E1125 15:14:57.041465    2122 run.go:72] "command failed" err="failed to run Kubelet: running with swap on is not supported, please disable swap or set --fail-swap-on flag to false"
"#;
const PLUGIN: &str = r#"time="2026-11-25T15:14:57.041465Z" level=warning msg="failed to load plugin" error="invalid plugin config: `mirrors` cannot be set when `config_path` is provided" id=io.containerd.cri.v1.images type=io.containerd.cri.v1
"#;

/// A report with the kubelet in this state, and its journal.
fn kubelet(state: &str, restarts: u32, journal: &str) -> String {
    format!(
        "\n\u{1e}unit containerd running 0\n\n\u{1e}unit kubelet {state} {restarts}\n\n\u{1e}journal kubelet\n{journal}\n\u{1e}journal containerd\n{PLUGIN}"
    )
}

fn runs_of(words: &str, count: usize) -> String {
    format!("{words}{EXITED}").repeat(count)
}

/// A container: its name, attempt, and if it has ended its exit code and log.
type Row<'a> = (&'a str, u32, Option<(i32, &'a str)>);

fn containers(rows: &[Row]) -> String {
    let listed = rows.iter().enumerate().map(|(at, (name, attempt, ended))| {
        serde_json::json!({
            "id": at.to_string(),
            "metadata": {"name": name, "attempt": attempt},
            "state": if ended.is_some() { "CONTAINER_EXITED" } else { "CONTAINER_RUNNING" },
            "labels": {
                "io.kubernetes.pod.namespace": "kube-system",
                "io.kubernetes.pod.uid": format!("uid-of-{name}"),
            },
        })
    });
    let listed = serde_json::json!({"containers": listed.collect::<Vec<_>>()});
    let mut report = format!(
        "\n\u{1e}unit containerd running 0\n\n\u{1e}unit kubelet running 0\n\n\u{1e}containers\n{listed:#}\n"
    );
    for (at, (_, _, ended)) in rows.iter().enumerate() {
        if let Some((code, log)) = ended {
            report += &format!("\n\u{1e}log {at} {code}\n{log}\n");
        }
    }
    report
}

/// What the looks at a node end with: the components that surely cannot come up, after
/// each look.
fn certain(reports: &[String]) -> Vec<Vec<(Component, String)>> {
    let mut history = History::default();
    let mut after = |report: &String| {
        let suspects = history.suspects(&Look::read(report, 0)).into_iter();
        let certain = suspects.filter(|suspect| suspect.is_certain);
        certain.map(|suspect| (suspect.component, suspect.words.fatal.unwrap())).collect()
    };
    reports.iter().map(&mut after).collect()
}

fn check(what: &str, reports: &[String], expected: &[Option<(Component, &str)>]) {
    let found = certain(reports);
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        match (&found[..], expected) {
            ([], None) => {}
            ([(component, fatal)], Some((wanted, part))) => {
                assert_eq!(component, wanted, "{what}: {fatal}");
                assert!(fatal.contains(part), "{what}: {fatal}");
            }
            _ => panic!("{what}: {found:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn a_kubelet_that_cannot_come_up() {
    use Component::{Containerd, Kubelet};
    let both = format!("{}{}", runs_of(EARLY, 9), runs_of(GATE, 2));
    for (what, state, restarts, journal, expected) in [
        ("a gate", "auto-restart", 2, runs_of(GATE, 2), Some((Kubelet, "EphemeralContainers"))),
        ("once", "auto-restart", 1, runs_of(GATE, 1), None),
        ("a field", "auto-restart", 2, runs_of(FIELD, 2), Some((Kubelet, "maxPods"))),
        ("swap", "auto-restart", 5, runs_of(SWAP, 5), Some((Kubelet, "swap on"))),
        ("swap, less often", "auto-restart", 4, runs_of(SWAP, 4), None),
        // It is up now.
        ("came up", "running", 5, runs_of(SWAP, 5) + "I1125 ready", None),
        ("before kubeadm", "auto-restart", 40, runs_of(EARLY, 40), None),
        ("own file", "auto-restart", 5, runs_of(OWN_FILE, 5), Some((Kubelet, "own.crt"))),
        ("a label", "auto-restart", 2, runs_of(LABEL, 2), Some((Kubelet, "node-role"))),
        ("before kubeadm, then a gate", "auto-restart", 11, both, Some((Kubelet, "gate"))),
        ("containerd is late", "auto-restart", 9, runs_of(NO_SOCKET, 9), None),
        ("no CRI", "auto-restart", 5, runs_of(NO_CRI, 5), Some((Containerd, "`mirrors`"))),
        ("nothing said", "auto-restart", 9, runs_of("Started kubelet.\n", 9), None),
    ] {
        check(what, &[kubelet(state, restarts, &journal)], &[expected]);
    }
}

/// It may just have been started when it is looked at.
#[test]
fn a_kubelet_that_runs_for_a_moment_is_not_up() {
    let looks = [(3, 3), (3, 3), (5, 5)]
        .map(|(restarts, count)| kubelet("running", restarts, &runs_of(GATE, count)));
    check("gate", &looks, &[None, None, Some((Component::Kubelet, "gate"))]);
}

#[test]
fn a_container_that_does_not_know_its_flags() {
    use Component::{ApiServer, ControllerManager, CoreDns, Etcd, KubeProxy, Scheduler};
    let usage = "  -v, --v Level     number for the log level verbosity\n\nGlobal flags:\n\n  -h, --help   help\n\n";
    let scheduler = format!("{usage}Error: unknown flag: --no-such-timeout");
    let api = r#"W1125 15:14:52.978631       1 authentication.go:841] AnonymousAuth is not allowed with the AlwaysAllow authorizer.
E1125 15:14:52.979239       1 run.go:72] "command failed" err="[enable-admission-plugins plugin \"NoSuch\" is unknown]""#;
    let gate = r#"E1125 15:14:51.407329       1 run.go:72] "command failed" err="unrecognized feature gate: EphemeralContainers""#;
    let manager = format!(
        "{usage}Error: invalid argument \"often\" for \"--node-monitor-period\" flag: time: invalid duration \"often\""
    );
    let proxy = r#"E1125 15:14:54.493644       1 run.go:72] "command failed" err="failed validate: KubeProxyConfiguration.Mode.ProxyMode: Invalid value: \"nosuch\": must be iptables, ipvs, nftables or blank""#;
    let etcd = "flag provided but not defined: -no-such-flag\nUsage:\n\n  etcd [flags]\n\n  etcd grpc-proxy\n    Run the stateless etcd v3 gRPC L7 reverse proxy.";
    let value = "invalid value \"often\" for flag -heartbeat-interval: parse error\nUsage:\n";
    let dns = "maxprocs: Leaving GOMAXPROCS=2: CPU quota undefined\n/etc/coredns/Corefile:2 - Error during parsing: Unknown directive 'nosuch'";
    for (name, component, code, log, part) in [
        ("kube-scheduler", Scheduler, 1, &scheduler[..], "--no-such-timeout"),
        ("kube-scheduler", Scheduler, 1, gate, "EphemeralContainers"),
        ("kube-apiserver", ApiServer, 1, api, "NoSuch"),
        ("kube-controller-manager", ControllerManager, 1, &manager, "--node-monitor-period"),
        ("kube-proxy", KubeProxy, 1, proxy, "ProxyMode"),
        ("etcd", Etcd, 2, etcd, "-no-such-flag"),
        ("etcd", Etcd, 2, value, "-heartbeat-interval"),
        ("coredns", CoreDns, 1, dns, "directive"),
    ] {
        let report = containers(&[("etcd-other", 0, None), (name, 0, Some((code, log)))]);
        check(log, &[report], &[Some((component, part))]);
    }
}

const DATA: &str = r#"{"level":"info","ts":"2026-11-25T15:14:55.754721Z","caller":"etcdmain/etcd.go:122","msg":"Initialize and start etcd server","data-dir":"/proc/x"}
{"level":"error","ts":"2026-11-25T15:14:55.755036Z","caller":"etcdserver/server.go:298","msg":"bootstrap failed","error":"cannot access data directory: mkdir /proc/x: no such file or directory","stacktrace":"go.etcd.io/etcd"}
{"level":"info","ts":"2026-11-25T15:14:55.755098Z","caller":"embed/etcd.go:424","msg":"closed etcd server","name":"default"}
{"level":"fatal","ts":"2026-11-25T15:14:55.755119Z","caller":"etcdmain/etcd.go:157","msg":"discovery failed","error":"cannot access data directory: mkdir /proc/x: no such file or directory","stacktrace":"go.etcd.io/etcd"}"#;

#[test]
fn a_container_that_ends_twice_for_the_same_reason() {
    let etcd = |attempt, ended| containers(&[("etcd", attempt, ended)]);
    let dead = |attempt| etcd(attempt, Some((1, DATA)));
    let said = Some((Component::Etcd, "discovery failed: cannot access data directory"));
    check("twice", &[dead(0), dead(0), dead(1)], &[None, None, said]);
    // In between it is started again.
    check("twice", &[dead(0), etcd(1, None), dead(2)], &[None, None, said]);
    check("came up", &[dead(0), dead(1), etcd(2, None)], &[None, said, None]);
    let audit = r#"E1125 15:14:51.407329       1 run.go:72] "command failed" err="loading audit policy file: failed to read file path \"/etc/kubernetes/audit.yaml\": open /etc/kubernetes/audit.yaml: no such file or directory""#;
    let audit = [0, 1].map(|attempt| containers(&[("kube-apiserver", attempt, Some((1, audit)))]));
    check("a file", &audit, &[None, Some((Component::ApiServer, "audit.yaml"))]);
    // A pod of its own, as after a change of the manifest.
    let other = |attempt| dead(attempt).replace("uid-of-etcd", "another");
    check("new pod", &[dead(0), other(0)], &[None, None]);
}

/// What is usual on a slow machine.
#[test]
fn components_that_wait_for_others_are_left_alone() {
    let refused = r#"E1125 15:14:51.407329       1 run.go:72] "command failed" err="failed to get delegated authentication kubeconfig: Get \"https://172.18.0.2:6443/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication\": dial tcp 172.18.0.2:6443: connect: connection refused""#;
    let forbidden = r#"E1125 15:14:51.407329       1 run.go:72] "command failed" err="unable to load configmap based request-header-client-ca-file: configmaps \"extension-apiserver-authentication\" is forbidden: User \"system:kube-scheduler\" cannot get resource""#;
    let lost = "E1125 15:14:51.407329       1 leaderelection.go:436] error retrieving resource lock\nE1125 15:14:51.407329       1 run.go:72] \"command failed\" err=\"leaderelection lost\"";
    let storage = "F1125 15:14:51.407329       1 instance.go:233] Error creating leases: error creating storage factory: context deadline exceeded";
    let node = r#"E1125 15:14:51.407329       1 run.go:72] "command failed" err="nodes \"lab-worker\" not found""#;
    let killed = "I1125 15:14:51.407329       1 server.go:189] \"Golang settings\"\nE1125 15:14:52.407329       1 reflector.go:204] \"Failed to watch\"";
    let member = r#"{"level":"fatal","ts":"2026-11-25T15:14:55Z","caller":"etcdmain/etcd.go:157","msg":"discovery failed","error":"error validating peerURLs {ClusterID:1 Members:[]}: member count is unequal"}"#;
    let members = r#"{"level":"fatal","ts":"2026-11-25T15:14:55Z","caller":"etcdmain/etcd.go:157","msg":"discovery failed","error":"cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs"}"#;
    let hook = r#"F1125 15:14:51.407329       1 hooks.go:204] PostStartHook "start-service-ip-repair-controllers" failed: unable to perform initial IP and Port allocation check"#;
    let lease = r#"E1125 15:14:51.407329       1 run.go:72] "command failed" err="lost lease""#;
    let network = "panic: Get \"https://10.96.0.1:443/api/v1/nodes\": dial tcp 10.96.0.1:443: i/o timeout\n\ngoroutine 1 [running]:\nmain.main()\n";
    let podnet = "podnet: own ranges [10.244.0.0/24], 0 routes to peers";
    for (name, code, log) in [
        ("kube-scheduler", 1, refused),
        ("kube-scheduler", 1, forbidden),
        ("kube-controller-manager", 1, lost),
        ("kube-apiserver", 255, storage),
        ("kube-proxy", 1, node),
        ("kube-apiserver", 137, killed),
        ("etcd", 1, member),
        ("etcd", 1, members),
        ("kube-apiserver", 255, hook),
        ("kube-scheduler", 1, lease),
        ("kindnet-cni", 2, network),
        ("podnet", 143, podnet),
        ("podnet", 0, podnet),
        ("coredns", 137, "[INFO] plugin/ready: Still waiting on: \"kubernetes\""),
        ("kube-proxy", 1, ""),
    ] {
        let looks: Vec<String> =
            (0..6).map(|attempt| containers(&[(name, attempt, Some((code, log)))])).collect();
        assert_eq!(certain(&looks).concat(), [], "{name}: {log}");
    }
}

/// A component of somebody else, or one that has ended well, is no business of ours.
#[test]
fn other_containers_are_left_alone() {
    let log = "Error: unknown flag: --x";
    let other = containers(&[("local-path-provisioner", 3, Some((1, log)))]);
    let elsewhere = containers(&[("etcd", 3, Some((1, log)))]).replace("kube-system", "default");
    check("other", &[other, elsewhere], &[None, None]);
}

#[test]
fn a_container_that_cannot_be_created() {
    let line = |reason: &str| {
        format!(
            r#"E1125 15:14:51.407329     300 pod_workers.go:1324] "Error syncing pod, skipping" err="failed to \"CreatePodSandbox\" for \"kube-apiserver-lab_kube-system(1)\" with CreatePodSandboxError: \"Failed to create sandbox for pod \\\"kube-apiserver-lab_kube-system(1)\\\": rpc error: code = Unknown desc = {reason}\"" pod="kube-system/kube-apiserver-lab" podUID="1""#
        )
    };
    let report = |reason: &str, count| {
        format!("\n\u{1e}pods\n{}", format!("{}\n", line(reason)).repeat(count))
    };
    let none = containers(&[]);
    let missing = "failed to start sandbox: exec: no runtime 12 is configured";
    let said = Some((Component::ApiServer, "no runtime 12 is configured"));
    check("three times", &[report(missing, 3) + &none], &[said]);
    check("twice", &[report(missing, 2) + &none], &[None]);
    // So do all others.
    let other = report(missing, 2).replace("kube-apiserver-lab", "etcd-lab");
    let all = other + &report(missing, 2)[7..];
    check("it may have been created since", std::slice::from_ref(&all), &[None]);
    let all = History::default().suspects(&Look::read(&(all + &none), 0));
    let all: Vec<_> = all.iter().map(|suspect| (suspect.component, suspect.is_certain)).collect();
    assert_eq!(all, [(Component::Etcd, true), (Component::ApiServer, true)]);
    check("slow", &[report("context deadline exceeded", 9) + &none], &[None]);
    let up = report(missing, 9) + &containers(&[("kube-apiserver", 0, None)]);
    check("created since", &[up], &[None]);
}

/// A pull is for an image that the definition names: it does not come by itself.
#[test]
fn an_image_that_cannot_be_pulled() {
    let line = |kind: &str, reason: &str| {
        format!(
            r#"E1125 15:14:51.407329     300 pod_workers.go:1324] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"kube-apiserver\" with {kind}: \"{reason}\"" pod="kube-system/kube-apiserver-lab" podUID="1""#
        )
    };
    let report = |kind: &str, reason: &str, count| {
        format!("\n\u{1e}pods\n{}", format!("{}\n", line(kind, reason)).repeat(count))
            + &containers(&[])
    };
    let pull = r#"rpc error: code = Unknown desc = failed to pull and unpack image \\\"r.example.com/kube-apiserver:v1\\\": failed to resolve reference \\\"r.example.com/kube-apiserver:v1\\\": "#;
    let missing = format!("{pull}r.example.com/kube-apiserver:v1: not found");
    let offline = format!("{pull}dial tcp: lookup r.example.com: no such host");
    let never =
        r#"Container image \\\"kube-apiserver:v1\\\" is not present with pull policy of Never"#;
    let back_off = r#"Back-off pulling image \\\"r.example.com/kube-apiserver:v1\\\""#;
    let said = |part| Some((Component::ApiServer, part));
    for (kind, reason, count, expected) in [
        ("ErrImagePull", &*missing, 1, None),
        ("ErrImagePull", &missing, 2, said("kube-apiserver:v1: not found")),
        ("ErrImagePull", &offline, 2, None),
        ("ErrImagePull", &offline, 3, said("no such host")),
        ("ErrImageNeverPull", never, 2, said("pull policy of Never")),
        ("ImagePullBackOff", back_off, 9, None),
    ] {
        check(reason, &[report(kind, reason, count)], &[expected]);
    }
}

#[test]
fn a_volume_that_cannot_be_mounted() {
    let line = r#"E1125 15:14:51.407329     300 nestedpendingoperations.go:348] Operation for "{volumeName:kubernetes.io/host-path/1-audit podName:1 nodeName:}" failed. No retries permitted until 2026-11-25 15:14:52 +0000 UTC m=+4.1 (durationBeforeRetry 1s). Error: MountVolume.SetUp failed for volume "audit" (UniqueName: "kubernetes.io/host-path/1-audit") pod "kube-apiserver-lab-control-plane" (UID: "1") : hostPath type check failed: /etc/kubernetes/audit is not a directory"#;
    let report = |count: usize| {
        format!("\n\u{1e}pods\n{}", format!("{line}\n").repeat(count)) + &containers(&[])
    };
    let said =
        "volume \"audit\": hostPath type check failed: /etc/kubernetes/audit is not a directory";
    check("twice", &[report(2)], &[None]);
    check("three times", &[report(3)], &[Some((Component::ApiServer, said))]);
}

/// klog writes a message of several lines so.
#[test]
fn last_words_of_several_lines_are_read() {
    let labels = "I1125 19:27:57.1     303 server.go:1] \"Effective KubeletConfiguration\" config=<\n\tapiVersion: v1\n\tpanic: no\n >\nE1125 19:27:57.218686     303 run.go:72] \"command failed\" err=<\n\tfailed to validate kubelet flags: unknown 'kubernetes.io' or 'k8s.io' labels specified with --node-labels: [kubernetes.io/x]\n\t--node-labels in the 'kubernetes.io' namespace must begin with an allowed prefix\n >\n";
    let words = LastWords::of(labels, false);
    let fatal = words.fatal.unwrap();
    assert!(fatal.starts_with("failed to validate kubelet flags: unknown"), "{fatal}");
    assert!(fatal.ends_with("[kubernetes.io/x] --node-labels in the 'kubernetes.io' namespace must begin with an allowed prefix"), "{fatal}");
    assert_eq!(words.lines, [fatal]);
    let dump = r#"E1125 19:27:56.884753     260 run.go:72] "command failed" err="failed to validate kubelet configuration, error: invalid configuration: maxPods (--max-pods) -1 must not be a negative number, path: &TypeMeta{Kind:,APIVersion:,}""#;
    let fatal = LastWords::of(dump, false).fatal.unwrap();
    assert!(fatal.ends_with("must not be a negative number"), "{fatal}");
}

#[test]
fn the_last_words_are_short() {
    let repeated = format!(
        "{}E1125 15:14:53.1       1 run.go:72] \"command failed\" err=\"b\"\n",
        "E1125 15:14:52.407329       1 reflector.go:204] failed to list 10.0.0.1\n".repeat(300)
    );
    let words = LastWords::of(&repeated, true);
    assert_eq!(words.lines, ["failed to list 10.0.0.1", "b"]);
    assert_eq!(LastWords::of(GATE, false).lines.len(), 1);
    assert_eq!(LastWords::of(DATA, true).lines.len(), 2);
    assert_eq!(LastWords::of("podnet: too many open files", true).lines.len(), 1);
    assert_eq!(LastWords::of("", true), LastWords::default());
}

#[test]
fn a_report_that_cannot_be_read_finds_nothing() {
    for report in ["", "\u{1e}", "\u{1e}containers\nno JSON", "\u{1e}unit kubelet", "\u{1e}log"] {
        assert!(History::default().suspects(&Look::read(report, 0)).is_empty(), "{report:?}");
    }
}
