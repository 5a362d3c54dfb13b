//! The pods of an add-on: why they do not become ready, and who uses a port.

use serde_json::Value;

use super::ownership;
use crate::context::RunError;
use crate::kube::{KubeClient, Selector, object};
use crate::pods;

/// Reasons for waiting that kubelet gives when an image cannot be pulled.
const PULL_FAILURES: [&str; 3] = ["ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"];
/// Lines of a report.
const LINES: usize = 10;

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

/// The add-on's pods that are not ready, and why, for the user. It leaves out what
/// cannot be read.
pub(super) async fn report(kube: &KubeClient, addon: &str) -> Vec<String> {
    let all = of_addon(kube, addon).await.unwrap_or_default();
    if all.is_empty() {
        return vec![format!("{addon} has no pods")];
    }
    let events = kube.list("events", None, Selector::Field("type=Warning")).await;
    let not_ready = pods::explain(kube, &all, &events.unwrap_or_default()).await;
    pods::lines(&not_ready, LINES)
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
}
