//! Whether there is enough of everything for the nodes, together with those that run.

use super::facts::{Facts, Machine, Memory};
use crate::check::{Check, Outcome};
use crate::cluster::{Cluster, Role};
use crate::inventory::NodeRole;
use crate::progress::size;
use crate::provision::inotify::Limits;

/// What a node writes into its volume `/var`, measured with Kubernetes 1.37: 142 MB, most of
/// it etcd's log.
const DISK_PER_NODE: u64 = 150_000_000;
/// What else is written soon: a node image of 620 MB if the engine has none yet, and pods'
/// images.
const DISK_HEADROOM: u64 = 1_000_000_000;

/// What a cluster of one node, and each worker, takes while nothing runs in it.
const MEMORY_OF_CONTROL_PLANE: u64 = 500 << 20;
const MEMORY_OF_WORKER: u64 = 200 << 20;

/// Go programs raise their own limit to the hard one, and the API server has a file open
/// for each client and each watch. Docker's packages allow 524288 or more; 4096 is what
/// Linux itself gives (`include/uapi/linux/fs.h`, `INR_OPEN_MAX`).
const FEW_OPEN_FILES: u64 = 4096;
/// containerd in a control-plane with no pods but the system's has 125 files open.
const TOO_FEW_OPEN_FILES: u64 = 128;

pub(super) fn checks(cluster: &Cluster, facts: &Facts) -> Vec<Check> {
    let machine = facts.machine.as_ref();
    let checks = [
        machine.and_then(|machine| inotify(cluster, facts, machine)),
        machine.and_then(open_files),
        machine.and_then(|machine| disk(cluster, machine)),
        memory(cluster, facts),
    ];
    checks.into_iter().flatten().collect()
}

/// Too low limits are raised by a privileged container before there are nodes, which
/// works unless the engine has no root.
fn inotify(cluster: &Cluster, facts: &Facts, machine: &Machine) -> Option<Check> {
    let title = "inotify";
    let (now, needed) = (machine.inotify?, Limits::needed(cluster, facts.existing.values()));
    let found = format!("{} instances and {} watches", now.instances, now.watches);
    let about = format!("about {} instances and {} watches", needed.instances, needed.watches);
    Some(match now.raised(needed) {
        None => Check::ok(title, found),
        Some(_) if !facts.host.rootless => {
            Check::ok(title, format!("{found}; for {about} `create cluster` raises the limits"))
        }
        Some(raised) => {
            let outcome = if now.suffices_for_boot() { Outcome::Warning } else { Outcome::Error };
            Check { outcome, ..Check::ok(title, found) }.needed(about).remedy(now.command(raised))
        }
    })
}

fn open_files(machine: &Machine) -> Option<Check> {
    let found = match machine.open_files? {
        u64::MAX => "any number".to_owned(),
        limit => limit.to_string(),
    };
    let check = Check::ok("open files", format!("{found} for each process of a container"));
    let outcome = match machine.open_files? {
        limit if limit < TOO_FEW_OPEN_FILES => Outcome::Error,
        limit if limit < FEW_OPEN_FILES => Outcome::Warning,
        _ => return Some(check),
    };
    let needed = format!("at least {FEW_OPEN_FILES}");
    let remedy = "set nofile in default-ulimits to 524288, in the engine's daemon.json";
    Some(Check { outcome, ..check }.needed(needed).remedy(remedy))
}

fn disk(cluster: &Cluster, machine: &Machine) -> Option<Check> {
    let (title, free) = ("disk space", machine.free_disk?);
    let least = DISK_PER_NODE * cluster.nodes.len() as u64;
    let found = format!("{} free where the engine keeps its data", size(free));
    let outcome = match free {
        free if free < least => Outcome::Error,
        free if free < least + DISK_HEADROOM => Outcome::Warning,
        _ => return Some(Check::ok(title, found)),
    };
    let needed = format!("{} for {}, and some more", size(least), count(cluster));
    let check = Check { outcome, ..Check::ok(title, found) };
    Some(check.needed(needed).remedy(
        "`docker system df` shows what uses it; remove what is unused: docker system prune",
    ))
}

fn memory(cluster: &Cluster, facts: &Facts) -> Option<Check> {
    let (title, total) = ("memory", facts.host.memory);
    let roles = cluster.nodes.iter().map(|node| node.role);
    let needed: u64 = roles.map(memory_of).sum();
    let known = facts.machine.as_ref().and_then(|machine| machine.memory);
    let swap = known.map_or(0, |memory| memory.swap);
    let (found, fits) = match known {
        Some(Memory { available, .. }) => {
            (format!("{} of {} available", size(available), size(total)), needed <= available)
        }
        None if total == 0 => return None,
        // What the nodes that run take is all that is known of another machine.
        None => (size(total), needed + of_running(facts) <= total),
    };
    let outcome = match () {
        () if total > 0 && total + swap < needed => Outcome::Error,
        () if !fits => Outcome::Warning,
        () => return Some(Check::ok(title, found)),
    };
    let needed = format!("{} for {} without any pods of yours", size(needed), count(cluster));
    let remedy = "stop other clusters and programs, define fewer nodes, or give the engine's machine more memory";
    Some(Check { outcome, ..Check::ok(title, found) }.needed(needed).remedy(remedy))
}

fn memory_of(role: Role) -> u64 {
    match role {
        Role::ControlPlane => MEMORY_OF_CONTROL_PLANE,
        Role::Worker => MEMORY_OF_WORKER,
    }
}

