//! Every error a user can meet, as the user sees it: `tests/snapshots/errors.txt`.
//!
//! `SNAPSHOTS=write cargo test --lib diagnose` writes that file anew.

mod addon;
mod cluster;
mod components;
mod engine;
#[allow(unreachable_pub, reason = "other test programs use it, too")]
#[path = "../../tests/support/golden.rs"]
#[allow(dead_code, reason = "shared with tests/it, which compares directories of such files")]
mod golden;
mod images;
mod lifecycle;

use super::Failure;
use crate::context::RunError;
use crate::engine::EngineError;

/// The screens so far, each under the name of its variant.
#[derive(Default)]
struct Screens(String);

impl Screens {
    fn add(&mut self, name: &str, failure: &Failure) {
        self.0 += &format!("==> {name}\n{}\n", failure.render());
    }
}

/// Adds at least one screen for each variant of an error: a variant without an
/// example does not compile.
macro_rules! screens {
    ($screens:ident, $error:ident { $($variant:ident => [$($example:expr),+ $(,)?],)+ }) => {
        screens!($screens, $error, Failure::from, { $($variant => [$($example),+],)+ })
    };
    ($screens:ident, $error:ident, $failure:expr, { $($variant:ident => [$($example:expr),+],)+ }) => {{
        let name = |error: &$error| match error {
            $($error::$variant { .. } => concat!(stringify!($error), "::", stringify!($variant)),)+
        };
        for example in [$($($example),+),+] {
            let name = name(&example);
            $screens.add(name, &$failure(example));
        }
    }};
}
use screens;

/// What stands for an error of another layer, which has its own screens.
fn interrupted() -> RunError {
    RunError::Cancelled
}

/// A command that failed in a node.
fn command(argv: &[&str], output: &str) -> RunError {
    RunError::Command {
        node: "kind-control-plane".into(),
        argv: argv.iter().map(|word| word.to_string()).collect(),
        code: 1,
        output: output.into(),
    }
}

/// The system's error about a file.
fn denied() -> std::io::Error {
    std::io::ErrorKind::PermissionDenied.into()
}

#[test]
fn every_error_as_the_user_sees_it() {
    let mut screens = Screens::default();
    engine::add(&mut screens);
    cluster::add(&mut screens);
    lifecycle::add(&mut screens);
    components::add(&mut screens);
    images::add(&mut screens);
    addon::add(&mut screens);
    golden::check("errors.txt", &screens.0);
}

#[test]
fn exit_codes() {
    let interrupted = || Failure::from(RunError::Cancelled);
    for (failure, signal, code) in [
        (Failure::new("x"), None, 1),
        // It came too late to change anything.
        (Failure::new("x"), Some(2), 1),
        (interrupted(), Some(2), 130),
        (interrupted(), Some(15), 143),
        (interrupted(), None, 1),
    ] {
        assert_eq!(failure.after_signal(signal).exit_code(), code, "{signal:?}");
    }
}

#[test]
fn a_failing_command_shows_its_output_and_a_known_cause_its_hint() {
    let error = RunError::Command {
        node: "kind-worker".into(),
        argv: vec!["kubeadm".into(), "join".into()],
        code: 1,
        output: "write /x: no space left on device\n".into(),
    };
    let text = Failure::from(error).during("failed to create cluster").render();
    assert!(text.starts_with("ERROR: failed to create cluster: command \"kubeadm join\" on kind-worker failed with exit status 1\n"));
    assert!(text.contains("Command Output: write /x: no space left on device"));
    assert!(text.contains("hint: free disk space"));
}

#[test]
fn an_unreachable_engine_comes_with_the_next_step() {
    let error = EngineError::Unreachable {
        endpoint: "unix:///x".into(),
        reason: "there is no socket /x".into(),
    };
    let text = Failure::from(error).render();
    assert!(text.contains("unix:///x") && text.contains("hint: start Docker"), "{text}");
}
