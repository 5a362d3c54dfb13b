//! What people and their scripts find inside the nodes of the image built here.

use serde_json::Value;
use skiff::engine::NetworkSpec;
use skiff::node_image;

use crate::archive;
use crate::harness::{Lab, check, docker, eventually, in_node, stderr, with_engine};
use crate::workload::web;

const NAME: &str = "skiff-test-inside";
const NODE: &str = "skiff-test-inside-control-plane";
const NETWORK: &str = "skiff-test-inside";
const MTU: u32 = 1400;
/// What systemd has a meaning for, in the places where passwords have it.
const PROXY: &str = r#"http://us%41er:p%40"a\s\\s@proxy.invalid:3128"#;

/// A network that the user has made, gone when dropped.
struct Network;

impl Network {
    fn create() -> Network {
        Network::remove();
        let spec = NetworkSpec { name: NETWORK.into(), mtu: Some(MTU), ..NetworkSpec::default() };
        with_engine(async |engine| engine.create_network(&spec).await);
        Network
    }

    fn remove() {
        with_engine(async |engine| {
            for found in engine.networks(NETWORK).await? {
                engine.remove_network(&found.id).await?;
            }
            Ok(())
        });
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        Network::remove();
    }
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_node_has_what_people_look_for() {
    let _network = Network::create();
    let lab = Lab::new(&[NAME]);
    let created = lab
        .command(&["create", "cluster", "--name", NAME])
        .env("KIND_EXPERIMENTAL_DOCKER_NETWORK", NETWORK)
        .env("HTTP_PROXY", PROXY)
        .output()
        .unwrap();
    assert!(created.status.success(), "{}", stderr(&created));
    lab.apply(NAME, &web("web", NODE, ""));
    lab.kubectl(NAME, &["wait", "--for=condition=Ready", "pod/web", "--timeout=120s"]);

    services_are_sound();
    proxies_arrive_whole();
    addresses_are_free();
    pods_have_the_networks_mtu(&lab);
    volumes_of_other_machines_can_be_mounted();
    kube_proxy_has_its_programs(&lab);
    etcd_can_be_asked(&lab);
    the_pod_network_is_recognised(&lab);
    the_runtime_can_be_configured(&lab);
    crictl_finds();
    crictl_follows_and_enters();
    crictl_removes(&lab);
}

fn services_are_sound() {
    assert_eq!(in_node(NODE, "systemctl --failed --no-legend --plain"), "");
    let started = in_node(
        NODE,
        "for unit in rpcbind.service rpcbind.socket rpc-statd.service iscsid.service iscsid.socket \
         open-iscsi.service nfs-blkmap.service; do systemctl is-active $unit; done | sort -u",
    );
    assert_eq!(started.trim(), "inactive");
    check("no unit has failed, and no installed package has started services");
}

fn proxies_arrive_whole() {
    let wanted = format!("HTTP_PROXY={PROXY}");
    let script = "pid=$(systemctl show --value --property MainPID containerd); tr '\\0' '\\n' </proc/$pid/environ";
    let environment = in_node(NODE, script);
    assert!(environment.lines().any(|line| line == wanted), "{environment}");
    check("proxy settings with %, \" and \\ reach containerd as they are");
}

fn addresses_are_free() {
    let taken = in_node(NODE, "cat /etc/resolv.conf; ip -oneline address show dev lo");
    for address in ["169.254.53.53", "fd53:c7a1:9b0e::53"] {
        assert!(taken.contains(address), "{address}: {taken}");
    }
    // Those that node-local caches of Kubernetes' names take.
    for address in ["169.254.20.10", "169.254.25.10"] {
        assert!(!taken.contains(address), "{taken}");
    }
    check("the nodes' name service leaves the addresses of node-local caches alone");
}

fn pods_have_the_networks_mtu(lab: &Lab) {
    let (_, seen) = lab.in_pod(NAME, "web", "cat /sys/class/net/eth0/mtu");
    assert_eq!(seen.trim(), MTU.to_string());
    check("pods have the MTU of the nodes' network");
}

fn volumes_of_other_machines_can_be_mounted() {
    for program in ["mount.nfs", "mount.nfs4", "iscsiadm", "fuse-overlayfs", "pigz", "ipset"] {
        assert!(
            in_node(NODE, &format!("command -v {program}")).ends_with(&format!("/{program}\n"))
        );
    }
    // What the first mount of each kind starts must be able to start.
    in_node(NODE, "systemctl start rpc-statd.service iscsid.socket && rpcinfo -p | grep -q status");
    let initiator = in_node(NODE, "cat /etc/iscsi/initiatorname.iscsi");
    assert!(initiator.starts_with("InitiatorName=iqn."), "{initiator}");
    let in_image =
        docker(&["run", "--rm", "--entrypoint", "/bin/sh", &image(), "-c", "ls /etc/iscsi"]);
    assert!(!in_image.contains("initiatorname"), "all nodes would be one to an iSCSI server");
    in_node(
        NODE,
        "systemctl stop rpc-statd.service rpcbind.service rpcbind.socket iscsid.socket iscsid.service",
    );
    check("NFS and iSCSI have their programs, and the services these need start");
}

fn kube_proxy_has_its_programs(lab: &Lab) {
    let pods = lab.kubectl(
        NAME,
        &["-n", "kube-system", "get", "pods", "-l", "k8s-app=kube-proxy", "-o", "name"],
    );
    for command in [
        &["ipset", "--version"][..],
        &["iptables", "--version"],
        &["ip6tables-restore", "--version"],
        &["nft", "--version"],
        &["conntrack", "--version"],
        &["modprobe", "--version"],
    ] {
        let exec = [&["-n", "kube-system", "exec", pods.trim(), "--"], command].concat();
        assert!(lab.kubectl(NAME, &exec).contains('v'), "{command:?}");
    }
    check("kube-proxy's image has the programs of all its modes");
}

fn etcd_can_be_asked(lab: &Lab) {
    let pod = format!("etcd-{NODE}");
    let etcdctl = |args: &[&str]| {
        let exec = ["-n", "kube-system", "exec", &pod, "--", "etcdctl"];
        lab.kubectl(NAME, &[&exec, args].concat())
    };
    let version =
        lab.kubectl(NAME, &["-n", "kube-system", "exec", &pod, "--", "etcd", "--version"]);
    let version = version.lines().next().unwrap().replace("etcd Version", "etcdctl version");
    assert_eq!(etcdctl(&["version"]).lines().next(), Some(version.as_str()));
    let pki = "/etc/kubernetes/pki/etcd";
    let (ca, cert, key) =
        (format!("{pki}/ca.crt"), format!("{pki}/server.crt"), format!("{pki}/server.key"));
    let with =
        ["--cacert", &ca, "--cert", &cert, "--key", &key, "--endpoints", "https://127.0.0.1:2379"];
    let members = etcdctl(&[&with, &["member", "list"][..]].concat());
    assert!(members.contains(&format!("started, {NODE}, ")), "{members}");
    etcdctl(&[&with, &["endpoint", "health"][..]].concat());
    let offline =
        lab.kubectl(NAME, &["-n", "kube-system", "exec", &pod, "--", "etcdutl", "version"]);
    assert!(offline.starts_with("etcdutl version"), "{offline}");
    check("etcd's image has etcdctl and etcdutl, of etcd's version");
}

fn the_pod_network_is_recognised(lab: &Lab) {
    let set = lab.json(NAME, &["-n", "kube-system", "get", "daemonset", "kindnet"]);
    assert_eq!(set["metadata"]["labels"]["app"], "kindnet");
    let pods = lab.json(
        NAME,
        &["-n", "kube-system", "get", "pods", "-l", "app=kindnet,k8s-app=kindnet,tier=node"],
    );
    assert_eq!(pods["items"].as_array().unwrap().len(), 1);
    check("tools that look for kind's network find the DaemonSet kindnet");
}

/// People patch `cri-base.json` for limits; the handler is that of Kubernetes' tests.
fn the_runtime_can_be_configured(lab: &Lab) {
    let patch = "cd /etc/containerd && test -s cri-base.json &&
        jq '.process.rlimits = [{type: \"RLIMIT_NOFILE\", hard: 4321, soft: 1234}]' cri-base.json >new &&
        mv new cri-base.json && systemctl restart containerd";
    in_node(NODE, patch);
    let runtime_class = "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: test}\nhandler: test-handler\n---\n";
    lab.apply(
        NAME,
        &(runtime_class.to_owned() + &web("limited", NODE, "  runtimeClassName: test\n")),
    );
    lab.kubectl(NAME, &["wait", "--for=condition=Ready", "pod/limited", "--timeout=120s"]);
    let (_, limits) = lab.in_pod(NAME, "limited", "busybox grep 'open files' /proc/1/limits");
    let limits: Vec<&str> = limits.split_whitespace().skip(3).take(2).collect();
    assert_eq!(limits, ["1234", "4321"]);
    let version = in_node(NODE, "head -n 5 /etc/containerd/config.toml | grep '^version'");
    assert_eq!(version, "version = 2\n");
    check("a limit in cri-base.json counts, and test-handler runs pods");
}

fn crictl(args: &str) -> String {
    in_node(NODE, &format!("crictl {args}"))
}

fn crictl_finds() {
    let etcd = crictl("ps --name etcd -q");
    assert_eq!(etcd.trim().len(), 64, "{etcd}");
    assert_eq!(crictl("ps -q --label io.kubernetes.container.name=etcd"), etcd);
    let image = "$(crictl images -q registry.k8s.io/etcd)";
    assert_eq!(crictl(&format!("ps -q --state Running --image {image}")), etcd);
    assert_eq!(crictl(&format!("ps -q --state Exited --image {image}")), "");
    let pod = crictl("pods --name etcd --namespace kube-system --state ready -q");
    assert_eq!(crictl(&format!("ps -q --pod {}", pod.trim())), etcd);
    let columns =
        crictl("ps -a").lines().next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(columns, "CONTAINER IMAGE CREATED STATE NAME ATTEMPT POD ID POD NAMESPACE");
    let list: Value = serde_json::from_str(&crictl("images -o json")).unwrap();
    assert!(list["images"][0]["repoTags"][0].is_string(), "{list}");
    assert!(
        crictl("images --digests --no-trunc --pinned registry.k8s.io/etcd").contains("sha256:")
    );
    let id = crictl(
        "inspecti -o go-template --template '{{.status.id}}' registry.k8s.io/kube-apiserver:$(cat /kind/version)",
    );
    assert!(id.starts_with("sha256:"), "{id}");
    let state = crictl(&format!(
        "inspect -o go-template --template '{{{{.status.state}}}} {{{{.info.pid}}}}' {}",
        etcd.trim()
    ));
    assert!(state.starts_with("CONTAINER_RUNNING "), "{state}");
    for (command, has) in [
        ("imagefsinfo", "\"mountpoint\": \"/var/lib/containerd/"),
        ("info", "\"runtimeHandlers\""),
        ("version", "RuntimeName:  containerd"),
        ("--version", "crictl version v1."),
        ("config --get runtime-endpoint", "unix:///run/containerd/containerd.sock"),
        ("pods -o yaml", "kube-system"),
        ("stats", "etcd"),
    ] {
        assert!(crictl(command).contains(has), "{command}: {}", crictl(command));
    }
    check("crictl lists, filters, inspects and measures");
}

fn crictl_follows_and_enters() {
    let web = "$(crictl ps -q --label io.kubernetes.pod.name=web)";
    assert_eq!(crictl(&format!("logs --tail=1 {web}")), "web serves\n");
    let stamped = crictl(&format!("logs --timestamps --since 1h {web}"));
    assert!(stamped.starts_with("20") && stamped.ends_with("Z web serves\n"), "{stamped}");
    assert_eq!(
        in_node(NODE, &format!("timeout 2 crictl logs -f {web} || test $? = 124")),
        "web serves\n"
    );
    assert_eq!(crictl(&format!("exec {web} cat /www/index.html")), "web\n");
    assert_eq!(in_node(NODE, &format!("echo in | crictl exec -i {web} cat")), "in\n");
    assert!(
        crictl(&format!("exec -t {web} /bin/sh -c 'test -t 1 && echo terminal'"))
            .contains("terminal")
    );
    assert_eq!(
        in_node(NODE, &format!("crictl exec {web} ls /missing >/dev/null 2>&1; echo $?")),
        "1\n"
    );
    assert_eq!(
        in_node(
            NODE,
            &format!("crictl exec --sync {web} /bin/sh -c 'exit 7' 2>/dev/null; echo $?")
        ),
        "7\n"
    );
    check("crictl shows logs and runs commands, with a terminal too");
}

/// Nodes that fill up are cleaned by `crictl rmi --prune`.
fn crictl_removes(lab: &Lab) {
    let archive = lab.folder.path().join("old.tar");
    std::fs::write(&archive, archive::of_image("docker.io/library/old:1")).unwrap();
    lab.ok(&["load", "image-archive", archive.to_str().unwrap(), "--name", NAME]);
    assert!(crictl("images -q old:1").starts_with("sha256:"));
    let before = crictl("images -q").lines().count();
    assert!(crictl("rmi --prune").contains("Deleted: docker.io/library/old:1"));
    assert_eq!(
        crictl("images -q").lines().count(),
        before - 1,
        "what is pinned or used has stayed"
    );
    let pod = crictl("pods --name web -q");
    crictl(&format!("rmp -f {}", pod.trim()));
    eventually("the pod's new sandbox", 60, || {
        let now = crictl("pods --name web --state ready -q");
        if now.is_empty() || now == pod { Err(now) } else { Ok(()) }
    });
    let unready = lab.kubectl(
        NAME,
        &["get", "pods", "-A", "--field-selector=status.phase!=Running", "-o", "name"],
    );
    assert_eq!(unready, "");
    check("crictl removes images that nothing needs, and pods");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_node_works_where_overlayfs_does_not() {
    let name = "skiff-test-native";
    let lab = Lab::new(&[name]);
    let node = format!("{name}-control-plane");
    let created = lab
        .command(&["create", "cluster", "--name", name])
        .env("KIND_EXPERIMENTAL_CONTAINERD_SNAPSHOTTER", "native")
        .output()
        .unwrap();
    assert!(created.status.success(), "{}", stderr(&created));
    let count = |snapshotter: &str| {
        let list = format!(
            "ctr -n k8s.io snapshots --snapshotter {snapshotter} ls | grep -c Active || true"
        );
        in_node(&node, &list).trim().parse::<u32>().unwrap()
    };
    assert!(count("native") > 5 && count("overlayfs") == 0, "containers are on the one asked for");
    let unpinned = in_node(&node, "crictl images --pinned | tail -n +2 | grep -v 'true$' || true");
    assert_eq!(unpinned, "", "the garbage collection must leave the node's own images");
    let archive = lab.folder.path().join("hello.tar");
    std::fs::write(&archive, archive::of_image("docker.io/library/hello:1")).unwrap();
    lab.ok(&["load", "image-archive", archive.to_str().unwrap(), "--name", name]);
    check("with the native snapshotter a cluster works, and images can be loaded");
}

fn image() -> String {
    node_image::reference(node_image::DEFAULT_VERSION)
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_node_starts_with_the_name_service_file_it_has_written() {
    let lab = Lab::new(&[]);
    let kept = lab
        .write("resolv.conf", "search example.org\nnameserver 169.254.53.53\noptions timeout:3\n");
    let mount = format!("{kept}:/etc/resolv.conf");
    let script = "cat /etc/systemd/resolved.conf.d/upstream.conf /etc/resolv.conf";
    let seen = docker(&[
        "run",
        "--rm",
        "--privileged",
        "--volume",
        &mount,
        "--entrypoint",
        "/usr/local/bin/entrypoint",
        &image(),
        "/bin/sh",
        "-c",
        script,
    ]);
    for line in [
        "DNS=127.0.0.11",
        "DNSStubListenerExtra=169.254.53.53",
        "search example.org",
        "options timeout:3",
    ] {
        assert!(seen.lines().any(|found| found == line), "{line}: {seen}");
    }
    check(
        "a file that holds only the node's own name service does not keep the node from starting",
    );
}
