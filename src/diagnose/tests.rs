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

use super::{Failure, Kind, Style};
use crate::context::RunError;
use crate::engine::EngineError;

/// A terminal of the usual size.
const WIDTH: usize = 80;

/// The screens so far, each under the name of its variant.
#[derive(Default)]
struct Screens(String);

impl Screens {
    fn add(&mut self, name: &str, failure: &Failure) {
        let code = match failure.kind {
            Kind::Interrupted => "128+n".to_owned(),
            kind => kind.code().to_string(),
        };
        let text = failure.render(Style { width: Some(WIDTH), colour: false });
        self.0 += &format!("==> {name} (exit code {code}, {})\n{text}\n", failure.kind.name());
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
    let (interrupted, image) =
        (|| Failure::from(RunError::Cancelled), || Failure::new(Kind::Image, "x"));
    for (failure, signal, code, as_kind) in [
        (Failure::new(Kind::Other, "x"), None, 1, 1),
        (image(), None, 6, 1),
        // It came too late to change anything.
        (image(), Some(2), 6, 1),
        (interrupted(), Some(2), 130, 130),
        (interrupted(), Some(15), 143, 143),
        (interrupted(), None, 1, 1),
    ] {
        let failure = failure.after_signal(signal);
        assert_eq!((failure.exit_code(), failure.exit_code_as_kind()), (code, as_kind));
    }
}

/// Only what is quoted, or cannot be broken, is wider than the terminal.
#[test]
fn screens_fit_in_a_terminal() {
    let text = include_str!("../../tests/snapshots/errors.txt");
    let screens = text.lines().filter(|line| !line.starts_with("==> "));
    for line in screens.filter(|line| line.chars().count() > WIDTH) {
        let text = line.trim_start().trim_start_matches("hint: ").trim_start_matches("ERROR: ");
        let is_one_word = text.starts_with('`') || !text.contains(' ');
        assert!(is_one_word, "{line}");
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
    let text = Failure::from(error).during("failed to create cluster").render(Style::default());
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
    let text = Failure::from(error).render(Style::default());
    assert!(text.contains("unix:///x") && text.contains("hint: start Docker"), "{text}");
}
