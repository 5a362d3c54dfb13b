//! Components that cannot come up.

use super::engine::{DISK_FULL, OPEN_FILES};
use super::{Failure, Kind, Log};
use crate::components::{Cause, Component, Crash};
use crate::text::wrapped;

/// Lines of a component's last words, and how wide they are.
const LINES: usize = 20;
const WIDTH: usize = 78;

impl From<Crash> for Failure {
    fn from(crash: Crash) -> Self {
        let failure = Failure::new(kind(&crash), &crash).details(last_words(&crash.words));
        let hint = hint(&crash);
        let failure = hint.into_iter().fold(failure, Failure::hint);
        let log = Log { output: crash.output, text: crash.log, file: None };
        Failure { log: Some(Box::new(log)), ..failure }
    }
}

fn kind(crash: &Crash) -> Kind {
    match &crash.cause {
        _ if crash.setting.is_some() => Kind::Definition,
        Cause::UnknownGate(_) | Cause::UnknownFlag(_) => Kind::Definition,
        Cause::OpenFiles | Cause::DiskFull | Cause::DnsLoop | Cause::Cgroups => Kind::Host,
        Cause::PortInUse | Cause::Other => Kind::Bootstrap,
    }
}

/// The messages, indented. Of too many lines the last ones are shown.
fn last_words(messages: &[String]) -> String {
    let message = |message: &String| {
        let mut lines = wrapped(message, WIDTH);
        if lines.len() > LINES {
            lines.truncate(LINES - 1);
            lines.push("…".to_owned());
        }
        lines
    };
    let mut shown: Vec<String> = Vec::new();
    for lines in messages.iter().rev().map(message) {
        if shown.len() + lines.len() > LINES {
            break;
        }
        shown.splice(0..0, lines);
    }
    shown.iter().map(|line| format!("  {line}\n")).collect()
}

/// What is wrong, and where the definition sets it.
fn hint(crash: &Crash) -> Option<String> {
    let wrong = match &crash.cause {
        Cause::UnknownGate(gate) => {
            format!("this version of Kubernetes has no feature gate {gate}")
        }
        Cause::UnknownFlag(flag) => {
            format!("{} of this version has no flag --{flag}", crash.component)
        }
        Cause::OpenFiles => return Some(OPEN_FILES.to_owned()),
        Cause::DiskFull => return Some(DISK_FULL.to_owned()),
        Cause::PortInUse => "something else in the node uses this port".to_owned(),
        Cause::DnsLoop => {
            return Some(
                "CoreDNS forwards queries to a server that sends them back to it: check the DNS servers of the engine's host"
                    .to_owned(),
            );
        }
        Cause::Cgroups if crash.component == Component::Kubelet => {
            "the kubelet cannot use the cgroups of the engine's host as it is configured".to_owned()
        }
        Cause::Cgroups | Cause::Other => String::new(),
    };
    let correct =
        crash.setting.as_ref().map(|path| format!("correct {path} in the cluster definition"));
    let sentence: Vec<String> =
        [wrong].into_iter().filter(|text| !text.is_empty()).chain(correct).collect();
    (!sentence.is_empty()).then(|| sentence.join(": "))
}
