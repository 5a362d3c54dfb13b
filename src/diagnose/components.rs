//! Components that cannot come up, or that do not accept what they are told.

use super::engine::{DISK_FULL, OPEN_FILES};
use super::{Failure, Kind, Log};
use crate::cluster::Place;
use crate::component_config::{Refusal, Refused};
use crate::components::{Cause, Component, Crash};
use crate::text::wrapped;

/// Lines of a component's last words, and how wide they are.
const LINES: usize = 20;
const WIDTH: usize = 78;

impl From<Crash> for Failure {
    fn from(crash: Crash) -> Self {
        let failure = Failure::new(kind(&crash), &crash).details(last_words(&crash.words));
        let hint = hint(&crash);
        let failure = hint.into_iter().fold(failure, Failure::hint);
        let log = Log { output: crash.output, text: crash.log, file: None };
        Failure { log: Some(Box::new(log)), ..failure }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let all: Vec<String> = refused.refusals.iter().map(shown).collect();
        Failure::new(Kind::Definition, &refused)
            .details(all.join("\n"))
            .hint("nothing has been created; correct the cluster definition, and try again")
    }
}

/// Where it is set, and below what the component says of it.
fn shown(refusal: &Refusal) -> String {
    let similar = refusal.similar.as_ref().map(|name| format!("; did you mean {name}?"));
    let said = format!("{}: {}{}", refusal.component, refusal.words, similar.unwrap_or_default());
    let lines: Vec<String> = wrapped(&said, WIDTH - 2).iter().map(|l| format!("    {l}")).collect();
    let place = refusal.place.as_ref().map_or("the cluster definition".into(), Place::to_string);
    format!("  {place}\n{}", lines.join("\n"))
}

fn kind(crash: &Crash) -> Kind {
    match &crash.cause {
        _ if crash.setting.is_some() => Kind::Definition,
        Cause::UnknownGate(_) | Cause::UnknownFlag(_) => Kind::Definition,
        Cause::ReservedLabel => Kind::Definition,
        Cause::OpenFiles
        | Cause::DiskFull
        | Cause::DiskPressure
        | Cause::SlowDisk
        | Cause::Clock
        | Cause::DnsLoop
        | Cause::Cgroups => Kind::Host,
        Cause::NoImage => Kind::Image,
        Cause::DatabaseFull
        | Cause::PortInUse
        | Cause::NoAddress
        | Cause::NoFile(_)
        | Cause::NoPlugin(_)
        | Cause::Authority
        | Cause::CgroupDriver
        | Cause::Other => Kind::Bootstrap,
    }
}

/// The messages, indented. Of too many lines the last ones are shown.
fn last_words(messages: &[String]) -> String {
    let message = |message: &String| {
        let mut lines = wrapped(message, WIDTH);
        if lines.len() > LINES {
            lines.truncate(LINES - 1);
            lines.push("…".to_owned());
        }
        lines
    };
    let mut shown: Vec<String> = Vec::new();
    for lines in messages.iter().rev().map(message) {
        if shown.len() + lines.len() > LINES {
            break;
        }
        shown.splice(0..0, lines);
    }
    shown.iter().map(|line| format!("  {line}\n")).collect()
}

/// The next step when a field of the definition is wrong.
pub(super) fn correct(place: &Place) -> String {
    let position = place.position().map(|position| format!(" ({position})"));
    format!("correct {} in the cluster definition{}", place.path, position.unwrap_or_default())
}

/// What is wrong, and where the definition sets it.
fn hint(crash: &Crash) -> Option<String> {
    let wrong = wrong(crash);
    let correct = crash.setting.as_ref().map(correct);
    let sentence: Vec<String> = wrong.into_iter().chain(correct).collect();
    (!sentence.is_empty()).then(|| sentence.join(": "))
}

/// What is wrong, if its words need an explanation.
fn wrong(crash: &Crash) -> Option<String> {
    let component = crash.component;
    Some(match &crash.cause {
        Cause::UnknownGate(gate) => {
            format!("this version of Kubernetes has no feature gate {gate}")
        }
        Cause::UnknownFlag(flag) => format!("{component} of this version has no flag --{flag}"),
        Cause::OpenFiles => OPEN_FILES.to_owned(),
        Cause::DiskFull => DISK_FULL.to_owned(),
        Cause::DiskPressure => {
            format!("the kubelet evicts pods, because the disk is nearly full: {DISK_FULL}")
        }
        Cause::SlowDisk => {
            "the disk of the engine's data is too slow for etcd: create fewer nodes at a time, or keep the data on a faster disk".to_owned()
        }
        Cause::DatabaseFull => {
            "etcd's database has reached its limit: raise quota-backend-bytes in etcd.local.extraArgs of ClusterConfiguration".to_owned()
        }
        Cause::PortInUse => "something else in the node uses this port".to_owned(),
        Cause::NoAddress => "the node has no such address".to_owned(),
        Cause::NoFile(path) if is_in_pod(component) && !is_of_runtime(crash) => format!(
            "{component} has no file {path}: mount it into the node with extraMounts, and into the pod with extraVolumes in a patch of ClusterConfiguration"
        ),
        Cause::NoFile(path) => {
            format!("the node has no file {path}: mount it with extraMounts")
        }
        Cause::NoImage => {
            "the node image does not contain this image, and the node cannot pull it".to_owned()
        }
        Cause::NoPlugin(plugin) => {
            format!("the node has no CNI plugin {plugin} in /opt/cni/bin: mount it with extraMounts")
        }
        Cause::Clock => "the clock of the engine's host is wrong: set it, and try again".to_owned(),
        Cause::Authority => {
            "the node does not know this certificate authority: name its certificate in a hosts.toml file below /etc/containerd/certs.d, mounted with extraMounts".to_owned()
        }
        Cause::ReservedLabel => {
            "a node may not give itself these labels: use `kubectl label node` once the cluster runs".to_owned()
        }
        Cause::CgroupDriver => {
            "the kubelet and containerd must use the same cgroup driver: leave cgroupDriver and SystemdCgroup as the node image has them".to_owned()
        }
        Cause::DnsLoop => {
            "CoreDNS forwards queries to a server that sends them back to it: check the DNS servers of the engine's host".to_owned()
        }
        Cause::Cgroups if component == Component::Kubelet => {
            "the kubelet cannot use the cgroups of the engine's host as it is configured".to_owned()
        }
        Cause::Cgroups | Cause::Other => return None,
    })
}

fn is_in_pod(component: Component) -> bool {
    !matches!(component, Component::Containerd | Component::Kubelet | Component::Kubeadm)
}

/// Whether the container could not be started, for want of something in the node.
fn is_of_runtime(crash: &Crash) -> bool {
    crash.words.iter().any(|words| words.contains("OCI runtime"))
}
