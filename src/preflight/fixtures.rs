//! A machine on which nothing is wrong, and definitions for it.

use super::facts::{Facts, Machine, Memory};
use crate::cluster::Cluster;
use crate::config;
use crate::engine::{CgroupControllers, Host, Storage};
use crate::provision::inotify::Limits;

pub(super) fn cluster(body: &str) -> Cluster {
    config::parse(&format!("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n{body}")).unwrap()
}

/// One control-plane, and workers.
pub(super) fn nodes(count: usize) -> Cluster {
    let workers = ", {role: worker}".repeat(count - 1);
    cluster(&format!("nodes: [{{role: control-plane}}{workers}]"))
}

pub(super) fn facts() -> Facts {
    let host = Host {
        version: "28.5.2".into(),
        memory: 16 << 30,
        cgroup_controllers: CgroupControllers { cpu: true, memory: true, pids: true },
        storage: Storage { driver: "overlay2".into(), ..Storage::default() },
        local: true,
        ..Host::default()
    };
    let machine = Machine {
        inotify: Some(Limits { instances: 8192, watches: 524_288 }),
        open_files: Some(524_288),
        free_disk: Some(100 << 30),
        memory: Some(Memory { available: 8 << 30, swap: 0 }),
        has_ipv6: true,
        first_unprivileged_port: Some(1024),
        ..Machine::default()
    };
    Facts {
        host,
        clock_ahead: Some(0),
        machine: Some(machine),
        network_name: "kind".into(),
        ..Facts::default()
    }
}

/// The same, with another machine.
pub(super) fn with(change: impl FnOnce(&mut Machine)) -> Facts {
    let mut facts = facts();
    change(facts.machine.as_mut().unwrap());
    facts
}
