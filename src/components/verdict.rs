//! From what looks at a node have found to a verdict: which component cannot come up.
//!
//! A component that ends once or twice is nothing unusual: the scheduler does when the
//! API server is late, the API server when etcd is. It surely cannot come up if it does
//! not understand its own configuration, or if it ends again for the same reason, which
//! is not that it waits for another component.

use std::collections::BTreeMap;

use super::component::Component;
use super::observed::{Container, Look};
use super::words::{LastWords, is_same, unquoted};

/// How often a unit must end for the same reason: systemd starts it every second, and
/// some cgroup may just be late.
const SAME_RUNS: usize = 5;
/// How often a container must: the kubelet waits longer and longer between two starts.
const SAME_CONTAINERS: usize = 2;
/// How often creating a container of a component must fail.
const SAME_FAILURES: usize = 3;
/// How often, if no container of any component could be created.
const SAME_FAILURES_OF_ALL: usize = 2;

/// A component that does not run at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suspect {
    pub component: Component,
    pub words: LastWords,
    /// Whether it cannot come up, whatever happens.
    pub is_certain: bool,
}

/// What earlier looks at the same node have found.
#[derive(Debug, Default)]
pub(super) struct History {
    /// How often systemd had started a unit again.
    restarts: BTreeMap<String, u32>,
    /// How the containers of a pod ended, by their number.
    ends: BTreeMap<(Component, String), BTreeMap<u32, LastWords>>,
}

impl History {
    /// Every component that does not run, those that others need first.
    pub(super) fn suspects(&mut self, look: &Look) -> Vec<Suspect> {
        let mut found: Vec<Suspect> = self.units(look).into_iter().collect();
        if let Some(containers) = &look.containers {
            found.extend(self.containers(containers));
            found.extend(uncreated(&look.pods, containers));
        }
        found.sort_by_key(|suspect| suspect.component);
        found
    }

    /// The kubelet, or containerd if the kubelet fails because of it.
    fn units(&mut self, look: &Look) -> Option<Suspect> {
        let containerd = self.unit("containerd", Component::Containerd, look);
        let kubelet = self.unit("kubelet", Component::Kubelet, look)?;
        let blames = kubelet.words.fatal.as_deref().is_some_and(blames_containerd);
        let journal = look.journals.get("containerd").map_or("", String::as_str);
        let words = LastWords::of(journal, false);
        match containerd {
            Some(containerd) => Some(containerd),
            None if blames && words.fatal.is_some() => {
                Some(Suspect { component: Component::Containerd, words, ..kubelet })
            }
            None => Some(kubelet),
        }
    }

    fn unit(&mut self, name: &str, component: Component, look: &Look) -> Option<Suspect> {
        let unit = look.units.get(name)?;
        let before = self.restarts.insert(name.to_owned(), unit.restarts);
        // Between two starts it may run for a moment.
        let is_down = !unit.runs || before.is_some_and(|before| before < unit.restarts);
        let runs = runs(look.journals.get(name)?);
        let last = runs.last().filter(|_| is_down)?;
        let same = runs.iter().rev().take_while(|run| run.same_end(last)).count();
        let is_certain = last.fatal.as_deref().is_some_and(|fatal| {
            !waits_for_kubeadm(fatal)
                && (same >= SAME_RUNS && !waits(fatal) || same > 1 && misconfigured(fatal))
        });
        Some(Suspect { component, words: last.clone(), is_certain })
    }

    fn containers(&mut self, containers: &[Container]) -> Vec<Suspect> {
        let mut newest: BTreeMap<(Component, &str), &Container> = BTreeMap::new();
        for container in containers {
            let place = newest.entry((container.component, &container.pod)).or_insert(container);
            if place.attempt < container.attempt {
                *place = container;
            }
            if let Some(ended) = &container.ended {
                let by_itself = !matches!(ended.code, None | Some(0 | 137 | 143));
                let words = LastWords::of(&ended.log, by_itself);
                let ends = self.ends.entry((container.component, container.pod.clone()));
                ends.or_default().insert(container.attempt, words);
            }
        }
        let ended = newest.into_values().filter(|container| container.ended.is_some());
        ended.filter_map(|container| self.container(container)).collect()
    }

    fn container(&self, newest: &Container) -> Option<Suspect> {
        let ends = self.ends.get(&(newest.component, newest.pod.clone()))?;
        let last = ends.get(&newest.attempt)?;
        let same = ends.values().filter(|words| words.same_end(last)).count();
        let is_certain = last
            .fatal
            .as_deref()
            .is_some_and(|fatal| same >= SAME_CONTAINERS && !waits(fatal) || misconfigured(fatal));
        Some(Suspect { component: newest.component, words: last.clone(), is_certain })
    }
}

/// Every run of a unit that has ended, as its journal tells.
fn runs(journal: &str) -> Vec<LastWords> {
    let ends = |line: &str| {
        line.contains(": Main process exited") || line.contains(": Control process exited")
    };
    let mut runs = Vec::new();
    let mut run = String::new();
    for line in journal.lines() {
        if ends(line) {
            runs.push(LastWords::of(&std::mem::take(&mut run), false));
        } else {
            run.push_str(line);
            run.push('\n');
        }
    }
    runs
}

