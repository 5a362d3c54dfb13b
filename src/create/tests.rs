use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::config;
use crate::delete::DeleteFailure;
use crate::engine::Command;
use crate::engine::fake::{FakeEngine, Fault, Script, When};
use crate::progress::Progress;

mod checked;
mod complete;
mod kubeconfig;
mod preflight;

const THREE_NODES: &str = "nodes: [{role: control-plane}, {role: worker}, {role: worker}]";
const BALANCED: &str = "nodes: [{role: control-plane}, {role: control-plane}, {role: worker}]";

fn cluster(nodes: &str) -> Cluster {
    config::parse(&format!("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n{nodes}")).unwrap()
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
    let mut options = CreateOptions::for_tests(kubeconfig);
    change(&mut options);
    create(&ctx, cluster, &options).await
}

/// Calls that come when the cluster is complete: they ask for the address that goes
/// into the kubeconfig.
const CALLS_FOR_KUBECONFIG: usize = 2;

/// Every single call fails, gets its answer lost, or is where Ctrl-C comes.
#[tokio::test]
async fn whatever_goes_wrong_nothing_is_left_but_a_complete_cluster() {
    sweep(&cluster(THREE_NODES)).await;
    sweep(&cluster(BALANCED)).await;
}

async fn sweep(cluster: &Cluster) {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("config");
    let smooth = FakeEngine::default();
    run_with(cluster, &smooth, &CancellationToken::new(), &kubeconfig, |_| {}).await.unwrap();
    std::fs::remove_file(&kubeconfig).unwrap();
    let calls = smooth.calls().len();
    assert!(calls > 30, "{calls}");
    let (mut failed, mut kubectl_ignored) = (0, 0);

    for call in 0..calls {
        for kind in 0..3 {
            let cancel = CancellationToken::new();
            let fault = Fault::kinds(&cancel)[kind].clone();
            let engine = FakeEngine::armed(call, fault);
            let outcome = run_with(cluster, &engine, &cancel, &kubeconfig, |_| {}).await;
            let what = engine.calls().get(call).cloned().unwrap_or_default();
            let Err(failure) = outcome else {
                // Only a Ctrl-C so late that there is nothing left to interrupt, an
                // image manifest that is optional, or the deletion of a token that
                // expires, may go by.
                let is_kubectl = kind != 2 && what.starts_with("exec kubectl");
                assert!(
                    kind == 2 && call + 2 >= calls || what.starts_with("exec cat") || is_kubectl,
                    "{what} ({kind}) was ignored"
                );
                kubectl_ignored += usize::from(is_kubectl);
                std::fs::remove_file(&kubeconfig).unwrap();
                continue;
            };
            failed += 1;
            // A Ctrl-C at the last look at the cluster is noticed after it.
            let noticed = call + usize::from(kind == 2);
            let is_complete = noticed >= calls - CALLS_FOR_KUBECONFIG;
            let left = engine.container_names();
            let expected = if is_complete { cluster_size(cluster) } else { 0 };
            assert_eq!(left.len(), expected, "{what} ({kind}) left {left:?}");
            assert!(!kubeconfig.exists(), "{what} ({kind}) wrote the kubeconfig");
            match failure.remains {
                Remains::Nothing => assert!(!is_complete, "{what}"),
                Remains::Cluster => assert!(is_complete, "{what}"),
                other => panic!("{what}: {other:?}"),
            }
            let text = failure.error.to_string();
            if kind == 2 {
                assert!(text.contains("interrupted"), "{what}: {text}");
            } else {
                assert!(
                    text.contains(&format!("fault at call {call}")),
                    "{what}: the first error is not reported: {text}"
                );
            }
        }
    }
    assert!(failed > calls * 2, "{failed} of {}", calls * 3);
    assert_eq!(kubectl_ignored, 2, "the deletion of the token, failed or without its answer");
}

/// A creation fails at every call, and then so does every call of its clean-up.
#[tokio::test]
async fn a_clean_up_that_fails_names_what_is_left() {
    sweep_clean_up(&cluster(THREE_NODES)).await;
    sweep_clean_up(&cluster(BALANCED)).await;
}

