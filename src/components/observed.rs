//! What one look at a node finds: the report of `node.sh look`, read.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::component::Component;
use crate::text;

/// How the components of a node are.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// By name, `kubelet` and `containerd`.
    pub units: BTreeMap<String, Unit>,
    /// The end of their journals, if one of them is not well.
    pub journals: BTreeMap<String, String>,
    /// What the kubelet writes about containers that cannot be created.
    pub pods: String,
    /// `None` if they cannot be listed, as when containerd takes too long.
    pub containers: Option<Vec<Container>>,
}

/// A unit of systemd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// Whether its program runs at this moment.
    pub runs: bool,
    /// How often systemd has started it again.
    pub restarts: u32,
}

/// A container of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Container {
    pub component: Component,
    /// UID of its pod.
    pub pod: String,
    /// How many containers there were before it in its place.
    pub attempt: u32,
    /// `None` if it runs, or has not been started.
    pub ended: Option<Ended>,
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ended {
    /// `None` if it could not be found out.
    pub code: Option<i32>,
    /// The end of what it wrote.
    pub log: String,
}

/// The state of a container that has ended, as crictl calls it.
const EXITED: &str = "CONTAINER_EXITED";

/// The part of `crictl ps -o json` that is needed.
#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    containers: Vec<ListedContainer>,
}

#[derive(Deserialize)]
struct ListedContainer {
    id: String,
    metadata: Metadata,
    state: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Nanoseconds since 1970, as text.
    #[serde(default, rename = "createdAt")]
    created: Value,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    /// Absent for the first: it is 0.
    #[serde(default)]
    attempt: u32,
}

impl Look {
    /// Reads a report. What cannot be read is left out: a look is no proof that all is
    /// well. Containers that have ended and were created before `since`, in nanoseconds
    /// since 1970, are those of an earlier start of the node.
    pub(super) fn read(report: &str, since: i128) -> Look {
        let mut look = Look::default();
        let (mut listed, mut logs) = (None, BTreeMap::new());
        for (title, text) in text::sections(report) {
            match title[..] {
                ["unit", name, state, restarts] => {
                    let unit =
                        Unit { runs: state == "running", restarts: restarts.parse().unwrap_or(0) };
                    look.units.insert(name.to_owned(), unit);
                }
                ["journal", unit] => drop(look.journals.insert(unit.to_owned(), text.to_owned())),
                ["pods"] => text.clone_into(&mut look.pods),
                ["containers"] => {
                    listed = serde_json::from_str::<Listed>(text).ok();
                }
                ["log", id, code] => {
                    let ended = Ended { code: code.parse().ok(), log: text.to_owned() };
                    logs.insert(id.to_owned(), ended);
                }
                _ => {}
            }
        }
        look.containers = listed.map(|listed| {
            let is_current = |container: &ListedContainer| {
                let created = container.created.as_str().and_then(|text| text.parse().ok());
                container.state != EXITED || created.is_none_or(|created: i128| created >= since)
            };
            let found = listed.containers.into_iter().filter(is_current);
            found.filter_map(|container| container.of_component(&mut logs)).collect()
        });
        look
    }
}

impl ListedContainer {
    /// `None` if it is none of a component.
    fn of_component(self, logs: &mut BTreeMap<String, Ended>) -> Option<Container> {
        let of = |label: &str| self.labels.get(label).cloned().unwrap_or_default();
        let is_system = of("io.kubernetes.pod.namespace") == "kube-system";
        let component = Component::of_container(&self.metadata.name)?;
        let has_ended = self.state == EXITED;
        is_system.then(|| Container {
            component,
            pod: of("io.kubernetes.pod.uid"),
            attempt: self.metadata.attempt,
            ended: has_ended.then(|| logs.remove(&self.id).unwrap_or_default()),
        })
    }
}
