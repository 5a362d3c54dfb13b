//! Components that do not run, for those who look once.

use super::component::Component;
use super::observed::Look;
use super::suspect::Suspect;

/// A component that does not run at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Down {
    pub component: Component,
    /// Its last words, oldest first; empty if nothing is known of how it ended.
    pub words: Vec<String>,
}

/// Those that have ended by themselves, and units that somebody has stopped.
pub(super) fn of(look: &Look, suspects: Vec<Suspect>) -> Vec<Down> {
    let ended = suspects.into_iter().map(|suspect| {
        let fatal = suspect.words.fatal.map(|fatal| vec![fatal]);
        Down { component: suspect.component, words: fatal.unwrap_or(suspect.words.lines) }
    });
    let mut found: Vec<Down> = ended.collect();
    for (name, component) in
        [("containerd", Component::Containerd), ("kubelet", Component::Kubelet)]
    {
        let is_stopped = look.units.get(name).is_some_and(|unit| !unit.runs);
        if is_stopped && !found.iter().any(|down| down.component == component) {
            found.push(Down { component, words: Vec::new() });
        }
    }
    found.sort_by_key(|down| down.component);
    found
}
