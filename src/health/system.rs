//! Nodes by themselves: containers, components, units, disk, memory, certificates.

use super::certificate;
use super::finding::{self, Finding, Topic, count, in_node, see_why};
use super::report::{Examination, Report};
use crate::check::Check;
use crate::components::{Component, Down};
use crate::engine::RunStatus;
use crate::inventory::ExistingNode;
use crate::text;

const MIB: u64 = 1024;
const GIB: u64 = 1024 * MIB;
/// KiB of disk and memory below which programs fail, and below which they soon may.
const DISK: [u64; 2] = [256 * MIB, GIB];
const MEMORY: [u64; 2] = [128 * MIB, 384 * MIB];
/// Percent of the inodes.
const INODES: u64 = 95;

const CONTAINERS: Topic = Topic { all: "containers", some: "container" };
const EXAMINATION: Topic = Topic { all: "examination", some: "examination of" };
const UNITS: Topic = Topic { all: "systemd units", some: "systemd units of" };
const DISKS: Topic = Topic { all: "disk", some: "disk of" };
const MEMORIES: Topic = Topic { all: "memory", some: "memory of" };
const CERTIFICATES: Topic = Topic { all: "certificates", some: "certificates of" };

/// The containers of a cluster, the API balancer included.
pub(super) fn containers(nodes: &[ExistingNode]) -> Vec<Check> {
    let finding = |node: &ExistingNode| {
        let state = match node.status {
            RunStatus::Running => return None,
            RunStatus::Paused => "paused",
            RunStatus::Stopped => "stopped",
            RunStatus::Restarting => "ends again and again",
        };
        Some((node.name.clone(), Finding::error(state, "running", finding::start(node))))
    };
    let well = match nodes.len() {
        1 => "it runs".to_owned(),
        number => format!("all {number} run"),
    };
    CONTAINERS.checks(&well, nodes.iter().filter_map(finding).collect())
}

/// Everything about the nodes by themselves.
pub(super) fn checks(nodes: &[Examination], now: i64) -> Vec<Check> {
    let mut checks = unexamined(nodes);
    let reports: Vec<(&str, &Report)> = nodes
        .iter()
        .filter_map(|node| Some((node.node.as_str(), node.report.as_ref().ok()?)))
        .collect();
    checks.extend(component(Component::Containerd, "containerd", nodes));
    checks.extend(component(Component::Kubelet, "kubelet", nodes));
    if reports.is_empty() {
        return checks;
    }
    let on_all = |ask: &dyn Fn(&str, &Report) -> Vec<Finding>| {
        let of = |(node, report): &(&str, &Report)| {
            let node = (*node).to_owned();
            ask(&node, report)
                .into_iter()
                .map(move |finding| (node.clone(), finding))
                .collect::<Vec<_>>()
        };
        reports.iter().flat_map(of).collect::<Vec<_>>()
    };
    let number = count(reports.len(), "node");
    checks.extend(UNITS.checks(&format!("none has failed on {number}"), on_all(&units)));
    let free = reports.iter().filter_map(|(_, report)| Some(report.disk?.free)).min();
    checks.extend(DISKS.checks(&amount(free), on_all(&disk)));
    let free = reports.iter().filter_map(|(_, report)| report.memory).min();
    checks.extend(MEMORIES.checks(&amount(free), on_all(&memory)));
    let all = reports.iter().map(|(_, report)| report.certificates.len()).sum();
    let well = format!("{} valid for more than 30 days", count(all, "file"));
    let expiring = on_all(&|node, report| certificate::findings(node, &report.certificates, now));
    checks.extend(CERTIFICATES.checks(&well, expiring));
    checks
}

