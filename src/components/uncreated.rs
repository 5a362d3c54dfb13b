//! Components without a container, because the kubelet cannot create it: what it writes
//! about them.

use std::collections::BTreeMap;

use super::component::Component;
use super::observed::Container;
use super::reason::waits;
use super::suspect::Suspect;
use super::words::{LastWords, is_same, unquoted};

/// How often creating a container of a component must fail.
const SAME_FAILURES: usize = 3;
/// How often, if no container of any component could be created, or if an image does not
/// exist: pulls are tried again less and less often.
const SAME_CERTAIN_FAILURES: usize = 2;

/// Why a container could not be created, once.
struct Failure {
    reason: String,
    /// The image is not in the node, and could not be pulled.
    is_pull: bool,
}

/// Components without a container: the kubelet says so in `log`.
pub(super) fn uncreated(log: &str, containers: &[Container]) -> Vec<Suspect> {
    let mut failures: BTreeMap<Component, Vec<Failure>> = BTreeMap::new();
    for line in log.lines() {
        if let Some((component, failure)) = of_pod(line).or_else(|| of_volume(line)) {
            failures.entry(component).or_default().push(failure);
        }
    }
    let has_container =
        |component| containers.iter().any(|container| container.component == component);
    failures.retain(|component, _| !has_container(*component));
    let is_of_all = containers.is_empty() && failures.len() > 1;
    let suspects = failures.into_iter();
    suspects.filter_map(|(component, failures)| suspect(component, &failures, is_of_all)).collect()
}

fn suspect(component: Component, failures: &[Failure], is_of_all: bool) -> Option<Suspect> {
    let Failure { reason, is_pull } = failures.last()?;
    let same = failures.iter().filter(|failure| is_same(&failure.reason, reason)).count();
    let is_quick = is_of_all && !is_pull || *is_pull && does_not_exist(reason);
    let needed = if is_quick { SAME_CERTAIN_FAILURES } else { SAME_FAILURES };
    // A node image has all images of its own components, so a pull is for an image that
    // the definition names. It does not come by itself.
    let is_certain = same >= needed && (*is_pull || !waits(reason));
    let words = LastWords { fatal: Some(reason.clone()), lines: vec![reason.clone()] };
    Some(Suspect { component, words, is_certain })
}

/// Whether a registry answers that it has no such image, or not for everybody.
fn does_not_exist(reason: &str) -> bool {
    let signs = [": not found", "403 Forbidden", "401 Unauthorized", "access denied"];
    let other = ["couldn't parse image", "Never", "invalid reference format"];
    signs.iter().chain(&other).any(|sign| reason.contains(sign))
}

/// The component and the reason in a line such as `E1125 … "Error syncing pod, skipping"
/// err="failed to \"CreatePodSandbox\" for … with CreatePodSandboxError: \"rpc error: …\""
/// pod="kube-system/etcd-lab"`.
fn of_pod(line: &str) -> Option<(Component, Failure)> {
    let (before, pod) = line.split_once(" pod=\"kube-system/")?;
    let component = Component::of_pod(pod.split('"').next()?)?;
    let (_, error) = before.split_once(" err=")?;
    let error = unquoted(error);
    let is_pull = ["ErrImage", "InvalidImageName"].iter().any(|kind| error.contains(kind));
    // The reason is a string in that string.
    let reason = error.split_once(" with ").and_then(|(_, rest)| rest.split_once(": \""));
    let reason = reason.map(|(_, reason)| unquoted(&format!("\"{reason}")));
    let reason = reason.unwrap_or(error);
    let reason = reason.rsplit_once(" desc = ").map_or(&*reason, |(_, rest)| rest).to_owned();
    // Nothing has been tried: it says when the next pull is.
    let is_wait = reason.starts_with("Back-off pulling image");
    (!is_wait).then_some((component, Failure { reason, is_pull }))
}

/// The same in a line such as `E1125 … Error: MountVolume.SetUp failed for volume "audit"
/// (UniqueName: …) pod "kube-apiserver-lab" (UID: "…") : hostPath type check failed: …`.
fn of_volume(line: &str) -> Option<(Component, Failure)> {
    let (_, failed) = line.split_once("MountVolume.SetUp failed for volume ")?;
    let (volume, rest) = failed.split_once(" (UniqueName: ")?;
    let (_, pod) = rest.split_once(" pod \"")?;
    let (pod, reason) = pod.split_once("\" (UID: ")?;
    let (_, reason) = reason.split_once(") : ")?;
    let component = Component::of_pod(pod)?;
    let reason = format!("volume {volume}: {reason}");
    Some((component, Failure { reason, is_pull: false }))
}
