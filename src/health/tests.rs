mod report;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::certificate::Certificate;
use super::report::{Disk, Lookup};
use super::*;
use crate::check::Outcome;
use crate::engine::fake::Script;
use crate::progress::Progress;

/// 2026-11-25T20:40:00Z
const NOW: u64 = 1_795_639_200;
const DAY: i64 = 24 * 60 * 60;

/// A certificate that expires so many days after [`NOW`].
fn pem(days: i64) -> String {
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    let expires = i64::try_from(NOW).unwrap() + days * DAY + 60;
    params.not_after = time::OffsetDateTime::from_unix_timestamp(expires).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().pem()
}

/// What the script prints in the control-plane of a cluster that is well.
fn well() -> String {
    format!(
        "
\u{1e}units

\u{1e}disk
/dev/vda         257017640 63893832 182500208      26% /var
/dev/vda         16384000 1302000 15082000    8% /var

\u{1e}memory
MemTotal:       24616940 kB
MemAvailable:   17220748 kB

\u{1e}certificate /etc/kubernetes/pki/apiserver.crt
{}
\u{1e}certificate /etc/kubernetes/admin.conf
{}
\u{1e}answer api-server
[+]ping ok
[+]etcd ok
readyz check passed

200
\u{1e}answer service
ok
200
\u{1e}dns 10.96.0.10
node kubernetes.default.svc.cluster.local yes
node lab-control-plane yes
pod kubernetes.default.svc.cluster.local yes
",
        pem(364),
        pem(364)
    )
}

/// The checks of a cluster with this script of the engine.
async fn examined(script: &Value) -> Vec<Check> {
    let cancel = CancellationToken::new();
    let engine = Script::parse(&script.to_string()).unwrap().engine(&cancel);
    let ctx = Context::new(Arc::new(engine), Progress::silent(), cancel);
    examine(&ctx, "lab", UNIX_EPOCH + Duration::from_secs(NOW)).await.unwrap()
}

/// Two nodes, of which the API server says this about pods.
fn cluster(pods: Value) -> Value {
    let node = |name: &str| {
        let conditions = json!([{"type": "Ready", "status": "True"}]);
        json!({"metadata": {"name": name}, "status": {"conditions": conditions}})
    };
    let nodes = json!({"items": [node("lab-control-plane"), node("lab-worker")]});
    let service = json!({"spec": {"clusterIP": "10.96.0.1"}});
    let answers = [nodes, service, json!({"items": pods}), json!({"items": []})];
    let answers: String = answers.iter().map(|answer| format!("{answer}\u{1e}")).collect();
    let worker = well().replace("answer api-server", "nothing");
    json!({
        "clusters": {"lab": ["control-plane", "worker"]},
        "commands": [
            {"line": "get --raw", "stdout": answers},
            {"line": "components look", "stdout": "\u{1e}unit containerd running 0\n\u{1e}unit kubelet running 0\n\u{1e}containers\n{}\n"},
            {"line": "health 10.96.0.1", "container": "lab-worker", "stdout": worker},
            {"line": "health 10.96.0.1", "stdout": well()},
            {"line": "health ", "stdout": well()},
        ],
    })
}

/// Replaces what a command prints; the first that contains `line`.
fn prints(script: &mut Value, line: &str, container: &str, stdout: &str) {
    let rule = json!({"line": line, "container": container, "stdout": stdout});
    script["commands"].as_array_mut().unwrap().insert(0, rule);
}

fn ill(checks: &[Check]) -> Vec<String> {
    let ill = checks.iter().filter(|check| check.outcome != Outcome::Ok);
    ill.map(|check| format!("{}: {}", check.title, check.found)).collect()
}

#[tokio::test]
async fn all_is_well() {
    let checks = examined(&cluster(json!([]))).await;
    let found: Vec<String> =
        checks.iter().map(|check| format!("{}: {}", check.title, check.found)).collect();
    let expected = [
        "containers: all 2 run",
        "containerd: active on 2 nodes",
        "kubelet: active on 2 nodes",
        "systemd units: none has failed on 2 nodes",
        "disk: 174.0 GiB available",
        "memory: 16.4 GiB available",
        "certificates: 4 files valid for more than 30 days",
        "API server: ready on 1 node",
        "Services: answer 2 nodes",
        "DNS: answers 2 nodes",
        "API server from here: 127.0.0.1:40000 can be reached",
        "nodes: 2 Ready",
        "pods: all of 0 pods well",
    ];
    assert_eq!(found, expected);
    assert_eq!(crate::check::worst(&checks), Outcome::Ok);
}

