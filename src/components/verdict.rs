//! From what looks at a node have found to a verdict: which component cannot come up.
//!
//! A component that ends once or twice is nothing unusual: the scheduler does when the
//! API server is late, the API server when etcd is. It surely cannot come up if it does
//! not understand its own configuration, or if it ends again for the same reason, which
//! is not that it waits for another component.

use std::collections::BTreeMap;

use super::component::Component;
use super::observed::{Container, Look};
use super::reason::{blames_containerd, misconfigured, waits, waits_for_kubeadm};
use super::suspect::Suspect;
use super::uncreated::uncreated;
use super::words::LastWords;

/// How often a unit must end for the same reason: systemd starts it every second, and
/// some cgroup may just be late.
const SAME_RUNS: usize = 5;
/// How often a container must: the kubelet waits longer and longer between two starts.
const SAME_CONTAINERS: usize = 2;

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

#[cfg(test)]
mod tests;
