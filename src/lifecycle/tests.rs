use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::engine::fake::{FakeEngine, Fault, Script, When};
use crate::progress::Progress;

mod sweep;

const NAMES: [&str; 4] =
    ["lab-control-plane", "lab-control-plane2", "lab-external-load-balancer", "lab-worker"];

/// A cluster on an engine with this script besides, all of it in one state.
fn engine(status: RunStatus, script: &str) -> FakeEngine {
    let names = NAMES.join(", ");
    let state = match status {
        RunStatus::Stopped => format!("stopped: [{names}]"),
        RunStatus::Paused => format!("paused: [{names}]"),
        RunStatus::Running | RunStatus::Restarting => String::new(),
    };
    let roles = "[control-plane, control-plane, external-load-balancer, worker]";
    let text = format!("clusters: {{lab: {roles}}}\n{state}\n{script}");
    Script::parse(&text).unwrap().engine(&CancellationToken::new())
}

fn context(engine: &FakeEngine, cancel: &CancellationToken) -> Context {
    Context::new(Arc::new(engine.clone()), Progress::silent(), cancel.clone())
}

async fn run(
    action: Action,
    engine: &FakeEngine,
    cancel: &CancellationToken,
) -> Result<Outcome, LifecycleError> {
    run_with(action, engine, cancel, Path::new("/nowhere/kubeconfig"), 5).await
}

async fn run_with(
    action: Action,
    engine: &FakeEngine,
    cancel: &CancellationToken,
    kubeconfig: &Path,
    seconds: u64,
) -> Result<Outcome, LifecycleError> {
    let ctx = context(engine, cancel);
    let wait = Duration::from_secs(seconds);
    let options = StartOptions { wait, kubeconfigs: vec![kubeconfig.to_owned()] };
    match action {
        Action::Stop => stop(&ctx, "lab").await,
        Action::Start => start(&ctx, "lab", &options).await,
        Action::Restart => {
            stop(&ctx, "lab").await?;
            start(&ctx, "lab", &options).await
        }
        Action::Pause => pause(&ctx, "lab").await,
        Action::Unpause => unpause(&ctx, "lab").await,
    }
}

async fn smoothly(action: Action, engine: &FakeEngine) -> Result<Outcome, LifecycleError> {
    run(action, engine, &CancellationToken::new()).await
}

fn statuses(engine: &FakeEngine) -> Vec<RunStatus> {
    NAMES.iter().map(|name| engine.status(name)).collect()
}

/// What all containers are after an action.
fn status_after(action: Action) -> RunStatus {
    match action {
        Action::Stop => RunStatus::Stopped,
        Action::Start | Action::Restart | Action::Unpause => RunStatus::Running,
        Action::Pause => RunStatus::Paused,
    }
}

fn fault_of(call: &str, container: &str, message: &str) -> String {
    format!("faults: [{{call: {call}, container: {container}, does: fails, message: '{message}'}}]")
}

#[tokio::test]
async fn each_action_is_done_once_and_then_there_is_nothing_to_do() {
    for (action, before) in [
        (Action::Stop, RunStatus::Running),
        (Action::Stop, RunStatus::Paused),
        (Action::Start, RunStatus::Stopped),
        (Action::Start, RunStatus::Paused),
        (Action::Pause, RunStatus::Running),
        (Action::Unpause, RunStatus::Paused),
    ] {
        let engine = engine(before, "");
        let first = smoothly(action, &engine).await.unwrap();
        assert_eq!(first, Outcome::Done, "{action} of {before:?}");
        assert_eq!(statuses(&engine), [status_after(action); 4], "{action} of {before:?}");
        let again = smoothly(action, &engine).await.unwrap();
        assert_eq!(again, Outcome::NothingToDo, "{action} of {before:?}");
        assert_eq!(statuses(&engine), [status_after(action); 4]);
    }
    let engine = engine(RunStatus::Running, "");
    assert_eq!(smoothly(Action::Restart, &engine).await.unwrap(), Outcome::Done);
    assert_eq!(statuses(&engine), [RunStatus::Running; 4]);
}

/// An engine starts again what failed, and an init in a container ends as if it had.
#[tokio::test]
async fn what_is_stopped_is_not_started_by_the_engine() {
    let engine = engine(RunStatus::Running, "");
    smoothly(Action::Stop, &engine).await.unwrap();
    let policies = || NAMES.map(|name| engine.spec(name).restart);
    assert_eq!(policies(), [Restart::UnlessStopped; 4]);
    smoothly(Action::Start, &engine).await.unwrap();
    let node = Restart::OnFailure(1);
    assert_eq!(policies(), [node, node, Restart::UnlessStopped, node]);
    // One that had ended by itself: the engine does not know that it was to stop.
    let engine = self::engine(RunStatus::Stopped, "");
    smoothly(Action::Stop, &engine).await.unwrap();
    assert!(NAMES.iter().all(|name| engine.spec(name).restart == Restart::Never));
}

