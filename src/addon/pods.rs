//! The pods of an add-on: why they do not become ready, and who uses a port.

use serde_json::Value;

use super::ownership;
use crate::context::RunError;
use crate::kube::{KubeClient, Selector, condition, object};

/// Reasons for waiting that kubelet gives when an image cannot be pulled.
const PULL_FAILURES: [&str; 3] = ["ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"];
const MAX_EVENTS: usize = 5;
const MAX_PODS: usize = 3;

/// An image that a pod cannot pull.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PullFailure {
    pub pod: String,
    pub image: String,
    pub reason: String,
}

async fn of_addon(kube: &KubeClient, addon: &str) -> Result<Vec<Value>, RunError> {
    kube.list("pods", None, Selector::Label(&ownership::selector(addon))).await
}

/// The first pod of an add-on that cannot pull an image.
///
/// # Errors
/// Fails like every method of [`KubeClient`].
pub(super) async fn pull_failure(
    kube: &KubeClient,
    addon: &str,
) -> Result<Option<PullFailure>, RunError> {
    Ok(of_addon(kube, addon).await?.iter().find_map(pull_failure_of))
}

fn pull_failure_of(pod: &Value) -> Option<PullFailure> {
    let lists = ["initContainerStatuses", "containerStatuses"];
    let statuses = lists.into_iter().filter_map(|list| pod["status"][list].as_array()).flatten();
    statuses.into_iter().find_map(|status| {
        let waiting = &status["state"]["waiting"];
        let reason = waiting["reason"].as_str().filter(|reason| PULL_FAILURES.contains(reason))?;
        Some(PullFailure {
            pod: object::name(pod).to_owned(),
            image: status["image"].as_str().unwrap_or_default().to_owned(),
            reason: waiting["message"].as_str().unwrap_or(reason).to_owned(),
        })
    })
}

/// The add-on's pods that are not ready, with their events and the end of their
/// logs, for the user. It leaves out what cannot be read.
pub(super) async fn report(kube: &KubeClient, addon: &str) -> String {
    let pods = of_addon(kube, addon).await.unwrap_or_default();
    if pods.is_empty() {
        return format!("{addon} has no pods\n");
    }
    let not_ready = pods.iter().filter(|pod| condition::is_true(pod, "Ready").is_some());
    let mut text = String::new();
    for pod in not_ready.take(MAX_PODS) {
        let (namespace, name) = (object::namespace(pod), object::name(pod));
        let phase = pod["status"]["phase"].as_str().unwrap_or("Unknown");
        text.push_str(&format!("pod {namespace}/{name} is {phase}\n"));
        let field = format!("involvedObject.name={name}");
        let events = kube.list("events", Some(namespace), Selector::Field(&field)).await;
        text.push_str(&last_events(&events.unwrap_or_default()));
        for line in kube.pod_log(namespace, name).await.unwrap_or_default().lines() {
            text.push_str(&format!("  log: {line}\n"));
        }
    }
    text
}

/// A line for each, oldest first.
fn last_events(events: &[Value]) -> String {
    let line = |event: &Value| {
        let time = ["lastTimestamp", "eventTime"].iter().find_map(|key| event[*key].as_str())?;
        let reason = event["reason"].as_str().unwrap_or_default();
        let message = event["message"].as_str()?.trim();
        Some((time.to_owned(), format!("  event: {reason}: {message}\n")))
    };
    let mut lines: Vec<(String, String)> = events.iter().filter_map(line).collect();
    lines.sort();
    let last = lines.iter().skip(lines.len().saturating_sub(MAX_EVENTS));
    last.map(|(_, line)| line.as_str()).collect()
}

/// A port of these on a node that a pod uses which is not the add-on's, with the
/// pod as `NAMESPACE/NAME`.
///
/// # Errors
/// Fails like every method of [`KubeClient`].
pub(super) async fn port_user(
    kube: &KubeClient,
    node: &str,
    ports: &[u16],
    addon: &str,
) -> Result<Option<(u16, String)>, RunError> {
    if ports.is_empty() {
        return Ok(None);
    }
    let field = format!("spec.nodeName={node}");
    let pods = kube.list("pods", None, Selector::Field(&field)).await?;
    Ok(pods.iter().find_map(|pod| use_by_other(pod, ports, addon)))
}

fn use_by_other(pod: &Value, ports: &[u16], addon: &str) -> Option<(u16, String)> {
    if ownership::is_owned(pod, addon) {
        return None;
    }
    let port = used_port(pod, ports)?;
    Some((port, format!("{}/{}", object::namespace(pod), object::name(pod))))
}

fn used_port(pod: &Value, ports: &[u16]) -> Option<u16> {
    if ["Succeeded", "Failed"].iter().any(|phase| pod["status"]["phase"] == *phase) {
        return None;
    }
    let containers = pod["spec"]["containers"].as_array()?;
    let mut used = containers.iter().filter_map(|c| c["ports"].as_array()).flatten();
    used.find_map(|port| {
        let number = u16::try_from(port["hostPort"].as_u64()?).ok()?;
        ports.contains(&number).then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_image_that_cannot_be_pulled_is_found() {
        let pod = |reason: &str| {
            json!({"metadata": {"name": "p"}, "status": {"containerStatuses": [
            {"image": "a", "state": {"running": {}}},
            {"image": "b", "state": {"waiting": {"reason": reason, "message": "no such host"}}}]}})
        };
        let found = pull_failure_of(&pod("ImagePullBackOff")).unwrap();
        assert_eq!((found.image.as_str(), found.reason.as_str()), ("b", "no such host"));
        assert_eq!(pull_failure_of(&pod("ContainerCreating")), None);
    }

    #[test]
    fn ports_of_other_running_pods_are_in_use() {
        let pod = |phase: &str| {
            json!({"metadata": {"name": "p", "namespace": "n", "labels": {"io.skiff.addon": "x"}},
            "spec": {"containers": [{"ports": [{"containerPort": 1}, {"hostPort": 443}]}]}, "status": {"phase": phase}})
        };
        let running = pod("Running");
        assert_eq!(use_by_other(&running, &[80, 443], "other"), Some((443, "n/p".into())));
        assert_eq!(use_by_other(&running, &[80], "other"), None);
        assert_eq!(use_by_other(&running, &[80, 443], "x"), None);
        assert_eq!(use_by_other(&pod("Failed"), &[80, 443], "other"), None);
    }

    #[test]
    fn the_last_events_come_in_order() {
        let event = |second: usize| json!({"lastTimestamp": format!("2026-01-01T00:00:0{second}Z"), "reason": "R", "message": format!("m{second}")});
        let events: Vec<Value> = [3, 1, 2, 5, 4, 6, 7].map(event).into();
        let text = last_events(&events);
        let last: Vec<&str> = text.lines().map(|line| &line[line.len() - 2..]).collect();
        assert_eq!(last, ["m3", "m4", "m5", "m6", "m7"]);
    }
}
