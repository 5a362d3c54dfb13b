//! From a pod, as the API server describes it, to the reason why it is not ready.

use serde_json::Value;

use super::event;
use super::not_ready::{NotReady, Silent};
use crate::kube::{condition, object};
use crate::text::short;

/// Restarts after which a container that runs again is still not trusted.
const MANY_RESTARTS: u64 = 3;

/// What is wrong with a container, or with the pod itself.
struct Trouble {
    /// The worst is shown: failing, then not ready, then not started.
    rank: u8,
    why: String,
    /// The container whose log says more.
    silent: Option<Silent>,
}

const FAILING: u8 = 0;
const NOT_READY: u8 = 1;
const STARTING: u8 = 2;

/// Why the pod is not ready; `None` if it is, or need not be: it has ended as it should,
/// or is being deleted.
pub(super) fn not_ready(pod: &Value, events: &[Value]) -> Option<NotReady> {
    let phase = pod["status"]["phase"].as_str().unwrap_or_default();
    let missing = condition::is_true(pod, "Ready")?;
    let is_of_job = owners(pod).any(|owner| owner["kind"] == "Job");
    if phase == "Succeeded"
        || phase == "Failed" && is_of_job
        || !pod["metadata"]["deletionTimestamp"].is_null()
    {
        return None;
    }
    let trouble = if phase == "Failed" { failed(pod) } else { None };
    let trouble = trouble.or_else(|| unscheduled(pod)).or_else(|| worst(pod));
    let trouble = trouble.unwrap_or(Trouble { rank: NOT_READY, why: missing, silent: None });
    Some(NotReady {
        pod: format!("{}/{}", object::namespace(pod), object::name(pod)),
        node: pod["spec"]["nodeName"].as_str().map(str::to_owned),
        is_failing: trouble.rank == FAILING,
        since: since(pod).unwrap_or_default().to_owned(),
        event: event::newest(events, pod, &trouble.why),
        why: trouble.why,
        silent: trouble.silent,
    })
}

/// When it ceased to be ready, or was created.
fn since(pod: &Value) -> Option<&str> {
    let conditions = pod["status"]["conditions"].as_array();
    let ready = conditions.and_then(|all| all.iter().find(|found| found["type"] == "Ready"));
    let ceased = ready.and_then(|ready| ready["lastTransitionTime"].as_str());
    ceased.or_else(|| pod["metadata"]["creationTimestamp"].as_str())
}

fn owners(pod: &Value) -> impl Iterator<Item = &Value> {
    pod["metadata"]["ownerReferences"].as_array().into_iter().flatten()
}

/// A pod that has ended, as one that was evicted.
fn failed(pod: &Value) -> Option<Trouble> {
    let reason = pod["status"]["reason"].as_str()?;
    let why = with_message(format!("has failed: {reason}"), &pod["status"]["message"]);
    Some(Trouble { rank: FAILING, why, silent: None })
}

fn unscheduled(pod: &Value) -> Option<Trouble> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let found = conditions.iter().find(|found| found["type"] == "PodScheduled")?;
    (found["status"] == "False").then(|| Trouble {
        rank: FAILING,
        why: with_message("cannot be scheduled".into(), &found["message"]),
        silent: None,
    })
}

/// The worst of its containers, those that run first before the others.
fn worst(pod: &Value) -> Option<Trouble> {
    statuses(pod).filter_map(container).min_by_key(|trouble| trouble.rank)
}

fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["initContainerStatuses", "containerStatuses"];
    lists.into_iter().filter_map(|list| pod["status"][list].as_array()).flatten()
}

fn container(status: &Value) -> Option<Trouble> {
    let name = status["name"].as_str().unwrap_or_default();
    let (state, last) = (&status["state"], &status["lastState"]["terminated"]);
    let plain = |rank, why| Some(Trouble { rank, why, silent: None });
    let waiting = &state["waiting"];
    match waiting["reason"].as_str() {
        Some("CrashLoopBackOff") if !last.is_null() => return Some(crash(name, status, last)),
        Some("PodInitializing") => return None,
        Some("ContainerCreating") => {
            return plain(STARTING, format!("container {name} is being created"));
        }
        Some(reason) => {
            let why = format!("container {name} cannot start: {reason}");
            return plain(FAILING, with_message(why, &waiting["message"]));
        }
        None => {}
    }
    let ended = &state["terminated"];
    if !ended.is_null() {
        return (code(ended) != 0).then(|| crash(name, status, ended));
    }
    if status["ready"] == true || state["running"].is_null() {
        return None;
    }
    // Between two crashes it runs for a moment.
    if restarts(status) >= MANY_RESTARTS && is_crash(last) {
        return Some(crash(name, status, last));
    }
    plain(NOT_READY, format!("container {name} runs but is not ready"))
}

/// A container that ends again and again.
fn crash(name: &str, status: &Value, ended: &Value) -> Trouble {
    let cause = match ended["reason"].as_str() {
        Some("OOMKilled") => "out of memory".to_owned(),
        _ => format!("exit code {}", code(ended)),
    };
    let restarts = match restarts(status) {
        0 => String::new(),
        1 => ", 1 restart".to_owned(),
        many => format!(", {many} restarts"),
    };
    let crash = format!("container {name} crashes ({cause}{restarts})");
    let why = with_message(crash.clone(), &ended["message"]);
    let runs = !status["state"]["running"].is_null();
    let silent = (why == crash).then(|| Silent { container: name.to_owned(), runs });
    Trouble { rank: FAILING, why, silent }
}

/// A container of a ready pod that has crashed several times, the last time after
/// `since`, a moment in RFC 3339 and UTC.
pub(crate) fn crashes_often(pod: &Value, since: &str) -> Option<String> {
    let is_recent = |status: &&Value| {
        let last = &status["lastState"]["terminated"];
        is_crash(last) && last["finishedAt"].as_str().is_some_and(|moment| moment > since)
    };
    let many = |status: &&Value| restarts(status) >= MANY_RESTARTS;
    let status = statuses(pod).filter(many).find(is_recent)?;
    let name = status["name"].as_str().unwrap_or_default();
    Some(crash(name, status, &status["lastState"]["terminated"]).why)
}

/// Whether a container ended by itself: not with its node, and not because it was asked
/// to.
fn is_crash(ended: &Value) -> bool {
    let reason = ended["reason"].as_str().unwrap_or_default();
    reason == "OOMKilled" || reason != "Unknown" && !matches!(code(ended), 0 | 137 | 143)
}

fn code(ended: &Value) -> i64 {
    ended["exitCode"].as_i64().unwrap_or_default()
}

fn restarts(status: &Value) -> u64 {
    status["restartCount"].as_u64().unwrap_or_default()
}

fn with_message(text: String, message: &Value) -> String {
    match message.as_str().map(short).filter(|message| !message.is_empty()) {
        Some(message) => format!("{text}: {message}"),
        None => text,
    }
}