async fn sweep_clean_up(cluster: &Cluster) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let smooth = FakeEngine::default();
    run_with(cluster, &smooth, &CancellationToken::new(), &path, |_| {}).await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let (mut broken, mut everything) = (0, 0);

    for first in 0..smooth.calls().len() {
        // One kind of fault each, in turn: the first sweep has them all.
        let kind = first % 3;
        let creation = async |more: Option<(When, Fault)>| {
            let cancel = CancellationToken::new();
            let engine = FakeEngine::armed(first, Fault::kinds(&cancel)[kind].clone());
            let engine = match more {
                Some((when, fault)) => engine.and_armed(when, fault),
                None => engine,
            };
            let outcome = run_with(cluster, &engine, &cancel, &path, |_| {}).await;
            (engine, outcome)
        };
        let (engine, Err(expected)) = creation(None).await else {
            std::fs::remove_file(&path).unwrap();
            continue;
        };
        // A clean-up lists the containers of this creation, then removes them.
        let calls = engine.calls();
        let listed = calls.iter().rposition(|call| call == "containers");
        // Before the first container was asked for there is nothing to clean up.
        let Some(listed) = listed.filter(|_| calls.iter().any(|c| c == "create_container")) else {
            assert!(matches!(expected.remains, Remains::Nothing));
            assert!(engine.container_names().is_empty());
            continue;
        };
        // A complete cluster is not removed.
        if let Remains::Cluster = expected.remains {
            continue;
        }
        for call in listed..calls.len() {
            for lost in [false, true] {
                let fault = if lost { Fault::AnswerLost } else { Fault::Fails };
                let (engine, failed) = creation(Some((When::Call(call), fault))).await;
                let failed = failed.unwrap_err();
                let what = format!("{} after {} ({kind})", calls[call], calls[first]);
                assert_eq!(failed.error.to_string(), expected.error.to_string(), "{what}");
                check_leftovers(&engine, &failed, call, call == listed, lost, &what);
                assert!(!path.exists(), "{what} wrote the kubeconfig");
                broken += 1;
            }
        }
        // The first container was refused, so there is none to remove.
        if listed + 1 == calls.len() {
            assert!(engine.container_names().is_empty());
            continue;
        }
        let (engine, failed) = creation(Some((When::From(listed + 1), Fault::Fails))).await;
        assert_eq!(named(&failed.unwrap_err()), engine.container_names());
        everything += usize::from(engine.container_names().len() == cluster_size(cluster));
    }
    assert!(broken > 200 && everything > 20, "{broken}, {everything}");
}

/// One more Ctrl-C does not keep the clean-up from its work: only the program
/// itself leaves then.
#[tokio::test]
async fn a_clean_up_cannot_be_cancelled() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let named =
        |name: &str, nth| When::Named { name: name.into(), container: None, nth: Some(nth) };
    // The first list of containers is made before anything is created.
    for (call, nth) in [("remove_container", 1), ("remove_container", 3), ("containers", 2)] {
        let cancel = CancellationToken::new();
        let engine = FakeEngine::default()
            .and_armed(named("exec kubeadm init", 1), Fault::Cancel(cancel.clone()))
            .and_armed(named(call, nth), Fault::Cancel(cancel.clone()));
        let failed = run(&engine, &cancel, &path, |_| {}).await.unwrap_err();
        assert!(matches!(&failed.error, CreateError::Bootstrap(_)), "{}", failed.error);
        assert_eq!(failed.error.to_string(), "interrupted");
        assert!(matches!(failed.remains, Remains::Nothing), "{call}");
        assert!(engine.container_names().is_empty(), "{call}");
    }
}

/// Every container that is left is named; what is named is left, unless just the
/// answer was lost; and each fault is reported.
fn check_leftovers(
    engine: &FakeEngine,
    failed: &Failed,
    call: usize,
    listing: bool,
    lost: bool,
    what: &str,
) {
    let left = engine.container_names();
    let [reason] = unremoved(failed) else { panic!("{what}: {:?}", failed.remains) };
    assert!(reason.to_string().contains(&format!("fault at call {call}")), "{what}: {reason}");
    match (listing, lost) {
        // Nothing could be removed, and which there are is not known.
        (true, _) => assert!(matches!(reason, DeleteFailure::Run(_)), "{what}: {reason}"),
        (false, false) => assert_eq!(left, named(failed), "{what}"),
        (false, true) => assert!(left.is_empty() && named(failed).len() == 1, "{what}"),
    }
}

