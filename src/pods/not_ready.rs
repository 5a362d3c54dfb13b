//! Pods that are not ready, and how they are told of.

use crate::text;

/// Names of pods that are shown; others for the same reason are counted.
const NAMES: usize = 2;

/// A pod that should be ready and is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NotReady {
    /// As `NAMESPACE/NAME`.
    pub pod: String,
    /// The node that it is on; `None` until it is scheduled.
    pub node: Option<String>,
    /// Whether waiting alone does not help: it crashes, or something is missing.
    pub is_failing: bool,
    /// Since when, in RFC 3339 and UTC.
    pub since: String,
    /// Such as `container web crashes (exit code 1, 3 restarts): no such table`.
    pub why: String,
    /// The newest event that warns of something else, as `REASON: MESSAGE`.
    pub event: Option<String>,
    /// The container whose log says more.
    pub silent: Option<Silent>,
}

/// A container that has ended without a word to the kubelet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Silent {
    pub container: String,
    /// It runs again, and so the log is that of the run before.
    pub runs: bool,
}

impl NotReady {
    /// Why it is not ready, with what the event adds.
    pub(crate) fn reason(&self) -> String {
        match &self.event {
            Some(event) => format!("{} ({event})", self.why),
            None => self.why.clone(),
        }
    }
}

/// A line for each reason, at most `limit`. Reasons that do not go away come first.
pub(crate) fn lines(pods: &[NotReady], limit: usize) -> Vec<String> {
    let mut pods: Vec<&NotReady> = pods.iter().collect();
    pods.sort_by_key(|pod| !pod.is_failing);
    let reasons = pods.iter().map(|pod| (pod.reason(), pod.pod.clone()));
    let line = |(reason, names): (String, Vec<String>)| {
        let pods = if names.len() == 1 { "pod" } else { "pods" };
        format!("{pods} {}: {reason}", text::listed(&names, NAMES))
    };
    text::at_most(text::grouped(reasons).into_iter().map(line).collect(), limit)
}