/// Components without a container, because the kubelet cannot create it: it says so in
/// `log`.
fn uncreated(log: &str, containers: &[Container]) -> Vec<Suspect> {
    let mut failures: BTreeMap<Component, Vec<String>> = BTreeMap::new();
    for line in log.lines() {
        if let Some((component, failure)) = creation_failure(line) {
            failures.entry(component).or_default().push(failure);
        }
    }
    let has_container =
        |component| containers.iter().any(|container| container.component == component);
    failures.retain(|component, _| !has_container(*component));
    let is_of_all = containers.is_empty() && failures.len() > 1;
    let needed = if is_of_all { SAME_FAILURES_OF_ALL } else { SAME_FAILURES };
    let suspect = |(component, failures): (Component, Vec<String>)| {
        let last = failures.last()?.clone();
        let same = failures.iter().filter(|failure| is_same(failure, &last)).count();
        let is_certain = same >= needed && !waits(&last);
        let words = LastWords { fatal: Some(last.clone()), lines: vec![last] };
        Some(Suspect { component, words, is_certain })
    };
    failures.into_iter().filter_map(suspect).collect()
}

/// The component and the reason in a line such as `E1125 … "Error syncing pod, skipping"
/// err="failed to \"CreatePodSandbox\" for …: \"rpc error: …\"" pod="kube-system/etcd-lab"`.
fn creation_failure(line: &str) -> Option<(Component, String)> {
    let (before, pod) = line.split_once(" pod=\"kube-system/")?;
    let component = Component::of_pod(pod.split('"').next()?)?;
    let (_, error) = before.split_once(" err=")?;
    let error = unquoted(error);
    // The reason is a string in that string.
    let reason = error.split_once("Error: \"").map(|(_, reason)| unquoted(&format!("\"{reason}")));
    let reason = reason.unwrap_or(error);
    let reason = reason.rsplit_once(" desc = ").map_or(&*reason, |(_, rest)| rest).to_owned();
    Some((component, reason))
}

/// Whether a component ends for want of another one, or of something that comes by
/// itself.
fn waits(fatal: &str) -> bool {
    const SIGNS: [&str; 39] = [
        "connection refused",
        "connection reset",
        "connection error",
        "broken pipe",
        "no such host",
        "server misbehaving",
        "no route to host",
        "network is unreachable",
        "i/o timeout",
        "handshake timeout",
        "timed out",
        "timeout",
        "deadline exceeded",
        "context canceled",
        ": eof",
        "unauthorized",
        "forbidden",
        // Of objects, which are quoted; files are not.
        "\" not found",
        "leader election lost",
        "leaderelection lost",
        "lost lease",
        "finished without leader elect",
        "etcdserver: ",
        // etcd, while members are added, or while the others are too slow to answer.
        "peerurls",
        "member count",
        "cluster id mismatch",
        "cluster info",
        "incompatible with current running cluster",
        // What the API server does once it answers needs itself and etcd.
        "poststarthook ",
        "service unavailable",
        "internal error occurred",
        "is closing",
        "the server is currently unable",
        "the server was unable",
        "too many requests",
        "not yet ready",
        "is reserved for",
        // Pods with a network of their own, until the pod network is up.
        "setup network",
        "cni plugin",
    ];
    let fatal = fatal.to_lowercase();
    is_missing(&fatal, &[".sock"]) || has_any(&fatal, &SIGNS)
}

/// Whether the kubelet ends because kubeadm has not written its files: older kubelets
/// are started before kubeadm. Containers are created when all of them are there.
pub(super) fn waits_for_kubeadm(fatal: &str) -> bool {
    const FILES: [&str; 6] = [
        "/var/lib/kubelet/config.yaml",
        "/var/lib/kubelet/instance-config.yaml",
        "/var/lib/kubelet/pki/",
        "/etc/kubernetes/bootstrap-kubelet.conf",
        "/etc/kubernetes/kubelet.conf",
        "/etc/kubernetes/pki/ca.crt",
    ];
    is_missing(fatal, &FILES)
}

/// Whether a file is missing whose path contains one of these.
fn is_missing(fatal: &str, paths: &[&str]) -> bool {
    fatal.contains("no such file or directory") && has_any(fatal, paths)
}

/// Whether a component does not understand its own flags or files. That does not
/// change by itself.
fn misconfigured(fatal: &str) -> bool {
    const SIGNS: [&str; 19] = [
        "unknown flag",
        "unknown shorthand flag",
        "flag provided but not defined",
        "bad flag syntax",
        "for flag -",
        "invalid argument \"",
        "required flag",
        "feature gate",
        "failed to decode",
        "cannot unmarshal",
        "strict decoding error",
        "unknown field",
        "invalid value",
        "unsupported value",
        "invalid configuration",
        "is not in the list of known",
        "\" is unknown",
        "unknown api",
        "error during parsing",
    ];
    let fatal = fatal.to_lowercase();
    has_any(&fatal, &SIGNS)
}

fn has_any(text: &str, signs: &[&str]) -> bool {
    signs.iter().any(|sign| text.contains(sign))
}

/// Whether the kubelet ends because of containerd.
fn blames_containerd(fatal: &str) -> bool {
    has_any(fatal, &["RuntimeService", "ImageService", "container runtime", "CRI"])
}

#[cfg(test)]
mod tests;