fn unremoved(failed: &Failed) -> &[DeleteFailure] {
    match &failed.remains {
        Remains::Unremoved(failures) => failures,
        other => panic!("{other:?}: {}", failed.error),
    }
}

/// The containers that could not be removed.
fn named(failed: &Failed) -> Vec<String> {
    let container = |failure: &DeleteFailure| match failure {
        DeleteFailure::Container { container, .. } => Some(container.clone()),
        DeleteFailure::Run(_) | DeleteFailure::Kubeconfig(_) => None,
    };
    let mut names: Vec<String> = unremoved(failed).iter().filter_map(container).collect();
    names.sort();
    names
}

/// Nodes, and the load balancer.
fn cluster_size(cluster: &Cluster) -> usize {
    cluster.nodes.len() + usize::from(cluster.has_load_balancer())
}

#[tokio::test]
async fn of_many_creations_of_one_name_one_wins_and_the_rest_leave_it_alone() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("config");
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

/// Of an engine elsewhere it is not known which ports are free.
#[tokio::test]
async fn a_picked_port_that_is_taken_is_replaced_by_another() {
    let directory = tempfile::tempdir().unwrap();
    let cancel = CancellationToken::new();
    for taken in [0, 5] {
        let path = directory.path().join(taken.to_string());
        let engine = FakeEngine::default().with_ports_taken(taken);
        run_with(&cluster(BALANCED), &engine, &cancel, &path, |_| {}).await.unwrap();
        for name in ["kind-control-plane", "kind-control-plane2", "kind-external-load-balancer"] {
            let ports: Vec<_> = engine.spec(name).publish.iter().map(|p| p.port()).collect();
            assert!(matches!(ports[..], [Some(1..)]), "{name}: {ports:?}");
        }
    }
    let path = directory.path().join("none");
    let engine = FakeEngine::default().with_ports_taken(usize::MAX);
    let failed = run(&engine, &cancel, &path, |_| {}).await.unwrap_err();
    assert!(failed.error.to_string().contains("already in use"), "{}", failed.error);
    assert!(engine.container_names().is_empty());
}

#[tokio::test]
async fn without_ipvs_in_the_first_node_kubeadm_is_not_started() {
    let directory = tempfile::tempdir().unwrap();
    let cancel = CancellationToken::new();
    for (mode, code, fine) in
        [("ipvs", 1, false), ("ipvs", 0, true), ("iptables", 1, true), ("nftables", 1, true)]
    {
        // The kernel that the engine reports is not this machine's.
        let script = format!("commands: [{{line: /proc/net/ip_vs, code: {code}}}]");
        let engine = Script::parse(&script).unwrap().engine(&cancel);
        let cluster = cluster(&format!("networking: {{kubeProxyMode: {mode}}}\n{THREE_NODES}"));
        let path = directory.path().join(format!("{mode}{code}"));
        let outcome = run_with(&cluster, &engine, &cancel, &path, |_| {}).await;
        let started = engine.calls().iter().any(|call| call == "exec kubeadm init");
        assert_eq!((outcome.is_ok(), started), (fine, fine), "{mode} {code}");
        if let Err(failed) = outcome {
            let text = failed.error.to_string();
            assert!(text.starts_with("kubeProxyMode: ipvs needs IPVS"), "{text}");
            assert!(matches!(failed.remains, Remains::Nothing));
            assert!(engine.container_names().is_empty());
        }
    }
}

#[tokio::test]
async fn retain_keeps_the_nodes() {
    let directory = tempfile::tempdir().unwrap();
    let smooth = FakeEngine::default();
    run(&smooth, &CancellationToken::new(), &directory.path().join("a"), |_| {}).await.unwrap();
    let init = smooth.calls().iter().position(|c| c == "exec kubeadm init").unwrap();
    let engine = FakeEngine::armed(init, Fault::Fails);
    let failure =
        run(&engine, &CancellationToken::new(), &directory.path().join("b"), |o| o.retain = true)
            .await
            .unwrap_err();
    assert!(matches!(failure.remains, Remains::Nodes));
    assert_eq!(engine.container_names().len(), 3);
}
