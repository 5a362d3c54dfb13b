//! Asks the API server about pods that are not ready.

use futures_util::future::join_all;
use serde_json::Value;

use super::not_ready::{NotReady, Silent};
use super::reason;
use crate::components;
use crate::context::RunError;
use crate::kube::{KubeClient, object};
use crate::text;

/// So many logs are asked for: each takes a command.
const LOGS: usize = 3;
/// What the kubelet says instead of a log that it has removed (Kubernetes 1.37,
/// `pkg/kubelet/kuberuntime/kuberuntime_container.go`).
const GONE: &str = "unable to retrieve container logs for ";

/// The paths of what [`explain`] needs: the pods of a namespace, or of all, and the
/// events that warn.
pub(crate) fn paths(namespace: Option<&str>) -> [String; 2] {
    let scope = namespace.map(|name| format!("namespaces/{name}/")).unwrap_or_default();
    [format!("/api/v1/{scope}pods"), format!("/api/v1/{scope}events?fieldSelector=type%3DWarning")]
}

/// The pods of a namespace that are not ready.
///
/// # Errors
/// Fails like every method of [`KubeClient`].
pub(crate) async fn not_ready_in(
    kube: &KubeClient,
    namespace: &str,
) -> Result<Vec<NotReady>, RunError> {
    let paths = paths(Some(namespace));
    let lists = kube.get_raw_all(&paths.each_ref().map(String::as_str)).await?;
    let items = |at: usize| lists.get(at).map_or(&[][..], object::items);
    Ok(explain(kube, items(0), items(1)).await)
}

/// Those of the pods that are not ready. What a crashed container wrote last is asked
/// for if nothing else says why, and left out if it cannot be read.
pub(crate) async fn explain(kube: &KubeClient, pods: &[Value], events: &[Value]) -> Vec<NotReady> {
    let mut found: Vec<NotReady> =
        pods.iter().filter_map(|pod| reason::not_ready(pod, events)).collect();
    let silent = found.iter_mut().filter(|pod| pod.silent.is_some()).take(LOGS);
    let ask = silent.map(|pod| async move {
        let (namespace, name) = pod.pod.split_once('/').unwrap_or_default();
        let Some(Silent { container, runs }) = pod.silent.take() else { return };
        let log = kube.log(namespace, name, &container, runs).await.unwrap_or_default();
        let words = components::last_words(&log);
        if let Some(last) = words.last().filter(|last| !last.starts_with(GONE)) {
            pod.why = format!("{}: {}", pod.why, text::short(last));
        }
    });
    join_all(ask).await;
    found
}
