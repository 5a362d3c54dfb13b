use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::engine::ContainerSpec;
use crate::engine::fake::{FakeEngine, Fault, When};
use crate::labels;
use crate::progress::Progress;

fn engine(fault: Option<(usize, Fault)>) -> FakeEngine {
    let engine = fault.map_or_else(FakeEngine::default, |(at, fault)| FakeEngine::armed(at, fault));
    for (name, role) in [("c-control-plane", labels::CONTROL_PLANE), ("c-worker", labels::WORKER)] {
        let labels = [(labels::CLUSTER, "c"), (labels::ROLE, role)];
        engine.put(ContainerSpec {
            name: name.into(),
            labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
            ..ContainerSpec::default()
        });
    }
    engine
}

fn context(engine: &FakeEngine, cancel: CancellationToken) -> Context {
    Context::new(Arc::new(engine.clone()), Progress::silent(), cancel)
}

#[tokio::test]
async fn a_cluster_goes_with_its_kubeconfig_entries() {
    let engine = engine(None);
    let ctx = context(&engine, CancellationToken::new());
    let names = delete(&ctx, "c", Vec::new()).await.unwrap();
    assert_eq!(names, ["c-control-plane", "c-worker"]);
    assert!(engine.container_names().is_empty());
    assert!(delete(&ctx, "c", Vec::new()).await.unwrap().is_empty());
}

#[tokio::test]
async fn everything_that_fails_is_reported_and_the_rest_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let broken = directory.path().join("config");
    std::fs::write(&broken, "clusters: [").unwrap();
    // Call 0 lists the containers, 1 and 2 remove them.
    let engine = engine(Some((1, Fault::Fails)));
    let ctx = context(&engine, CancellationToken::new());
    let error = delete(&ctx, "c", vec![broken]).await.unwrap_err();
    let texts: Vec<String> = error.failures.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].contains("is not a kubeconfig"), "{texts:?}");
    assert!(texts[1].starts_with("cannot remove c-control-plane: "), "{texts:?}");
    assert_eq!(engine.container_names(), ["c-control-plane"]);
    assert_eq!(error.removed, ["c-worker"]);
}

/// Nobody gives up the lock of the kubeconfig: it is not waited for any longer.
#[tokio::test]
async fn waiting_for_the_kubeconfig_is_interrupted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    std::fs::write(&path, KUBECONFIG).unwrap();
    std::fs::write(path.with_extension("lock"), "").unwrap();
    let cancel = CancellationToken::new();
    let engine = engine(Some((0, Fault::Cancel(cancel.clone()))));
    let outcome = delete(&context(&engine, cancel), "c", vec![path.clone()]).await;
    let failures = outcome.unwrap_err().failures;
    let interrupted = kubeconfig::Error::Interrupted { path };
    assert_eq!(
        failures.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [interrupted.to_string()]
    );
    assert_eq!(engine.container_names().len(), 2);
}

#[tokio::test]
async fn an_interruption_is_reported() {
    let cancel = CancellationToken::new();
    let engine = engine(Some((0, Fault::Cancel(cancel.clone()))));
    let error = delete(&context(&engine, cancel), "c", Vec::new()).await.unwrap_err();
    assert!(matches!(error.failures[..], [DeleteFailure::Run(RunError::Cancelled)]));
}

const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
clusters: [{name: kind-c, cluster: {server: 'https://127.0.0.1:1'}}]
contexts: [{name: kind-c, context: {cluster: kind-c, user: kind-c}}]
users: [{name: kind-c, user: {}}]
current-context: kind-c
";

/// Every call fails, gets its answer lost, or is where Ctrl-C comes: what is
/// reported is what is left.
#[tokio::test]
async fn what_is_reported_is_what_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let all = ["c-control-plane", "c-worker"];
    for call in 0..3 {
        for kind in 0..3 {
            std::fs::write(&path, KUBECONFIG).unwrap();
            let cancel = CancellationToken::new();
            let engine = engine(Some((call, Fault::kinds(&cancel)[kind].clone())));
            let ctx = context(&engine, cancel);
            let outcome = delete(&ctx, "c", vec![path.clone()]).await;
            let has_entries = std::fs::read_to_string(&path).unwrap().contains("kind-c");
            let left = engine.container_names();
            let what = format!("call {call}, kind {kind}: {outcome:?}");
            match (outcome, call, kind) {
                (Err(error), 0, _) => {
                    assert!(matches!(error.failures[..], [DeleteFailure::Run(_)]), "{what}");
                    // The kubeconfig comes first, and is not left half-way.
                    assert!(left == all && has_entries == (kind != 2), "{what}");
                }
                // It came so late that there was nothing left to interrupt.
                (Ok(names), _, 2) => {
                    assert!(names == all && left.is_empty() && !has_entries, "{what}");
                }
                (Err(error), _, _) => {
                    let [DeleteFailure::Container { container, error }] = &error.failures[..]
                    else {
                        panic!("{what}")
                    };
                    assert!(error.to_string().contains(&format!("fault at call {call}")));
                    assert_eq!(container, all[call - 1], "{what}");
                    // Only the answer was lost: then it is gone all the same.
                    let expected = if kind == 1 { vec![] } else { vec![container.clone()] };
                    assert!(left == expected && !has_entries, "{what}");
                }
                (Ok(_), _, _) => panic!("{what}"),
            }
        }
    }
}

/// All containers resist: each is named, and none twice.
#[tokio::test]
async fn every_container_that_is_left_is_named() {
    let engine = engine(None).and_armed(When::From(1), Fault::Fails);
    let ctx = context(&engine, CancellationToken::new());
    let error = delete(&ctx, "c", Vec::new()).await.unwrap_err();
    let names: Vec<&String> = error
        .failures
        .iter()
        .map(|failure| match failure {
            DeleteFailure::Container { container, .. } => container,
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(names, engine.container_names().iter().collect::<Vec<_>>());
}