fn of_running(facts: &Facts) -> u64 {
    let nodes = facts.existing.values().flat_map(|cluster| &cluster.nodes);
    let running = nodes.filter(|node| node.is_running());
    let memory = running.map(|node| match node.role {
        NodeRole::ControlPlane => MEMORY_OF_CONTROL_PLANE,
        NodeRole::Worker => MEMORY_OF_WORKER,
        NodeRole::LoadBalancer | NodeRole::Other(_) => 0,
    });
    memory.sum()
}

fn count(cluster: &Cluster) -> String {
    match cluster.nodes.len() {
        1 => "1 node".to_owned(),
        many => format!("{many} nodes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::RunStatus;
    use crate::inventory::{ExistingCluster, ExistingNode};
    use crate::preflight::fixtures::{facts, nodes, with};

    const MB: u64 = 1_000_000;
    const MIB: u64 = 1 << 20;

    #[test]
    fn on_a_usual_machine_there_is_enough_of_everything() {
        let checks = checks(&nodes(10), &facts());
        assert_eq!(checks.len(), 4);
        for check in checks {
            assert_eq!((check.outcome, &check.needed), (Outcome::Ok, &None), "{check}");
        }
    }

    /// 68 instances for a node, 194 for ten; a worker of 14 boots.
    #[test]
    fn without_root_the_limits_of_inotify_must_be_right() {
        for (rootless, count, instances, outcome) in [
            (true, 1, 68, Outcome::Ok),
            (true, 1, 67, Outcome::Warning),
            (true, 1, 14, Outcome::Warning),
            (true, 1, 13, Outcome::Error),
            (true, 10, 193, Outcome::Warning),
            (true, 10, 194, Outcome::Ok),
            (false, 10, 193, Outcome::Ok),
            (false, 1, 4, Outcome::Ok),
        ] {
            let limits = Limits { instances, watches: 524_288 };
            let mut facts = with(|machine| machine.inotify = Some(limits));
            facts.host.rootless = rootless;
            let check = inotify(&nodes(count), &facts, facts.machine.as_ref().unwrap()).unwrap();
            assert_eq!(check.outcome, outcome, "{rootless} {count} {check}");
            if outcome > Outcome::Ok {
                let command = "sudo sysctl fs.inotify.max_user_instances=512";
                assert_eq!(check.remedy.as_deref(), Some(command));
            }
        }
    }

    #[test]
    fn processes_need_open_files() {
        for (found, outcome) in [
            (127, Outcome::Error),
            (128, Outcome::Warning),
            (4095, Outcome::Warning),
            (4096, Outcome::Ok),
            (u64::MAX, Outcome::Ok),
        ] {
            let machine = Machine { open_files: Some(found), ..Machine::default() };
            assert_eq!(open_files(&machine).unwrap().outcome, outcome, "{found}");
        }
        assert_eq!(open_files(&Machine::default()), None);
    }

    #[test]
    fn every_node_needs_disk_space() {
        for (count, free, outcome) in [
            (1, 149 * MB, Outcome::Error),
            (1, 150 * MB, Outcome::Warning),
            (1, 1149 * MB, Outcome::Warning),
            (1, 1150 * MB, Outcome::Ok),
            (10, 1499 * MB, Outcome::Error),
            (10, 1500 * MB, Outcome::Warning),
            (10, 2500 * MB, Outcome::Ok),
        ] {
            let machine = Machine { free_disk: Some(free), ..Machine::default() };
            assert_eq!(disk(&nodes(count), &machine).unwrap().outcome, outcome, "{count} {free}");
        }
    }

    #[test]
    fn every_node_needs_memory() {
        for (count, total, available, swap, outcome) in [
            (1, 500 * MIB - 1, 100 * MIB, 0, Outcome::Error),
            (1, 500 * MIB - 1, 100 * MIB, 1, Outcome::Warning),
            (1, 500 * MIB, 100 * MIB, 0, Outcome::Warning),
            (1, 4096 * MIB, 500 * MIB - 1, 0, Outcome::Warning),
            (1, 4096 * MIB, 500 * MIB, 0, Outcome::Ok),
            (10, 2300 * MIB - 1, 2000 * MIB, 0, Outcome::Error),
            (10, 24_000 * MIB, 2300 * MIB - 1, 0, Outcome::Warning),
            (10, 24_000 * MIB, 2300 * MIB, 0, Outcome::Ok),
        ] {
            let mut facts = with(|machine| machine.memory = Some(Memory { available, swap }));
            facts.host.memory = total;
            let check = memory(&nodes(count), &facts).unwrap();
            assert_eq!(check.outcome, outcome, "{count} {total} {available}: {check}");
        }
    }

    #[test]
    fn of_another_machine_the_nodes_that_run_are_known() {
        let node = |role, status| ExistingNode::new("n", role, status);
        let nodes_of = vec![
            node(NodeRole::ControlPlane, RunStatus::Running),
            node(NodeRole::Worker, RunStatus::Running),
            node(NodeRole::Worker, RunStatus::Stopped),
        ];
        let other = ExistingCluster { name: "other".into(), nodes: nodes_of };
        for (total, outcome) in [
            (0, None),
            (500 * MIB - 1, Some(Outcome::Error)),
            (1200 * MIB - 1, Some(Outcome::Warning)),
            (1200 * MIB, Some(Outcome::Ok)),
        ] {
            let existing = [("other".to_owned(), other.clone())].into();
            let mut facts = Facts { machine: None, existing, ..facts() };
            facts.host.memory = total;
            assert_eq!(memory(&nodes(1), &facts).map(|check| check.outcome), outcome, "{total}");
        }
    }
}
