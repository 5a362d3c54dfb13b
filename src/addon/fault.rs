//! Whose fault is it? The pods of an add-on that does not get ready.

use serde_json::Value;

use super::kube::Kube;
use super::object;
use crate::context::RunError;
use crate::labels;

/// Reasons for waiting that do not go by.
const HOPELESS: [&str; 3] = ["ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"];
const EVENTS: usize = 5;

/// An image that a pod waits for in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchImage {
    pub pod: String,
    pub image: String,
    pub reason: String,
}

/// # Errors
/// kubectl's.
async fn pods(kube: &Kube, addon: &str) -> Result<Vec<Value>, RunError> {
    let label = format!("{}={addon}", labels::ADDON);
    Ok(object::flat(kube.get(&["pods", "--all-namespaces", "--selector", &label]).await?))
}

/// A pod whose image will not come.
///
/// # Errors
/// kubectl's.
pub async fn hopeless(kube: &Kube, addon: &str) -> Result<Option<NoSuchImage>, RunError> {
    Ok(pods(kube, addon).await?.iter().find_map(waits_in_vain))
}

fn waits_in_vain(pod: &Value) -> Option<NoSuchImage> {
    let lists = ["initContainerStatuses", "containerStatuses"];
    let statuses = lists.into_iter().filter_map(|list| pod["status"][list].as_array()).flatten();
    statuses.into_iter().find_map(|status| {
        let waiting = &status["state"]["waiting"];
        let reason = waiting["reason"].as_str().filter(|reason| HOPELESS.contains(reason))?;
        Some(NoSuchImage {
            pod: name(pod),
            image: status["image"].as_str().unwrap_or_default().to_owned(),
            reason: waiting["message"].as_str().unwrap_or(reason).to_owned(),
        })
    })
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap_or_default().to_owned()
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.is_some_and(|all| all.iter().any(|c| c["type"] == "Ready" && c["status"] == "True"))
}

/// The pods that are not ready, with their events and last words; for people.
/// What cannot be found out is left out.
pub async fn report(kube: &Kube, addon: &str) -> String {
    let pods = pods(kube, addon).await.unwrap_or_default();
    let mut text = String::new();
    if pods.is_empty() {
        text.push_str("it has no pods\n");
    }
    for pod in pods.iter().filter(|pod| !is_ready(pod)).take(3) {
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or("default");
        let name = name(pod);
        let phase = pod["status"]["phase"].as_str().unwrap_or("Unknown");
        text.push_str(&format!("pod {namespace}/{name} is {phase}\n"));
        let about = format!("involvedObject.name={name}");
        let events =
            kube.get(&["events", "--namespace", namespace, "--field-selector", &about]).await;
        text.push_str(&events_of(&object::flat(events.unwrap_or_default())));
        let logs = ["logs", "--namespace", namespace, &name, "--all-containers", "--tail=10"];
        for line in kube.kubectl(&logs, None).await.unwrap_or_default().lines() {
            text.push_str(&format!("  log: {line}\n"));
        }
    }
    text
}

/// The last events, oldest first.
fn events_of(events: &[Value]) -> String {
    let mut lines: Vec<(String, String)> = events
        .iter()
        .filter_map(|event| {
            let when = ["lastTimestamp", "eventTime"].iter().find_map(|k| event[*k].as_str())?;
            let reason = event["reason"].as_str().unwrap_or_default();
            let message = event["message"].as_str()?.trim();
            Some((when.to_owned(), format!("  event: {reason}: {message}\n")))
        })
        .collect();
    lines.sort();
    lines.iter().skip(lines.len().saturating_sub(EVENTS)).map(|(_, line)| line.as_str()).collect()
}

/// A pod of somebody else's that has one of these ports of its node.
///
/// # Errors
/// kubectl's.
pub async fn port_holder(
    kube: &Kube,
    node: &str,
    ports: &[u16],
    addon: &str,
) -> Result<Option<(u16, String)>, RunError> {
    if ports.is_empty() {
        return Ok(None);
    }
    let on_node = format!("spec.nodeName={node}");
    let pods = kube.get(&["pods", "--all-namespaces", "--field-selector", &on_node]).await?;
    Ok(object::flat(pods).iter().find_map(|pod| holds(pod, ports, addon)))
}

fn holds(pod: &Value, ports: &[u16], addon: &str) -> Option<(u16, String)> {
    let over = ["Succeeded", "Failed"].iter().any(|phase| pod["status"]["phase"] == *phase);
    if over || pod["metadata"]["labels"][labels::ADDON] == addon {
        return None;
    }
    let containers = pod["spec"]["containers"].as_array()?;
    let mut taken = containers.iter().filter_map(|c| c["ports"].as_array()).flatten();
    let port = taken.find_map(|port| {
        let number = u16::try_from(port["hostPort"].as_u64()?).ok()?;
        ports.contains(&number).then_some(number)
    })?;
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or("default");
    Some((port, format!("{namespace}/{}", name(pod))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_image_that_will_not_come_is_seen() {
        let pod = |reason: &str| {
            json!({"metadata": {"name": "p"}, "status": {"containerStatuses": [
            {"image": "a", "state": {"running": {}}},
            {"image": "b", "state": {"waiting": {"reason": reason, "message": "no such host"}}}]}})
        };
        let found = waits_in_vain(&pod("ImagePullBackOff")).unwrap();
        assert_eq!((found.image.as_str(), found.reason.as_str()), ("b", "no such host"));
        assert_eq!(waits_in_vain(&pod("ContainerCreating")), None);
    }

    #[test]
    fn a_port_is_held_by_somebody_else() {
        let pod = json!({"metadata": {"name": "p", "namespace": "n", "labels": {labels::ADDON: "x"}},
            "spec": {"containers": [{"ports": [{"containerPort": 1}, {"hostPort": 443}]}]}});
        assert_eq!(holds(&pod, &[80, 443], "other"), Some((443, "n/p".into())));
        assert_eq!(holds(&pod, &[80], "other"), None);
        assert_eq!(holds(&pod, &[80, 443], "x"), None);
    }

    #[test]
    fn the_last_events_come_in_order() {
        let event = |second: usize| json!({"lastTimestamp": format!("2026-01-01T00:00:0{second}Z"), "reason": "R", "message": format!("m{second}")});
        let events: Vec<Value> = [3, 1, 2, 5, 4, 6, 7].map(event).into();
        let text = events_of(&events);
        let said: Vec<&str> = text.lines().map(|line| &line[line.len() - 2..]).collect();
        assert_eq!(said, ["m3", "m4", "m5", "m6", "m7"]);
    }
}
