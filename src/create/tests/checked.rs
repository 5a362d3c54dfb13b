//! Definitions that components check before there are nodes.

use super::*;

const GATE: &str = "featureGates: {Nope: true}\nnodes: [{role: control-plane}, {role: worker}]";
const UNKNOWN: &str = "E1125 19:28:30.733927 38 run.go:72] \"command failed\" err=\"unrecognized feature gate: Nope\"";

/// An engine whose programs answer so.
fn engine(stdout: &str, cancel: &CancellationToken) -> FakeEngine {
    let rule = serde_json::json!({"line": "component-config", "stdout": stdout});
    let script = serde_json::json!({"commands": [rule]});
    Script::parse(&script.to_string()).unwrap().engine(cancel)
}

fn path(directory: &tempfile::TempDir) -> std::path::PathBuf {
    directory.path().join("config")
}

#[tokio::test]
async fn a_setting_that_no_component_knows_makes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let cancel = CancellationToken::new();
    let engine = engine(&format!("\u{1e}0 1\n{UNKNOWN}\n"), &cancel);
    let failed = run_with(&cluster(GATE), &engine, &cancel, &path(&directory), |_| {}).await;
    let failed = failed.unwrap_err();
    let CreateError::Settings(refused) = &failed.error else { panic!("{}", failed.error) };
    assert_eq!((refused.version.as_str(), refused.refusals.len()), ("v1.37.2", 1));
    assert!(matches!(failed.remains, Remains::Nothing));
    assert!(engine.container_names().is_empty());
    assert!(!engine.calls().contains(&"create_network".to_owned()));
}

/// Neither an engine that fails, nor programs that do not answer: the nodes will show.
#[tokio::test]
async fn a_check_that_fails_does_not_fail_the_creation() {
    let directory = tempfile::tempdir().unwrap();
    let cancel = CancellationToken::new();
    let gate = cluster(GATE);
    run_with(&gate, &engine("", &cancel), &cancel, &path(&directory), |_| {}).await.unwrap();
    let named = |call: &str| When::Named { name: call.into(), container: None, nth: Some(1) };
    for call in ["create_container", "start_container", "exec cat", "exec sh -s"] {
        let engine = engine("", &cancel).and_armed(named(call), Fault::Fails);
        std::fs::remove_file(path(&directory)).unwrap();
        run_with(&gate, &engine, &cancel, &path(&directory), |_| {}).await.unwrap();
        assert_eq!(engine.container_names(), ["kind-control-plane", "kind-worker"], "{call}");
    }
}

/// The container is removed whenever the creation is interrupted.
#[tokio::test]
async fn an_interrupted_check_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let gate = cluster(GATE);
    let smooth = engine("", &CancellationToken::new());
    run_with(&gate, &smooth, &CancellationToken::new(), &path(&directory), |_| {}).await.unwrap();
    let last = smooth.calls().iter().position(|call| call == "create_network").unwrap();
    assert!(last > 5, "{:?}", smooth.calls());
    for call in 0..last {
        let cancel = CancellationToken::new();
        let engine = engine("", &cancel).and_armed(When::Call(call), Fault::Cancel(cancel.clone()));
        let failed = run_with(&gate, &engine, &cancel, &path(&directory), |_| {}).await;
        assert_eq!(failed.unwrap_err().error.to_string(), "interrupted");
        assert!(engine.container_names().is_empty(), "{:?}", engine.calls());
    }
}

#[tokio::test]
async fn a_definition_that_sets_nothing_costs_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let engine = FakeEngine::default();
    run(&engine, &CancellationToken::new(), &path(&directory), |_| {}).await.unwrap();
    let created = engine.calls().iter().filter(|call| *call == "create_container").count();
    assert_eq!(created, 3);
}
