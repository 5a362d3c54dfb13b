//! From everything that was found to checks, in the order in which causes come before
//! what they cause.

use std::time::{SystemTime, UNIX_EPOCH};

use super::api::Answer;
use super::finding::{self, Finding, Topic};
use super::network::{self, Entry};
use super::report::Examination;
use super::{pod, system};
use crate::check::Check;
use crate::components::{Component, Down};
use crate::inventory::ExistingCluster;
use crate::secret::conceal;
use crate::text;

const COMPONENTS: Topic = Topic { all: "components", some: "components of" };

/// Everything that was found.
pub(super) struct Examined<'a> {
    pub cluster: &'a ExistingCluster,
    pub answer: Answer,
    /// The nodes of which the containers run.
    pub nodes: Vec<Examination>,
    pub entry: Entry,
    pub now: SystemTime,
}

pub(super) fn checks(examined: &Examined) -> Vec<Check> {
    let Examined { cluster, answer, nodes, entry, now } = examined;
    let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut checks = system::containers(&cluster.nodes);
    checks.extend(system::checks(nodes, i64::try_from(now).unwrap_or(i64::MAX)));
    checks.extend(network::checks(cluster, nodes));
    checks.extend(network::entry(entry));
    match answer {
        Answer::Given(answers) => {
            let has_none = |node: &&Examination| units(node).next().is_some();
            let excused: Vec<&str> =
                nodes.iter().filter(has_none).map(|node| node.node.as_str()).collect();
            checks.extend(pod::nodes(cluster, answers, &excused));
            checks.extend(pod::pods(&cluster.name, answers));
        }
        // What pods say is not known, but what their containers say is.
        Answer::NobodyToAsk => checks.push(nobody(cluster)),
        Answer::Refused { node, reason } => {
            checks.push(refused(cluster, node, reason));
            checks.extend(components(&cluster.name, nodes));
        }
    }
    for check in &mut checks {
        check.found = conceal(&check.found).into_owned();
    }
    checks
}

/// The units among the components that do not run.
fn units(node: &Examination) -> impl Iterator<Item = &Down> {
    node.down.iter().flatten().filter(|down| is_unit(down.component))
}

fn is_unit(component: Component) -> bool {
    matches!(component, Component::Containerd | Component::Kubelet)
}

fn nobody(cluster: &ExistingCluster) -> Check {
    let check = Check::error("API server", "no control-plane runs; nodes and pods are unknown");
    match cluster.control_plane() {
        None => check
            .needed("a control-plane")
            .remedy(format!("skiff delete cluster --name {}", cluster.name)),
        Some(plane) => check.needed("one that runs").remedy(finding::start(plane)),
    }
}

fn refused(cluster: &ExistingCluster, node: &str, reason: &str) -> Check {
    let balancer = cluster.load_balancer().filter(|balancer| !balancer.is_running());
    let remedy = match balancer {
        // Control-planes themselves reach the API server through it.
        Some(balancer) => finding::start(balancer),
        None => format!("docker restart {node}"),
    };
    let found = format!("it does not answer, nodes and pods are unknown: {}", text::short(reason));
    Check::error("API server", found).needed("an answer").remedy(remedy)
}

/// The components that are containers and do not run.
fn components(cluster: &str, nodes: &[Examination]) -> Vec<Check> {
    let of = |node: &Examination| {
        let down = node.down.iter().flatten().filter(|down| !is_unit(down.component));
        let finding = |down: &Down| {
            let said = down.words.last().map(|words| format!(": {}", text::short(words)));
            let found = format!("{} does not run{}", down.component, said.unwrap_or_default());
            let remedy = format!("collect all logs: skiff export logs --name {cluster}");
            (node.node.clone(), Finding::error(found, "a component that runs", remedy))
        };
        down.map(finding).collect::<Vec<_>>()
    };
    let findings: Vec<(String, Finding)> = nodes.iter().flat_map(of).collect();
    if findings.is_empty() { Vec::new() } else { COMPONENTS.checks("", findings) }
}