#[tokio::test]
async fn nothing_ends_before_what_needs_it() {
    use RunStatus::{Paused, Running, Stopped};
    let [planes, balancer, worker] = [NAMES[1], NAMES[2], NAMES[3]];
    for (action, call, before, container, expected) in [
        (Action::Stop, "stop_container", Running, worker, [Running, Running, Running, Running]),
        (Action::Stop, "stop_container", Running, planes, [Stopped, Running, Running, Stopped]),
        (Action::Stop, "stop_container", Running, balancer, [Stopped, Stopped, Running, Stopped]),
        (Action::Pause, "pause_container", Running, planes, [Paused, Running, Running, Paused]),
        (Action::Unpause, "unpause_container", Paused, planes, [Running, Paused, Running, Paused]),
        (Action::Start, "start_container", Stopped, planes, [Running, Stopped, Running, Stopped]),
        (Action::Start, "start_container", Stopped, worker, [Running, Running, Running, Stopped]),
    ] {
        let engine = engine(before, &fault_of(call, container, "busy"));
        let error = smoothly(action, &engine).await.unwrap_err();
        assert!(error.to_string().contains("busy"), "{error}");
        assert_eq!(statuses(&engine), expected, "{action} without {container}");
    }
}

#[tokio::test]
async fn a_port_in_use_and_a_cluster_that_is_late_are_told() {
    let taken = "Bind for 127.0.0.1:40000 failed: port is already allocated";
    let engine = engine(RunStatus::Stopped, &fault_of("start_container", NAMES[2], taken));
    let error = smoothly(Action::Start, &engine).await.unwrap_err();
    assert!(
        matches!(&error, LifecycleError::PortInUse { container, reason }
        if container == NAMES[2] && reason.contains("40000")),
        "{error}"
    );

    let engine = self::engine(RunStatus::Stopped, "commands: [{line: get --raw, stdout: '{}'}]");
    let (cancel, nowhere) = (CancellationToken::new(), Path::new("/nowhere/kubeconfig"));
    let late = run_with(Action::Start, &engine, &cancel, nowhere, 1).await.unwrap_err();
    assert!(late.to_string().contains("node lab-worker has not registered"), "{late}");
    assert_eq!(statuses(&engine), [RunStatus::Running; 4]);

    let refused = "commands: [{line: delete --raw, code: 1, stderr: connection refused}]";
    let engine = self::engine(RunStatus::Stopped, refused);
    let late = run_with(Action::Start, &engine, &cancel, nowhere, 1).await.unwrap_err();
    let expected = "the cluster is not usable after 1s: the API server: connection refused";
    assert_eq!(late.to_string(), expected);
    // Nobody waits for it.
    let outcome = run_with(Action::Start, &engine, &cancel, nowhere, 0).await.unwrap();
    assert_eq!(outcome, Outcome::NotWaitedFor);
}

/// Leases of those that still run are theirs.
#[tokio::test]
async fn leases_are_released_if_every_control_plane_was_stopped() {
    let releases = |engine: &FakeEngine| {
        let calls = engine.calls();
        calls.iter().filter(|call| call.starts_with("exec kubectl")).count()
    };
    let engine = engine(RunStatus::Stopped, "");
    smoothly(Action::Start, &engine).await.unwrap();
    assert_eq!(releases(&engine), 2);
    let text =
        format!("clusters: {{lab: [control-plane, control-plane]}}\nstopped: [{}]", NAMES[0]);
    let engine = Script::parse(&text).unwrap().engine(&CancellationToken::new());
    smoothly(Action::Start, &engine).await.unwrap();
    assert_eq!(releases(&engine), 0);
}

#[tokio::test]
async fn a_port_that_changed_is_followed_by_the_kubeconfig() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let config = |port: u16| {
        format!(
            "clusters:\n- cluster: {{server: 'https://127.0.0.1:{port}'}}\n  name: kind-lab\ncurrent-context: other\n"
        )
    };
    let engine = engine(RunStatus::Stopped, "");
    std::fs::write(&path, config(39999)).unwrap();
    run_with(Action::Start, &engine, &CancellationToken::new(), &path, 5).await.unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("https://127.0.0.1:40000"), "{text}");
    assert!(text.contains("current-context: other"), "the user's choice stays: {text}");
}

#[tokio::test]
async fn what_is_no_complete_cluster_is_refused() {
    let engine = FakeEngine::default();
    for action in [Action::Stop, Action::Start, Action::Pause, Action::Unpause] {
        let error = smoothly(action, &engine).await.unwrap_err();
        assert!(matches!(error, LifecycleError::Unknown(_)), "{error}");
    }
    for action in [Action::Pause, Action::Unpause] {
        let engine = self::engine(RunStatus::Stopped, "");
        let error = smoothly(action, &engine).await.unwrap_err();
        assert_eq!(error.to_string(), "cluster \"lab\" is stopped");
    }
    let script = Script::parse("clusters: {lab: [worker]}").unwrap();
    let engine = script.engine(&CancellationToken::new());
    let error = smoothly(Action::Start, &engine).await.unwrap_err();
    assert!(matches!(error, LifecycleError::NoControlPlane(_)), "{error}");
    smoothly(Action::Stop, &engine).await.unwrap();
}