#[tokio::test]
async fn whatever_is_not_well_in_a_node_is_named() {
    let well = well();
    for (old, new, expected) in [
        (
            "units\n\n",
            "units\nnode-dns.service\nkubelet.service\n",
            "systemd units of lab-worker: node-dns.service failed",
        ),
        ("182500208 ", "1000000 ", "disk of lab-worker: 976 MiB free at /var"),
        ("182500208 ", "12 ", "disk of lab-worker: 12 KiB free at /var"),
        (" 8% /var", " 99% /var", "disk of lab-worker: 99 % of the inodes at /var are used"),
        ("17220748", "100000", "memory of lab-worker: 97 MiB available"),
        ("etcd ok\n", "etcd ok\n[-]informer-sync failed: reason withheld\n", ""),
        (
            "ok\n200",
            "\n000",
            "Services from lab-worker: the Service kubernetes does not answer at its cluster IP",
        ),
        (
            "cluster.local yes",
            "cluster.local no",
            "DNS from lab-worker: 10.96.0.10 does not resolve kubernetes.default.svc.cluster.local",
        ),
        (
            "pod kubernetes.default.svc.cluster.local yes",
            "pod kubernetes.default.svc.cluster.local no",
            "DNS from lab-worker: 10.96.0.10 answers the node, but not its pods",
        ),
        (
            "lab-control-plane yes",
            "lab-control-plane no",
            "DNS from lab-worker: 10.96.0.10 does not pass on other names, such as lab-control-plane",
        ),
    ] {
        assert!(well.contains(old), "{old}");
        let mut script = cluster(json!([]));
        prints(&mut script, "health ", "lab-worker", &well.replace(old, new));
        let found = ill(&examined(&script).await);
        let expected: Vec<&str> = [expected].into_iter().filter(|text| !text.is_empty()).collect();
        assert_eq!(found, expected, "{new}");
    }
}