/// Nodes in which not even scripts run.
fn unexamined(nodes: &[Examination]) -> Vec<Check> {
    let finding = |node: &Examination| {
        let reason = match &node.report {
            Err(reason) => text::short(reason),
            Ok(_) if node.down.is_none() => "its components do not answer".to_owned(),
            Ok(_) => return None,
        };
        let remedy = format!("docker restart {}", node.node);
        Some((node.node.clone(), Finding::error(reason, "a node that answers", remedy)))
    };
    let findings: Vec<_> = nodes.iter().filter_map(finding).collect();
    if findings.is_empty() { Vec::new() } else { EXAMINATION.checks("", findings) }
}

/// A component that is a unit of systemd.
fn component(which: Component, unit: &'static str, nodes: &[Examination]) -> Vec<Check> {
    let looked: Vec<_> =
        nodes.iter().filter_map(|node| Some((node, node.down.as_ref()?))).collect();
    if looked.is_empty() {
        return Vec::new();
    }
    let well = format!("active on {}", count(looked.len(), "node"));
    let finding = |(node, down): (&Examination, &Vec<Down>)| {
        let down = down.iter().find(|down| down.component == which)?;
        let found = match down.words.last() {
            Some(words) => format!("does not run: {}", text::short(words)),
            None => "is stopped".to_owned(),
        };
        let remedy = match down.words.is_empty() {
            true => in_node(&node.node, &format!("systemctl start {unit}")),
            false => see_why(&node.node, &format!("journalctl -u {unit} -n 50")),
        };
        Some((node.node.clone(), Finding::error(found, "active", remedy)))
    };
    let findings = looked.into_iter().filter_map(finding).collect();
    let topic = match which {
        Component::Containerd => Topic { all: "containerd", some: "containerd on" },
        _ => Topic { all: "kubelet", some: "kubelet on" },
    };
    topic.checks(&well, findings)
}

fn units(node: &str, report: &Report) -> Vec<Finding> {
    // These two are asked for by themselves.
    let is_other =
        |unit: &&String| !["kubelet.service", "containerd.service"].contains(&unit.as_str());
    let failed: Vec<String> = report.failed_units.iter().filter(is_other).cloned().collect();
    let Some(first) = failed.first() else { return Vec::new() };
    let remedy = see_why(node, &format!("systemctl status {first}"));
    vec![Finding::error(format!("{} failed", text::listed(&failed, 5)), "none has failed", remedy)]
}

fn disk(node: &str, report: &Report) -> Vec<Finding> {
    let Some(disk) = report.disk else { return Vec::new() };
    let remedy =
        || format!("remove images that no pod uses: {}", in_node(node, "crictl rmi --prune"));
    let mut found =
        scarce(disk.free, DISK, "free at /var", remedy()).into_iter().collect::<Vec<_>>();
    if disk.inodes_used > INODES {
        let used = format!("{} % of the inodes at /var are used", disk.inodes_used);
        found.push(Finding::warning(used, &format!("at most {INODES} %"), remedy()));
    }
    found
}

fn memory(_: &str, report: &Report) -> Vec<Finding> {
    let remedy = "see what uses it: docker stats";
    let free = report.memory;
    free.and_then(|free| scarce(free, MEMORY, "available", remedy.into())).into_iter().collect()
}

/// What is less than one of the two limits.
fn scarce(free: u64, [least, enough]: [u64; 2], what: &str, remedy: String) -> Option<Finding> {
    let found = format!("{} {what}", kib(free));
    let needed = format!("at least {}", kib(enough));
    match free {
        _ if free < least => Some(Finding::error(found, &needed, remedy)),
        _ if free < enough => Some(Finding::warning(found, &needed, remedy)),
        _ => None,
    }
}

fn amount(free: Option<u64>) -> String {
    free.map_or("unknown".to_owned(), |free| format!("{} available", kib(free)))
}

fn kib(number: u64) -> String {
    match number {
        GIB.. => format!("{}.{} GiB", number / GIB, number % GIB * 10 / GIB),
        MIB.. => format!("{} MiB", number / MIB),
        _ => format!("{number} KiB"),
    }
}
