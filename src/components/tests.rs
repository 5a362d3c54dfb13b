use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::config;
use crate::engine::fake::Script;
use crate::progress::Progress;

const NODE: &str = "lab-control-plane";

/// A node on which this component has ended, and a kubelet waits for kubeadm.
async fn watched<T>(component: &str, then: impl AsyncFnOnce(&Context, &Cluster) -> T) -> T {
    let early = "Error: open /var/lib/kubelet/config.yaml: no such file or directory";
    let listed = serde_json::json!({"containers": [{
        "id": "1",
        "metadata": {"name": component},
        "state": "CONTAINER_EXITED",
        "labels": {"io.kubernetes.pod.namespace": "kube-system"},
    }]});
    let report = format!(
        "\u{1e}unit kubelet auto-restart 1\n\u{1e}journal kubelet\n{early}\n\
         kubelet.service: Main process exited\n\
         \u{1e}containers\n{listed}\n\u{1e}log 1 1\nError: unknown flag: --x\n"
    );
    let script = serde_json::json!({
        "clusters": {"lab": ["control-plane"]},
        "commands": [{"line": "components look", "stdout": report}],
    });
    let cancel = CancellationToken::new();
    let engine = Script::parse(&script.to_string()).unwrap().engine(&cancel);
    let ctx = Context::new(Arc::new(engine), Progress::silent(), cancel);
    let cluster = config::parse("{kind: Cluster, apiVersion: kind.x-k8s.io/v1alpha4}").unwrap();
    then(&ctx, &cluster).await
}

/// kubeadm may succeed without the others, and as in kind that is enough.
#[tokio::test(start_paused = true)]
async fn kubeadm_is_ended_only_for_what_it_waits_for() {
    for (component, of_kubeadm) in
        [("etcd", true), ("kube-scheduler", true), ("kube-proxy", false), ("coredns", false)]
    {
        let (of_kubeadm_is_ended, is_ended) = watched(component, async |ctx, cluster| {
            let work = || tokio::time::sleep(Duration::from_secs(100));
            let of_kubeadm = Watch::of_kubeadm(ctx, cluster, NODE).during(work()).await;
            (of_kubeadm.is_err(), Watch::new(ctx, cluster, [NODE]).during(work()).await.is_err())
        })
        .await;
        assert_eq!((of_kubeadm_is_ended, is_ended), (of_kubeadm, true), "{component}");
    }
}

#[tokio::test]
async fn a_failure_of_kubeadm_is_not_blamed_on_what_it_does_not_wait_for() {
    for (component, blamed) in
        [("kube-proxy", Component::Kubeadm), ("kube-scheduler", Component::Scheduler)]
    {
        let crash = watched(component, async |ctx, cluster| {
            Watch::of_kubeadm(ctx, cluster, NODE).explain("error: its own").await
        })
        .await;
        assert_eq!(crash.component, blamed);
    }
}
