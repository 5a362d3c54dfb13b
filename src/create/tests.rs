use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::config;
use crate::engine::fake::{FakeEngine, Fault};
use crate::progress::Progress;

const THREE_NODES: &str = "nodes: [{role: control-plane}, {role: worker}, {role: worker}]";
const BALANCED: &str = "nodes: [{role: control-plane}, {role: control-plane}, {role: worker}]";

fn cluster(nodes: &str) -> Cluster {
    config::parse(&format!("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n{nodes}")).unwrap()
}

fn options(kubeconfig: &Path) -> CreateOptions {
    CreateOptions {
        retain: false,
        wait: Duration::from_secs(5),
        kubeconfig: kubeconfig.to_owned(),
        network: "kind".into(),
        directory: "/".into(),
        get_env: |_| None,
    }
}

async fn run(
    engine: &FakeEngine,
    cancel: &CancellationToken,
    kubeconfig: &Path,
    change: impl Fn(&mut CreateOptions),
) -> Result<(), Failed> {
    run_with(&cluster(THREE_NODES), engine, cancel, kubeconfig, change).await
}

async fn run_with(
    cluster: &Cluster,
    engine: &FakeEngine,
    cancel: &CancellationToken,
    kubeconfig: &Path,
    change: impl Fn(&mut CreateOptions),
) -> Result<(), Failed> {
    let ctx = Context::new(Arc::new(engine.clone()), Progress::silent(), cancel.clone());
    let mut options = options(kubeconfig);
    change(&mut options);
    create(&ctx, cluster, &options).await
}

#[tokio::test]
async fn a_creation_makes_three_nodes_and_a_context() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    let engine = FakeEngine::default();
    run(&engine, &CancellationToken::new(), &kubeconfig, |_| {}).await.unwrap();
    assert_eq!(engine.container_names(), ["kind-control-plane", "kind-worker", "kind-worker2"]);
    let text = std::fs::read_to_string(kubeconfig).unwrap();
    assert!(
        text.contains("https://127.0.0.1:40000") && text.contains("current-context: kind-kind"),
        "{text}"
    );
    let count = |name: &str| engine.calls().iter().filter(|c| *c == name).count();
    assert_eq!((count("exec kubeadm init"), count("exec kubeadm join")), (1, 2));
}

#[tokio::test]
async fn several_control_planes_share_their_secrets_behind_a_balancer() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    let engine = FakeEngine::default();
    let cancel = CancellationToken::new();
    run_with(&cluster(BALANCED), &engine, &cancel, &kubeconfig, |_| {}).await.unwrap();
    assert_eq!(
        engine.container_names(),
        ["kind-control-plane", "kind-control-plane2", "kind-external-load-balancer", "kind-worker"]
    );
    let count = |name: &str| engine.calls().iter().filter(|c| *c == name).count();
    assert_eq!((count("exec kubeadm init"), count("exec kubeadm join")), (1, 2));
    // Packed once, for the other control-plane.
    assert_eq!(count("exec tar -C"), 1);
}

/// Every single call fails, gets its answer lost, or is where Ctrl-C comes.
#[tokio::test]
async fn whatever_goes_wrong_nothing_is_left() {
    sweep(&cluster(THREE_NODES)).await;
    sweep(&cluster(BALANCED)).await;
}

async fn sweep(cluster: &Cluster) {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    let smooth = FakeEngine::default();
    run_with(cluster, &smooth, &CancellationToken::new(), &kubeconfig, |_| {}).await.unwrap();
    std::fs::remove_file(&kubeconfig).unwrap();
    let calls = smooth.calls().len();
    assert!(calls > 30, "{calls}");
    let mut failed = 0;

    for call in 0..calls {
        for kind in 0..3 {
            let cancel = CancellationToken::new();
            let fault = Fault::kinds(&cancel)[kind].clone();
            let engine = FakeEngine::armed(call, fault);
            let outcome = run_with(cluster, &engine, &cancel, &kubeconfig, |_| {}).await;
            let what = engine.calls().get(call).cloned().unwrap_or_default();
            let Err(failure) = outcome else {
                // Only a Ctrl-C so late that there is nothing left to interrupt,
                // or an image manifest that is optional, may go by.
                assert!(
                    kind == 2 && call + 2 >= calls || what.starts_with("exec cat"),
                    "{what} ({kind}) was ignored"
                );
                std::fs::remove_file(&kubeconfig).unwrap();
                continue;
            };
            failed += 1;
            assert!(
                engine.container_names().is_empty(),
                "{what} ({kind}) left {:?}",
                engine.container_names()
            );
            assert!(!kubeconfig.exists(), "{what} ({kind}) wrote the kubeconfig");
            assert!(failure.cleanup.is_empty());
            let said = failure.error.to_string();
            if kind == 2 {
                assert!(said.contains("interrupted"), "{what}: {said}");
            } else {
                assert!(
                    said.contains(&format!("fault at call {call}")),
                    "{what}: the first error is not reported: {said}"
                );
            }
        }
    }
    assert!(failed > calls * 2, "{failed} of {}", calls * 3);
}

#[tokio::test]
async fn of_many_creations_of_one_name_one_wins_and_the_rest_leave_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("config");
    let engine = FakeEngine::default();
    let cancel = CancellationToken::new();
    let all = (0..8).map(|_| run(&engine, &cancel, &kubeconfig, |_| {}));
    let outcomes = futures_util::future::join_all(all).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    for failure in outcomes.into_iter().filter_map(Result::err) {
        assert!(failure.error.to_string().contains("already exist"), "{}", failure.error);
    }
    assert_eq!(engine.container_names().len(), 3);
}

#[tokio::test]
async fn retain_keeps_the_nodes() {
    let folder = tempfile::tempdir().unwrap();
    let smooth = FakeEngine::default();
    run(&smooth, &CancellationToken::new(), &folder.path().join("a"), |_| {}).await.unwrap();
    let init = smooth.calls().iter().position(|c| c == "exec kubeadm init").unwrap();
    let engine = FakeEngine::armed(init, Fault::Fails);
    let failure =
        run(&engine, &CancellationToken::new(), &folder.path().join("b"), |o| o.retain = true)
            .await
            .unwrap_err();
    assert!(failure.retained);
    assert_eq!(engine.container_names().len(), 3);
}
