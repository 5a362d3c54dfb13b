//! The scenarios, by command.

use super::Scenario;

const fn scenario(
    name: &'static str,
    script: &'static str,
    commands: &'static [&'static str],
) -> Scenario {
    Scenario { name, script, commands }
}

/// Every command that is for a cluster.
const ALL_COMMANDS: &[&str] = &[
    "skiff get clusters -o json",
    "skiff get nodes --name lab",
    "skiff get images --name lab",
    "skiff get kubeconfig --name lab",
    "skiff export kubeconfig --name lab",
    "skiff export logs --name lab logs",
    "skiff kubectl --name lab -- get nodes",
    "skiff load docker-image app:1 --name lab",
    "skiff load docker-image app:1 --name lab --nodes lab-worker",
    "skiff load image-archive engine.yaml --name lab",
    "skiff delete image app:1 --name lab",
    "skiff addon status --name lab",
    "skiff addon install metrics-server --name lab",
    "skiff addon remove metrics-server --name lab",
    "skiff create cluster --name lab",
    "skiff pause cluster --name lab",
    "skiff unpause cluster --name lab",
    "skiff stop cluster --name lab",
    "skiff start cluster --name lab",
    "skiff start cluster --name lab --wait 0s",
    "skiff restart cluster --name lab",
    "skiff delete cluster --name lab",
    "skiff delete clusters lab",
];

