use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::super::tests::Written;
use super::*;
use crate::config;
use crate::context::Context;
use crate::create::{self, CreateOptions};
use crate::delete;
use crate::diagnose::{Kind, Log};
use crate::engine::fake::{FakeEngine, Fault, Script};
use crate::progress::{Progress, Stage};
use crate::pull;

fn events(verbosity: i32) -> (Arc<Events>, Written) {
    let written = Written::default();
    (Arc::new(Events::new(written.output(), verbosity)), written)
}

fn lines(written: &Written) -> Vec<Value> {
    let text = written.text();
    assert!(text.ends_with('\n') || text.is_empty());
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// Checks what holds for every run; returns the last line.
fn checked(written: &Written, what: &str) -> Value {
    let lines = lines(written);
    let mut open = BTreeMap::new();
    for line in &lines {
        assert_eq!(line["schema"], 1, "{what}: {line}");
        let time = line["time"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.contains('T') && time.len() <= 24, "{what}: {time}");
        let step = line["step"].as_u64();
        match line["event"].as_str().unwrap() {
            "start" => {
                let before = open.insert(step.unwrap(), line["title"].clone());
                assert_eq!(before, None, "{what}: {line}");
            }
            "end" => {
                let title = open.remove(&step.unwrap()).unwrap_or_else(|| panic!("{what}: {line}"));
                assert_eq!(line["title"], title, "{what}");
                assert!(line["success"].is_boolean() && line["seconds"].is_number(), "{line}");
            }
            "detail" | "transferred" | "stage" => {
                assert!(open.contains_key(&step.unwrap()), "{what}: {line}");
            }
            "message" | "result" | "error" => assert_eq!(step, None, "{what}: {line}"),
            other => panic!("{what}: {other}"),
        }
    }
    assert!(open.is_empty(), "{what}: {open:?} did not end");
    let is_last = |line: &&Value| matches!(line["event"].as_str(), Some("result" | "error"));
    assert_eq!(lines.iter().filter(is_last).count(), 1, "{what}");
    let last = lines.last().unwrap();
    assert!(is_last(&last), "{what}: {last}");
    last.clone()
}

#[tokio::test(start_paused = true)]
async fn every_event_has_its_fields() {
    let (events, written) = events(0);
    let progress = Progress::new(events.clone());
    let step = progress.step("Pulling a:1");
    let amount = |bytes: u64| Amount { text: "x".into(), bytes: Some(bytes), total: Some(9) };
    step.detail("one");
    step.detail("one");
    step.transferred(amount(1));
    step.transferred(amount(2));
    step.transferred(amount(3));
    let expected = Some(Duration::from_secs(5));
    step.stage(Stage { number: 1, count: 2, name: "a".into(), expected, ..Stage::default() });
    tokio::time::sleep(Duration::from_millis(1250)).await;
    step.done();
    progress.warn("careful");
    progress.debug(1, "hidden");
    events.end(None);
    progress.warn("too late");
    events.end(Some((&Failure::new(Kind::Other, "too late"), 1)));
    checked(&written, "events");
    let fields = lines(&written).into_iter().map(|line| {
        let mut line = line.as_object().unwrap().clone();
        line.shift_remove("schema");
        line.shift_remove("time");
        Value::Object(line)
    });
    let expected = json!([
        {"event": "start", "step": 1, "title": "Pulling a:1"},
        {"event": "detail", "step": 1, "detail": "one"},
        {"event": "transferred", "step": 1, "amount": "x", "bytes": 1, "total": 9},
        {"event": "stage", "step": 1, "number": 1, "count": 2, "title": "a", "expectedSeconds": 5.0},
        // The last amount is not lost.
        {"event": "transferred", "step": 1, "amount": "x", "bytes": 3, "total": 9},
        {"event": "end", "step": 1, "title": "Pulling a:1", "success": true, "seconds": 1.25},
        {"event": "message", "level": "warning", "text": "careful"},
        {"event": "result", "success": true, "exitCode": 0, "seconds": 1.25},
    ]);
    assert_eq!(Value::from_iter(fields), expected);
}

#[test]
fn titles_and_output_are_without_decoration() {
    for (title, expected) in [
        ("Preparing nodes 📦 📦 ", "Preparing nodes"),
        ("Ensuring node image (node:v1) 🖼", "Ensuring node image (node:v1)"),
        ("Grüße é", "Grüße é"),
    ] {
        assert_eq!(undecorated(title), expected);
    }
    for (text, expected) in [("  a\n    b\n", "a\n  b"), ("  a\nb", "  a\nb"), ("", "")] {
        assert_eq!(unindented(text), expected);
    }
}

#[test]
fn an_error_says_everything_but_passwords() {
    let (events, written) = events(0);
    let step = Progress::new(events.clone()).step("a");
    let mut failure = Failure::new(Kind::Host, "cannot reach https://me:s3cret@host/a")
        .items(["line 4: no".to_owned()])
        .and_details("one\ntwo\n")
        .hint("wait");
    failure.log = Some(Box::new(Log { file: Some("/tmp/x.log".into()), ..Log::default() }));
    events.end(Some((&failure, 4)));
    drop(step);
    let last = checked(&written, "error");
    let expected = json!({
        "kind": "host", "exitCode": 4, "cause": "cannot reach https://xxxxx@host/a",
        "problems": ["line 4: no"], "output": "one\ntwo", "hints": ["wait"], "log": "/tmp/x.log",
    });
    assert_eq!(last["error"], expected);
    assert_eq!((&last["success"], &last["exitCode"]), (&json!(false), &json!(4)));
}

/// Runs an operation on an engine and checks its events; returns the last one.
async fn run(
    engine: FakeEngine,
    cancel: &CancellationToken,
    what: &str,
    operation: impl AsyncFnOnce(&Context) -> Result<(), Failure>,
) -> Value {
    let (events, written) = events(3);
    let progress = Progress::new(events.clone());
    let ctx = Context::new(Arc::new(engine), progress, cancel.clone());
    match operation(&ctx).await {
        Ok(()) => events.end(None),
        Err(failure) => {
            let failure = failure.after_signal(Some(2));
            events.end(Some((&failure, failure.exit_code())));
        }
    }
    checked(&written, what)
}

/// Every call of an operation fails, loses its answer, or is where Ctrl-C comes.
async fn sweep(
    engine: impl Fn() -> FakeEngine,
    operation: impl AsyncFn(&Context) -> Result<(), Failure>,
) -> usize {
    let (smooth, mut failed) = (engine(), 0);
    let last = run(smooth.clone(), &CancellationToken::new(), "smooth", &operation).await;
    assert_eq!((&last["event"], &last["exitCode"]), (&json!("result"), &json!(0)));
    for call in 0..smooth.calls().len() {
        for kind in 0..3 {
            let cancel = CancellationToken::new();
            let fault = Fault::kinds(&cancel)[kind].clone();
            let engine = engine().and_armed(crate::engine::fake::When::Call(call), fault);
            let what = format!("{} ({kind})", smooth.calls()[call]);
            let last = run(engine, &cancel, &what, &operation).await;
            if last["event"] == "result" {
                continue;
            }
            failed += 1;
            assert_eq!(last["exitCode"], last["error"]["exitCode"], "{what}");
            let is_interruption = last["error"]["kind"] == "interrupted";
            assert_eq!(is_interruption, kind == 2, "{what}: {last}");
            assert_eq!(last["exitCode"] == 130, kind == 2, "{what}: {last}");
        }
    }
    failed
}

#[tokio::test]
async fn whatever_fails_steps_are_balanced_and_there_is_one_last_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config");
    let text = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}, {role: worker}]";
    let cluster = config::parse(text).unwrap();
    let create = async |ctx: &Context| {
        let created = create::create(ctx, &cluster, &CreateOptions::for_tests(&path)).await;
        created.map_err(Failure::from)
    };
    assert!(sweep(FakeEngine::default, create).await > 60);

    let of_script = |script: &'static str| {
        move || Script::parse(script).unwrap().engine(&CancellationToken::new())
    };
    let delete = async |ctx: &Context| {
        let deleted = delete::delete(ctx, "lab", vec![path.clone()]).await;
        deleted.map(drop).map_err(Failure::from)
    };
    assert!(sweep(of_script("clusters: {lab: [control-plane, worker]}"), delete).await > 5);
    let pull = async |ctx: &Context| pull::ensure(ctx, "a:1").await.map_err(Failure::from);
    assert!(sweep(of_script("images: {}"), pull).await > 3);
}
