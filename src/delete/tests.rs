use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::engine::ContainerSpec;
use crate::engine::fake::{FakeEngine, Fault};
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
}

#[tokio::test]
async fn an_interruption_is_reported() {
    let cancel = CancellationToken::new();
    let engine = engine(Some((0, Fault::Cancel(cancel.clone()))));
    let error = delete(&context(&engine, cancel), "c", Vec::new()).await.unwrap_err();
    assert!(matches!(error.failures[..], [DeleteFailure::Run(RunError::Cancelled)]));
}