pub const ALL: &[Scenario] = &[
    scenario("create", "", &["skiff create cluster"]),
    scenario("create-as-kind", "", &["kind create cluster"]),
    scenario("create-verbose", "", &["skiff create cluster -v 1"]),
    scenario("create-quiet", "", &["skiff create cluster --quiet"]),
    scenario("create-ha", "", &["skiff create cluster --config configs/ha.yaml"]),
    scenario("create-ha-verbose", "", &["skiff create cluster --config configs/ha.yaml -v 1"]),
    scenario(
        "create-ha-with-haproxy",
        "images: {skiff/node:v1.37.2: {io.skiff.api-balancer: haproxy}}",
        &["skiff create cluster --config configs/ha.yaml"],
    ),
    scenario("create-pulls", "images: {}", &["skiff create cluster"]),
    scenario(
        "create-cannot-pull",
        "images: {}
        faults: [{call: pull_image, does: fails, error: not-found, message: no such manifest}]",
        &["skiff create cluster --image registry.example/node:v1"],
    ),
    scenario(
        "create-slow",
        r#"commands:
        - line: namespaces/kube-system/pods
          stdout: '{"items": [
            {"metadata": {"name": "coredns-a", "namespace": "kube-system"}, "status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 node(s) had untolerated taint(s)."}, {"type": "Ready", "status": "False"}]}},
            {"metadata": {"name": "coredns-b", "namespace": "kube-system"}, "status": {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: 1 node(s) had untolerated taint(s)."}, {"type": "Ready", "status": "False"}]}}]}'
        - {line: get --raw, stdout: '{}'}"#,
        &["skiff create cluster --wait 1s", "skiff delete cluster", "kind create cluster --wait 1s"],
    ),
    scenario(
        "status",
        r#"clusters: {lab: [control-plane, worker]}
        stopped: [lab-worker]
        commands:
        - {line: get --raw, stdout: '{"items": [{"metadata": {"name": "lab-control-plane"}, "status": {"nodeInfo": {"kubeletVersion": "v1.37.2"}, "conditions": [{"type": "Ready", "status": "False", "message": "no network"}]}}]}'}"#,
        &[
            "skiff status --name lab -o json",
            "skiff status --name other",
            "kind status --name lab",
        ],
    ),
    scenario("create-name-in-use", "clusters: {kind: [control-plane]}", &["skiff create cluster"]),
    scenario(
        "create-old-host",
        "host: {cgroup_v1: true, remote: true}",
        &["skiff create cluster"],
    ),
    scenario(
        "create-rootless",
        "host: {rootless: true, cgroup_v1: true}",
        &["skiff create cluster"],
    ),
    scenario(
        "create-refused",
        "host: {version: 19.3.1, memory_mb: 300, missing_controllers: [pids], cgroup_v1: true}
        networks: {kind: [172.18.0.0/16]}",
        &[
            "skiff create cluster --config configs/ipv6.yaml",
            "kind create cluster --config configs/ipv6.yaml",
            "skiff create cluster --dry-run --image node:v1.37.2",
        ],
    ),
    scenario(
        "create-with-a-long-name",
        "",
        &[
            "skiff create cluster --name a23456789-123456789-123456789-123456789-123456789-",
            "skiff create cluster --config configs/ha.yaml --name b23456789-123456789-123456789-123456789-1",
            "skiff create cluster --name c.",
        ],
    ),
    scenario(
        "doctor",
        "",
        &[
            "skiff doctor",
            "skiff doctor --config configs/ha.yaml",
            "skiff doctor -o json",
            "skiff doctor --config nowhere.yaml",
        ],
    ),
    scenario(
        "doctor-finds-errors",
        "host: {version: 19.3.1, memory_mb: 300, missing_controllers: [pids], cgroup_v1: true}
        networks: {kind: [172.18.0.0/16]}",
        &["skiff doctor --config configs/dual-stack.yaml", "skiff doctor -o json"],
    ),
    scenario(
        "doctor-without-an-engine",
        "faults: [{call: host, does: fails, error: unreachable, message: connection refused}]",
        &["skiff doctor", "skiff doctor -o json"],
    ),
    scenario(
        "doctor-of-a-cluster",
        r#"clusters: {lab: [control-plane, worker]}
        stopped: [lab-worker]
        commands:
        - line: get --raw
          stdout: "{\"items\": [{\"metadata\": {\"name\": \"lab-control-plane\"}, \"status\": {\"conditions\": [{\"type\": \"Ready\", \"status\": \"True\"}]}}]}\x1e\
            {\"spec\": {\"clusterIP\": \"10.96.0.1\"}}\x1e\
            {\"items\": [{\"metadata\": {\"name\": \"web\", \"namespace\": \"shop\"}, \"spec\": {\"nodeName\": \"lab-control-plane\"}, \"status\": {\"conditions\": [{\"type\": \"Ready\", \"status\": \"False\"}], \"containerStatuses\": [{\"name\": \"web\", \"restartCount\": 4, \"state\": {\"waiting\": {\"reason\": \"CrashLoopBackOff\"}}, \"lastState\": {\"terminated\": {\"exitCode\": 3, \"reason\": \"Error\"}}}]}}]}\x1e{}\x1e"
        - {line: logs --namespace, stdout: "starting\nError: no such table: orders\n"}
        - {line: components look, stdout: "\x1eunit containerd running 0\n\x1eunit kubelet running 0\n\x1econtainers\n{}\n"}
        - line: health 10.96.0.1
          stdout: "\x1eunits\nnode-dns.service\n\x1edisk\n/dev/vda 9 9 182500208 26% /var\n/dev/vda 9 9 9 8% /var\n\x1ememory\nMemAvailable: 100000 kB\n\
            \x1eanswer api-server\nreadyz check passed\n200\n\x1eanswer service\nok\n200\n\x1edns 10.96.0.10\nnode kubernetes.default.svc.cluster.local yes\nnode lab-control-plane no\n""#,
        &["skiff doctor --name lab", "skiff doctor --name lab -o json", "skiff doctor --name other"],
    ),
    scenario(
        "create-without-subnets",
        "faults: [{call: create_network, does: fails, message: Pool overlaps with other one}]",
        &["skiff create cluster"],
    ),
    scenario(
        "create-port-taken",
        "faults:
        - call: start_container
          container: devops-lab-control-plane
          does: fails
          message: 'driver failed: Bind for 0.0.0.0:80 failed: port is already allocated'
        host: {remote: true}",
        &["skiff create cluster --config configs/devops-lab.yaml"],
    ),
    scenario(
        "create-picked-port-taken",
        "host: {remote: true, ports_taken: 3}",
        &["skiff create cluster --config configs/ha.yaml"],
    ),
    scenario(
        "create-without-kubeconfig",
        "faults: [{call: inspect, nth: 2, does: fails, message: context deadline exceeded}]",
        &["skiff create cluster", "skiff create cluster --addon metrics-server"],
    ),
    scenario(
        "create-not-a-node-image",
        "commands: [{line: cat /kind/version, code: 1, stderr: 'cat: /kind/version: No such file'}]",
        &["skiff create cluster --image busybox:1"],
    ),
    scenario(
        "create-does-not-boot",
        "crashes: {kind-control-plane: \"starting\\nFailed to mount cgroup\\n\"}",
        &["skiff create cluster"],
    ),
    scenario(
        "create-init-fails",
        "commands: [{line: kubeadm init, code: 1, stdout: \"[init] x\\n\", stderr: \"error: timed out waiting\\n\"}]",
        &["skiff create cluster", "skiff create cluster --retain", "kind create cluster"],
    ),
    scenario(
        "create-unknown-field",
        "commands:
        - line: kubeadm init
          stderr: |
            W1125 15:16:26.398858 2507 initconfiguration.go:334] error unmarshaling configuration schema.GroupVersionKind{Kind:\"KubeletConfiguration\"}: strict decoding error: unknown field \"maxPodz\"
            W1125 15:16:26.399284 2507 configset.go:176] error unmarshaling configuration schema.GroupVersionKind{Kind:\"KubeletConfiguration\"}: strict decoding error: unknown field \"maxPodz\"",
        &["skiff create cluster"],
    ),
    scenario(
        "create-crashes",
        "commands:
        - {line: kubeadm init, hangs: true}
        - {line: components log, stdout: \"a very long log\\n\"}
        - line: components look
          stdout: \"\\x1eunit kubelet auto-restart 2\\n\\x1ejournal kubelet\\n\\
            panic: unrecognized feature gate: Gone\\nkubelet.service: Main process exited\\n\\
            panic: unrecognized feature gate: Gone\\nkubelet.service: Main process exited\\n\"",
        &["skiff create cluster"],
    ),
    scenario(
        "create-crashes-later",
        r#"commands:
        - {line: get --raw, stdout: '{}'}
        - {line: components log, stdout: "a very long log\n"}
        - line: components look
          stdout: "\x1econtainers\n{\"containers\": [{\"id\": \"1\", \"metadata\": {\"name\": \"coredns\"}, \"state\": \"CONTAINER_EXITED\",\
            \"labels\": {\"io.kubernetes.pod.namespace\": \"kube-system\"}}]}\n\x1elog 1 1\n\
            /etc/coredns/Corefile:2 - Error during parsing: Unknown directive 'nosuch'\n""#,
        &["skiff create cluster", "kind create cluster --wait 10s"],
    ),
    scenario(
        "create-raises-limits",
        "commands: [{line: cat /proc/sys/fs/inotify, stdout: '128 8192'}]",
        &["skiff create cluster --config configs/ha.yaml"],
    ),
    scenario(
        "create-cannot-raise-limits",
        "commands:
        - {line: cat /proc/sys/fs/inotify, container: kind-control-plane, stdout: '8 8192'}
        - {line: cat /proc/sys/fs/inotify, stdout: '64 8192'}
        - {line: ' /proc/sys/fs/inotify ', code: 1, stderr: Read-only file system}",
        &["skiff create cluster", "skiff create cluster --config configs/ha.yaml"],
    ),
    scenario(
        "create-join-fails",
        "commands:
        - {line: kubeadm join, container: ha-worker, code: 1, stderr: 'mkdir: no space left on device'}",
        &["skiff create cluster --config configs/ha.yaml"],
    ),
    scenario(
        "create-cleanup-fails",
        "commands: [{line: kubeadm init, code: 1, stderr: 'too many open files'}]
        faults:
        - {call: remove_container, container: ha-worker, does: fails, message: device busy}
        - {call: remove_container, container: ha-control-plane2, does: loses-answer}",
        &["skiff create cluster --config configs/ha.yaml"],
    ),
    scenario(
        "create-engine-goes-away",
        "faults:
        - {call: inspect, does: fails, error: unreachable, message: connection refused}
        - {call: containers, nth: 2, does: fails, error: unreachable, message: connection refused}",
        &["skiff create cluster"],
    ),
    scenario(
        "create-interrupted",
        "faults: [{call: exec kubeadm init, does: ctrl-c}]",
        &["skiff create cluster", "skiff create cluster -v 1"],
    ),
    scenario(
        "create-ha-interrupted",
        "faults: [{call: exec kubeadm join, nth: 2, does: ctrl-c}]",
        &["skiff create cluster --config configs/ha.yaml"],
    ),
    scenario(
        "create-interrupted-twice",
        "faults:
        - {call: exec kubeadm init, does: ctrl-c}
        - {call: remove_container, does: ctrl-c}",
        &["skiff create cluster --name lab"],
    ),
    scenario(
        "create-interrupted-and-retained",
        "faults: [{call: logs, does: ctrl-c}]",
        &["skiff create cluster --retain"],
    ),
    scenario(
        "create-addon-fails",
        "commands: [{line: get --raw /version, code: 1, stderr: 'Unable to connect to the server'}]",
        &["skiff create cluster --addon metrics-server"],
    ),
    scenario(
        "get",
        "clusters: {lab: [control-plane, worker, worker], other: [control-plane]}",
        &[
            "skiff get clusters",
            "skiff get nodes",
            "skiff get nodes --name lab",
            "skiff get nodes --all-clusters",
            "skiff get kubeconfig --name lab",
            "skiff get kubeconfig --name lab --internal",
            "skiff get kubeconfig",
            "skiff get images",
        ],
    ),
    scenario(
        "get-json",
        "clusters: {lab: [control-plane, worker], kind: [control-plane]}
        stopped: [lab-worker, kind-control-plane]",
        &[
            "skiff get clusters -o json",
            "skiff get nodes -o json",
            "skiff get images -o json --name nowhere",
            "skiff get clusters -o yaml",
        ],
    ),
    scenario("create-events", "images: {}", &["skiff create cluster --progress json"]),
    scenario(
        "create-events-crash",
        "commands: [{line: kubeadm init, code: 1, stderr: 'too many open files'}]",
        &["skiff create cluster --progress json"],
    ),
    scenario(
        "create-events-interrupted",
        "faults:
        - {call: exec kubeadm init, does: ctrl-c}
        - {call: remove_container, does: ctrl-c}",
        &["skiff create cluster --progress json --name lab"],
    ),
    scenario(
        "build-events",
        "images: {skiff/debian:trixie: {}}
        commands:
        - line: build.sh
          stderr: \"base: building\\nGet:1 trixie\\nbase: 3 s\\nkubernetes: building\\nassembling\\n\"",
        &["skiff build node-image", "skiff build node-image --force --progress json"],
    ),
    scenario(
        "delete-json",
        "clusters: {lab: [control-plane, worker], kind: [control-plane]}
        faults: [{call: remove_container, container: lab-worker, does: fails, message: busy}]",
        &[
            "skiff delete cluster -o json --name nowhere",
            "skiff delete cluster -o json --name lab",
            "skiff delete clusters -o json --all",
            "skiff delete image app:1 -o json --name nowhere",
        ],
    ),
    scenario(
        "get-nothing",
        "",
        &["skiff get clusters", "skiff get clusters -o json", "skiff get nodes -A"],
    ),
    scenario(
        "get-ha-kubeconfig",
        "clusters: {lab: [control-plane, control-plane, external-load-balancer]}",
        &["skiff get nodes --name lab", "skiff get kubeconfig --name lab --internal"],
    ),
    scenario(
        "state-stopped",
        "clusters: {lab: [control-plane, worker]}
        stopped: [lab-control-plane, lab-worker]",
        ALL_COMMANDS,
    ),
    scenario(
        "state-paused",
        "clusters: {lab: [control-plane, worker]}
        paused: [lab-control-plane, lab-worker]",
        ALL_COMMANDS,
    ),
    scenario(
        "state-control-plane-stopped",
        "clusters: {lab: [control-plane, worker]}
        stopped: [lab-control-plane]",
        ALL_COMMANDS,
    ),
    scenario(
        "state-worker-stopped",
        "clusters: {lab: [control-plane, worker]}
        stopped: [lab-worker]",
        ALL_COMMANDS,
    ),
    scenario(
        "state-worker-paused",
        "clusters: {lab: [control-plane, worker]}
        paused: [lab-worker]",
        ALL_COMMANDS,
    ),
    scenario(
        "state-balancer-stopped",
        "clusters: {lab: [control-plane, control-plane, external-load-balancer, worker]}
        stopped: [lab-external-load-balancer]",
        ALL_COMMANDS,
    ),
    scenario(
        "lifecycle",
        "clusters: {lab: [control-plane, control-plane, external-load-balancer, worker]}",
        &[
            "skiff stop cluster --name lab",
            "skiff start cluster --name lab",
            "skiff restart cluster --name lab",
            "skiff pause cluster --name lab",
            "skiff unpause cluster --name lab",
            "skiff stop cluster",
            "skiff start cluster --name nowhere",
            "skiff stop cluster --name lab --all",
            "skiff stop",
            "kind stop cluster --name lab",
            "kind start",
            "kind help pause",
        ],
    ),
    scenario(
        "lifecycle-all",
        "clusters: {a: [control-plane], b: [control-plane], c: [control-plane]}
        stopped: [b-control-plane]
        faults: [{call: stop_container, container: a-control-plane, does: fails, message: device busy}]",
        &[
            "skiff stop cluster --all",
            "skiff pause cluster --all",
            "skiff start cluster -A",
        ],
    ),
    scenario("lifecycle-nothing", "", &["skiff stop cluster --all"]),
    scenario(
        "stop-kills",
        "clusters: {lab: [control-plane, worker]}
        stubborn: [lab-control-plane, lab-worker]",
        &["skiff stop cluster --name lab"],
    ),
    scenario(
        "stop-interrupted",
        "clusters: {lab: [control-plane, worker]}
        faults: [{call: stop_container, container: lab-control-plane, does: ctrl-c}]",
        &["skiff stop cluster --name lab", "skiff restart cluster --name lab"],
    ),
    scenario(
        "start-interrupted",
        "clusters: {lab: [control-plane, worker]}
        stopped: [lab-control-plane, lab-worker]
        faults: [{call: exec sh, does: ctrl-c}]",
        &["skiff start cluster --name lab", "skiff start cluster --all"],
    ),
    scenario(
        "start-slow",
        "clusters: {lab: [control-plane]}
        commands: [{line: get --raw, stdout: '{}'}]",
        &["skiff start cluster --name lab --wait 1s"],
    ),
    scenario(
        "start-port-in-use",
        "clusters: {lab: [control-plane]}
        stopped: [lab-control-plane]
        faults:
        - call: start_container
          does: fails
          message: 'driver failed: Bind for 127.0.0.1:40000 failed: port is already allocated'",
        &["skiff start cluster --name lab"],
    ),
    scenario(
        "start-does-not-boot",
        "clusters: {lab: [control-plane]}
        stopped: [lab-control-plane]
        crashes: {lab-control-plane: \"starting\\nFailed to mount cgroup\\n\"}",
        &["skiff start cluster --name lab"],
    ),
    scenario(
        "start-crashes",
        r#"clusters: {lab: [control-plane]}
        stopped: [lab-control-plane]
        commands:
        - {line: get --raw, stdout: '{}'}
        - {line: components log, stdout: "a very long log\n"}
        - line: components look
          stdout: "\x1econtainers\n{\"containers\": [{\"id\": \"1\", \"metadata\": {\"name\": \"kube-apiserver\"}, \"state\": \"CONTAINER_EXITED\",\
            \"labels\": {\"io.kubernetes.pod.namespace\": \"kube-system\"}}]}\n\x1elog 1 1\n\
            Error: unknown flag: --nosuch\n""#,
        &["skiff start cluster --name lab"],
    ),
    scenario(
        "engine-refuses",
        "faults: [{call: '', does: fails, error: permission}]",
        &["skiff get clusters", "skiff create cluster", "skiff delete cluster"],
    ),
    scenario(
        "delete",
        "clusters: {lab: [control-plane, worker], kind: [control-plane]}",
        &[
            "skiff delete cluster",
            "skiff delete cluster --name lab -v 1",
            "skiff delete cluster --name nowhere",
            "skiff delete clusters lab kind",
            "skiff delete clusters --all",
            "skiff delete clusters",
        ],
    ),
    scenario(
        "delete-fails",
        "clusters: {lab: [control-plane, worker, worker], kind: [control-plane]}
        faults:
        - {call: remove_container, container: lab-worker, does: fails, message: device busy}
        - {call: remove_container, container: lab-worker2, does: fails, message: device busy}",
        &["skiff delete cluster --name lab", "skiff delete clusters --all"],
    ),
    scenario(
        "delete-interrupted",
        "clusters: {lab: [control-plane, worker]}
        faults: [{call: containers, does: ctrl-c}]",
        &["skiff delete cluster --name lab"],
    ),
    scenario(
        "export",
        "clusters: {lab: [control-plane, worker]}",
        &[
            "skiff export kubeconfig --name lab",
            "skiff export kubeconfig",
            "skiff export logs --name lab logs",
            "skiff export logs",
        ],
    ),
    scenario(
        "export-logs-in-part",
        "clusters: {lab: [control-plane, worker]}
        commands: [{line: journalctl, container: lab-worker, code: 1, stderr: no journal}]",
        &["skiff export logs --name lab logs"],
    ),
    scenario(
        "load",
        "clusters: {lab: [control-plane, worker]}
        images: {'app:1': {}, 'app:2': {}}",
        &[
            "skiff load docker-image",
            "skiff load docker-image app:1",
            "skiff load docker-image ap:1 --name lab",
            "skiff load docker-image app:1 --name lab --nodes lab-worker2",
            "skiff load image-archive nowhere.tar --name lab",
        ],
    ),
    scenario(
        "addon",
        "clusters: {lab: [control-plane, worker]}
        commands: [{line: get --raw /version, code: 1, stderr: Unable to connect to the server}]",
        &[
            "skiff addon list",
            "skiff addon status",
            "skiff addon status --name lab",
            "skiff addon install metric-server --name lab",
            "skiff addon install metrics-server --name lab",
            "skiff addon install metrics-server ingress-nginx --set a=b --name lab",
            "skiff addon remove metrics-server --name lab",
        ],
    ),
    scenario(
        "addon-old-cluster",
        "clusters: {lab: [control-plane]}
        commands: [{line: get --raw /version, stdout: '{\"gitVersion\": \"v1.22.0\"}'}]",
        &["skiff addon install metrics-server --name lab"],
    ),
    scenario(
        "addon-unexpected-response",
        "clusters: {lab: [control-plane]}
        commands: [{line: get --raw /version, stdout: '{}'}]",
        &["skiff addon install metrics-server --name lab"],
    ),
    scenario("kubectl", "", &["skiff kubectl -- get nodes"]),
    scenario(
        "kubectl-missing-in-image",
        "clusters: {lab: [control-plane]}
        faults: [{call: archive, does: fails, error: not-found, message: no such file}]",
        &["skiff kubectl --name lab -- get nodes"],
    ),
    scenario(
        "in-a-container",
        "clusters: {lab: [control-plane, worker]}
        unreachable: ['127.0.0.1:40000']",
        &[
            "skiff get kubeconfig --name lab",
            "skiff export kubeconfig --name lab",
            "skiff create cluster",
        ],
    ),
    scenario(
        "in-a-container-on-another-network",
        "clusters: {lab: [control-plane, worker]}
        unreachable: ['127.0.0.1:40000', 'lab-control-plane:6443']",
        &["skiff get kubeconfig --name lab", "skiff get kubeconfig --name lab --internal"],
    ),
];
