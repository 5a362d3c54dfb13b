//! Events that say why a pod is not ready.

use serde_json::Value;

use crate::text::short;

/// Messages that repeat what the state of the container says, without its reason.
const REPEATS: [&str; 4] = [
    "Error: ImagePullBackOff",
    "Error: ErrImagePull",
    "Error: CrashLoopBackOff",
    "Back-off restarting failed container",
];

/// The newest of the events that warns of this pod and says something new besides
/// `known`, as `REASON: MESSAGE`.
pub(super) fn newest(events: &[Value], pod: &Value, known: &str) -> Option<String> {
    let of_pod = |event: &&Value| event["involvedObject"]["uid"] == pod["metadata"]["uid"];
    let of_pod = events.iter().filter(of_pod).filter(|event| event["type"] == "Warning");
    let told = of_pod.filter_map(|event| Some((moment(event)?, event)));
    let told = told.filter(|(_, event)| says_more(event, known));
    let (_, event) = told.max_by(|(a, _), (b, _)| a.cmp(b))?;
    let reason = event["reason"].as_str().unwrap_or("Warning");
    Some(format!("{reason}: {}", short(message(event))))
}

fn message(event: &Value) -> &str {
    event["message"].as_str().unwrap_or_default().trim()
}

/// When it was seen last, in RFC 3339: such texts in UTC sort by time.
fn moment(event: &Value) -> Option<&str> {
    let of_series = event["series"]["lastObservedTime"].as_str();
    let keys = ["lastTimestamp", "eventTime", "firstTimestamp"];
    of_series
        .or_else(|| keys.iter().find_map(|key| event[*key].as_str()))
        .or_else(|| event["metadata"]["creationTimestamp"].as_str())
}

fn says_more(event: &Value, known: &str) -> bool {
    let message = short(message(event));
    // `Failed to pull image "a": REASON`, where the container's state has the reason.
    let (_, rest) = message.split_once("\": ").unwrap_or(("", &message));
    !message.is_empty()
        && !known.contains(rest)
        && !REPEATS.iter().any(|repeat| message.starts_with(repeat))
}