#[tokio::test]
async fn an_api_server_that_is_not_ready_says_what_failed() {
    for (answer, found) in [
        (
            "[+]ping ok\n[-]etcd failed: reason withheld\n[-]log failed: reason withheld\nreadyz check failed\n\n500",
            "is not ready: etcd, log failed",
        ),
        ("\n000", "does not answer"),
        ("bad gateway\n502", "answers with HTTP status 502"),
    ] {
        let mut script = cluster(json!([]));
        let text = format!("{}\n\u{1e}answer api-server\n{answer}\n", well());
        prints(&mut script, "health ", "lab-control-plane", &text);
        assert_eq!(
            ill(&examined(&script).await),
            [format!("API server on lab-control-plane: {found}")]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn units_that_do_not_run_are_told_with_their_last_words() {
    let stopped = "\u{1e}unit containerd running 0\n\u{1e}unit kubelet dead 0\n\u{1e}journal kubelet\nStopped kubelet.service\n";
    let crashes = "\u{1e}unit containerd running 0\n\u{1e}unit kubelet auto-restart 3\n\u{1e}journal kubelet\n\
        E1125 15:14:57.041465    2122 run.go:72] \"command failed\" err=\"failed to run Kubelet: running with swap on is not supported\"\n\
        kubelet.service: Main process exited, code=exited, status=1/FAILURE\n";
    for (look, found, remedy) in [
        (stopped, "is stopped", "docker exec lab-worker systemctl start kubelet"),
        (
            crashes,
            "does not run: failed to run Kubelet: running with swap on is not supported",
            "see why: docker exec lab-worker journalctl -u kubelet -n 50",
        ),
    ] {
        let mut script = cluster(json!([]));
        prints(&mut script, "components look", "lab-worker", look);
        let checks = examined(&script).await;
        assert_eq!(ill(&checks), [format!("kubelet on lab-worker: {found}")]);
        let check = checks.iter().find(|check| check.outcome == Outcome::Error).unwrap();
        assert_eq!(check.remedy.as_deref(), Some(remedy));
    }
}

#[tokio::test]
async fn a_node_that_is_stopped_is_a_finding_and_its_pods_are_not() {
    let pod = |name: &str, node: &str| {
        let waiting = json!({"reason": "ImagePullBackOff", "message": "no such host"});
        json!({
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"nodeName": node},
            "status": {
                "conditions": [{"type": "Ready", "status": "False"}],
                "containerStatuses": [{"name": "c", "state": {"waiting": waiting}}],
            },
        })
    };
    let mut script = cluster(json!([pod("a", "lab-control-plane"), pod("b", "lab-worker")]));
    script["stopped"] = json!(["lab-worker"]);
    let checks = examined(&script).await;
    let pod = "pod default/a: container c cannot start: ImagePullBackOff: no such host";
    assert_eq!(ill(&checks), ["container lab-worker: stopped", pod]);
    let remedies: Vec<&str> = checks.iter().filter_map(|check| check.remedy.as_deref()).collect();
    let describe = "see more: skiff kubectl --name lab -- describe pod --namespace default a";
    assert_eq!(remedies, ["docker start lab-worker", describe]);

    script["stopped"] = json!(["lab-worker", "lab-control-plane"]);
    let found = ill(&examined(&script).await);
    let expected = [
        "container lab-control-plane and lab-worker: stopped",
        "API server: no control-plane runs; nodes and pods are unknown",
    ];
    assert_eq!(found, expected);
}

#[test]
fn each_state_of_a_container_has_its_remedy() {
    use crate::engine::RunStatus::{Paused, Restarting, Running, Stopped};
    use crate::inventory::NodeRole;
    let node = |status| ExistingNode::new("n", NodeRole::Worker, status);
    for (status, found, remedy) in [
        (Running, "it runs", None),
        (Paused, "paused", Some("docker unpause n")),
        (Stopped, "stopped", Some("docker start n")),
        (Restarting, "ends again and again", Some("see why: docker logs --tail 20 n")),
    ] {
        let [check] = &system::containers(&[node(status)])[..] else { panic!("{status:?}") };
        assert_eq!((check.found.as_str(), check.remedy.as_deref()), (found, remedy));
    }
}

#[tokio::test]
async fn a_pod_may_take_a_minute_to_start() {
    for (since, outcome) in
        [("2026-11-25T20:39:30Z", Outcome::Warning), ("2026-11-25T20:30:00Z", Outcome::Error)]
    {
        let ready = json!({"type": "Ready", "status": "False", "lastTransitionTime": since});
        let container = json!({"name": "c", "ready": false, "state": {"running": {}}});
        let checks = examined(&cluster(json!([{
            "metadata": {"name": "slow", "namespace": "default"},
            "spec": {"nodeName": "lab-worker"},
            "status": {"conditions": [ready], "containerStatuses": [container]},
        }])))
        .await;
        assert_eq!(ill(&checks), ["pod default/slow: container c runs but is not ready"]);
        assert_eq!(crate::check::worst(&checks), outcome, "{since}");
    }
}

/// The kubelet is stopped, and so everything on its node is unknown; but what crashed may
/// be why.
#[tokio::test]
async fn a_node_that_is_not_ready_excuses_its_pods() {
    let pod = |name: &str, state: Value| {
        json!({
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"nodeName": "lab-worker"},
            "status": {
                "conditions": [{"type": "Ready", "status": "False"}],
                "containerStatuses": [{"name": "c", "ready": true, "state": state}],
            },
        })
    };
    let running = pod("a", json!({"running": {}}));
    let failing = pod("b", json!({"waiting": {"reason": "CreateContainerError"}}));
    let mut script = cluster(json!([running, failing]));
    let answers = script["commands"][0]["stdout"].as_str().unwrap().to_owned();
    let unknown = r#""lab-worker"},"status":{"conditions":[{"type":"Ready","status":"Unknown","message":"Kubelet stopped posting node status."#;
    let answers = answers.replace(
        r#""lab-worker"},"status":{"conditions":[{"type":"Ready","status":"True"#,
        unknown,
    );
    script["commands"][0]["stdout"] = json!(answers);
    let pod = "pod default/b: container c cannot start: CreateContainerError";
    let node = "node lab-worker: is not Ready: Kubelet stopped posting node status.";
    assert_eq!(ill(&examined(&script).await), [node, pod]);

    let look = "\u{1e}unit containerd running 0\n\u{1e}unit kubelet dead 0\n\u{1e}journal kubelet\nStopped\n";
    prints(&mut script, "components look", "lab-worker", look);
    let checks = examined(&script).await;
    assert_eq!(ill(&checks), ["kubelet on lab-worker: is stopped", pod]);
    let nodes = checks.iter().find(|check| check.title == "nodes").unwrap();
    assert_eq!(nodes.found, "1 of 2 Ready");
}

#[tokio::test]
async fn without_an_api_server_components_speak_for_themselves() {
    let mut script = cluster(json!([]));
    let listed = json!({"containers": [{
        "id": "1", "metadata": {"name": "etcd"}, "state": "CONTAINER_EXITED",
        "labels": {"io.kubernetes.pod.namespace": "kube-system"},
    }]});
    let look = format!(
        "\u{1e}unit containerd running 0\n\u{1e}unit kubelet running 0\n\u{1e}containers\n{listed}\n\u{1e}log 1 1\nError: unknown flag: --x\n"
    );
    prints(&mut script, "components look", "lab-control-plane", &look);
    script["commands"][1]["stdout"] = json!("");
    script["commands"][1]["code"] = json!(1);
    script["commands"][1]["stderr"] = json!("The connection to the server lab:6443 was refused");
    let expected = [
        "API server: it does not answer, nodes and pods are unknown: The connection to the server lab:6443 was refused",
        "components of lab-control-plane: etcd does not run: Error: unknown flag: --x",
    ];
    assert_eq!(ill(&examined(&script).await), expected);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_answer_is_not_waited_for_forever() {
    let mut script = cluster(json!([]));
    script["commands"]
        .as_array_mut()
        .unwrap()
        .insert(0, json!({"line": "health ", "container": "lab-worker", "hangs": true}));
    let found = ill(&examined(&script).await);
    assert_eq!(found, ["examination of lab-worker: no answer within 25 s"]);
}

#[tokio::test]
async fn a_cluster_that_does_not_exist_is_an_error() {
    let cancel = CancellationToken::new();
    let engine = Script::default().engine(&cancel);
    let ctx = Context::new(Arc::new(engine), Progress::silent(), cancel);
    let error = examine(&ctx, "lab", UNIX_EPOCH).await.unwrap_err();
    assert_eq!(error.to_string(), "no nodes found for cluster \"lab\"");
}
