//! What is not well on a node, and the same on several nodes told once.

use crate::check::{Check, Outcome};
use crate::engine::RunStatus;
use crate::inventory::ExistingNode;
use crate::text;

/// Names of nodes that are shown; others are counted.
const NAMES: usize = 3;

/// Something that is not well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub outcome: Outcome,
    pub found: String,
    pub needed: String,
    /// The command that mends it, on this node.
    pub remedy: String,
}

impl Finding {
    pub(super) fn error(found: impl Into<String>, needed: &str, remedy: String) -> Finding {
        let (found, needed) = (found.into(), needed.to_owned());
        Finding { outcome: Outcome::Error, found, needed, remedy }
    }

    pub(super) fn warning(found: impl Into<String>, needed: &str, remedy: String) -> Finding {
        Finding { outcome: Outcome::Warning, ..Finding::error(found, needed, remedy) }
    }

    pub(super) fn check(self, title: impl Into<String>) -> Check {
        let check = match self.outcome {
            Outcome::Error => Check::error(title, self.found),
            Outcome::Warning | Outcome::Ok => Check::warning(title, self.found),
        };
        check.needed(self.needed).remedy(self.remedy)
    }
}

/// What is asked of several nodes.
pub(super) struct Topic {
    /// Its title if all is well, such as `disk`.
    pub all: &'static str,
    /// Its title before the names of nodes, such as `disk of`.
    pub some: &'static str,
}

impl Topic {
    /// The check that all is well with `nodes`, or one for everything that is not.
    pub(super) fn checks(&self, well: &str, findings: Vec<(String, Finding)>) -> Vec<Check> {
        if findings.is_empty() {
            return vec![Check::ok(self.all, well)];
        }
        let key =
            |finding: &Finding| (finding.outcome, finding.found.clone(), finding.needed.clone());
        let same = text::grouped(findings.into_iter().map(|(node, f)| (key(&f), (node, f))));
        let check = |(_, found): (_, Vec<(String, Finding)>)| {
            let (names, mut findings): (Vec<String>, Vec<Finding>) = found.into_iter().unzip();
            let title = format!("{} {}", self.some, text::listed(&names, NAMES));
            findings.swap_remove(0).check(title)
        };
        same.into_iter().map(check).collect()
    }
}

/// What makes a container run again.
pub(super) fn start(node: &ExistingNode) -> String {
    let name = &node.name;
    match node.status {
        RunStatus::Paused => format!("docker unpause {name}"),
        RunStatus::Restarting => format!("see why: docker logs --tail 20 {name}"),
        RunStatus::Stopped | RunStatus::Running => format!("docker start {name}"),
    }
}

/// A command in a node.
pub(super) fn in_node(node: &str, command: &str) -> String {
    format!("docker exec {node} {command}")
}

/// The same, if it only shows what is wrong.
pub(super) fn see_why(node: &str, command: &str) -> String {
    format!("see why: {}", in_node(node, command))
}

/// A command of kubectl.
pub(super) fn kubectl(cluster: &str, command: &str) -> String {
    format!("skiff kubectl --name {cluster} -- {command}")
}

/// `1 node`, `3 nodes`.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_on_several_nodes_is_told_once() {
        const DISK: Topic = Topic { all: "disk", some: "disk of" };
        let full = |node: &str, found: &str| {
            let finding = Finding::error(found, "1 GiB", in_node(node, "crictl rmi --prune"));
            (node.to_owned(), finding)
        };
        assert_eq!(DISK.checks("2 nodes", vec![]), [Check::ok("disk", "2 nodes")]);
        let found = vec![full("a", "0 KiB"), full("b", "9 KiB"), full("c", "0 KiB")];
        let checks = DISK.checks("3 nodes", found);
        let titles: Vec<&str> = checks.iter().map(|check| check.title.as_str()).collect();
        assert_eq!(titles, ["disk of a and c", "disk of b"]);
        assert_eq!(checks[0].remedy.as_deref(), Some("docker exec a crictl rmi --prune"));
    }
}
