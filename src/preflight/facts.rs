//! What is known about the engine, its host and this machine before anything is made.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::routes::Route;
use crate::cluster::Cluster;
use crate::engine::{Host, Network, Publish};
use crate::inventory::ExistingCluster;
use crate::provision::inotify::Limits;

/// What a creation is asked for, and how this machine is asked.
pub(crate) struct Input<'a> {
    pub cluster: &'a Cluster,
    /// The name of the network that its containers will be in.
    pub network: &'a str,
    pub get_env: fn(&str) -> Option<String>,
    pub probe: Probe,
}

/// How this machine is asked. Tests have answers of their own.
#[derive(Clone, Copy)]
pub(crate) struct Probe {
    /// What its clock shows.
    pub clock: fn() -> SystemTime,
    /// `None` unless the engine's containers run on its kernel.
    pub machine: fn(&Host, &Cluster) -> Option<Machine>,
}

/// The answers.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Facts {
    pub host: Host,
    /// How many seconds this machine's clock is ahead of the host's, or behind it where
    /// this is negative.
    pub clock_ahead: Option<i64>,
    /// Known only if it is the engine's host.
    pub machine: Option<Machine>,
    pub existing: BTreeMap<String, ExistingCluster>,
    /// The network's name.
    pub network_name: String,
    /// `None` until the first cluster makes it.
    pub network: Option<Network>,
    /// The proxy settings that nodes will get.
    pub proxy: BTreeMap<String, String>,
    pub taken: Vec<TakenPort>,
}

/// A port that a definition asks for, and another program has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TakenPort {
    /// The field that asks for it.
    pub field: String,
    pub publish: Publish,
    /// Who has it, such as `container web`, if that can be told.
    pub holder: Option<String>,
}

/// A Linux machine whose kernel the engine's containers run on. What this user may not
/// read is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Machine {
    pub inotify: Option<Limits>,
    /// How many files a process of a container can open.
    pub open_files: Option<u64>,
    /// Bytes that are free where the engine keeps its data.
    pub free_disk: Option<u64>,
    pub memory: Option<Memory>,
    /// Asked only for a definition that needs it.
    pub has_ipvs: Option<bool>,
    pub has_ipv6: bool,
    pub routes: Vec<Route>,
    /// From this port on, users without privileges may listen.
    pub first_unprivileged_port: Option<u16>,
    /// AppArmor keeps programs without a profile from making user namespaces.
    pub restricts_user_namespaces: bool,
}

/// In bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Memory {
    /// What programs could still get without swapping.
    pub available: u64,
    /// All swap, whether it is in use or not.
    pub swap: u64,
}
