//! The limits of inotify, which all containers of the engine's host share: systemd, the
//! kubelet and others watch files with it. Where they are too low a node does not boot,
//! or kube-proxy ends with "too many open files".

use super::error::ProvisionError;
use super::host::HostError;
use crate::cluster::{Cluster, Role};
use crate::context::RunError;
use crate::engine::Command;
use crate::inventory::{ExistingCluster, NodeRole};
use crate::node::NodeHandle;

/// Instances of a control-plane and of a worker, as measured with Kubernetes 1.37.
const PER_CONTROL_PLANE: u64 = 28;
const PER_WORKER: u64 = 14;
/// What other programs of the host's root take, such as its systemd.
const OF_HOST: u64 = 40;
/// A node has some 200 watches; pods that watch files have more.
const WATCHES_PER_NODE: u64 = 1024;
const WATCHES_OF_HOST: u64 = 4096;

/// kind's advice (<https://kind.sigs.k8s.io/docs/user/known-issues/#pod-errors-due-to-too-many-open-files>).
const ADVISED: Limits = Limits { instances: 512, watches: 524_288 };

const DIRECTORY: &str = "/proc/sys/fs/inotify";
const FILES: [&str; 2] = ["max_user_instances", "max_user_watches"];
/// For each pair of a file and a number: writes the number, unless it is there already
/// or a larger one.
const RAISE: &str = r#"
cd "$0" || exit
while [ $# -gt 1 ]; do
  [ "$(cat "$1")" -ge "$2" ] || printf '%s' "$2" >"$1" || exit
  shift 2
done
"#;

/// `fs.inotify.max_user_instances` and `fs.inotify.max_user_watches`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Limits {
    pub instances: u64,
    pub watches: u64,
}

impl Limits {
    /// What a new cluster needs, together with the nodes that run already.
    pub(crate) fn needed<'a>(
        cluster: &Cluster,
        existing: impl IntoIterator<Item = &'a ExistingCluster>,
    ) -> Limits {
        let running = existing.into_iter().flat_map(|c| &c.nodes).filter(|node| node.is_running());
        let roles = running.filter_map(|node| match node.role {
            NodeRole::ControlPlane => Some(Role::ControlPlane),
            NodeRole::Worker => Some(Role::Worker),
            NodeRole::LoadBalancer | NodeRole::Other(_) => None,
        });
        let host = Limits { instances: OF_HOST, watches: WATCHES_OF_HOST };
        cluster.nodes.iter().map(|node| node.role).chain(roles).fold(host, |sum, role| Limits {
            instances: sum.instances
                + if role == Role::ControlPlane { PER_CONTROL_PLANE } else { PER_WORKER },
            watches: sum.watches + WATCHES_PER_NODE,
        })
    }

    /// Whether they must be raised.
    pub(crate) fn are_below(self, needed: Limits) -> bool {
        self.raised(needed).is_some()
    }

    /// What these limits must become; `None` if they will do.
    pub(crate) fn raised(self, needed: Limits) -> Option<Limits> {
        let raised = |now: u64, needed, advised: u64| {
            if now < needed { advised.max(needed) } else { now }
        };
        let raised = Limits {
            instances: raised(self.instances, needed.instances, ADVISED.instances),
            watches: raised(self.watches, needed.watches, ADVISED.watches),
        };
        (raised != self).then_some(raised)
    }

    /// The numbers of both files, one after the other.
    fn parse(text: &str) -> Option<Limits> {
        let mut numbers = text.split_whitespace().map(|number| number.parse().ok());
        Some(Limits { instances: numbers.next()??, watches: numbers.next()?? })
    }

    /// Whether a node can boot, be it that not all of its components come up.
    pub(crate) fn suffices_for_boot(self) -> bool {
        self.instances >= PER_WORKER
    }

    /// The command that raises them.
    pub(crate) fn command(self, raised: Limits) -> String {
        let settings = self.settings(raised);
        let words = settings.iter().map(|(file, _, to)| format!(" fs.inotify.{file}={to}"));
        format!("sudo sysctl{}", words.collect::<String>())
    }

    /// A sentence for where the limits are not raised, and why if that is known.
    pub(crate) fn advice(self, needed: Limits, why: Option<&str>) -> String {
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        let command = self.command(self.raised(needed).unwrap_or(self));
        format!(
            "the limits of inotify may be too low for this cluster{why}; raise them on the engine's host: {command}"
        )
    }

    /// What changes: the file, its number now, and its number then.
    fn settings(self, raised: Limits) -> Vec<(&'static str, u64, u64)> {
        let [instances, watches] = FILES;
        let all = [
            (instances, self.instances, raised.instances),
            (watches, self.watches, raised.watches),
        ];
        all.into_iter().filter(|(_, now, raised)| now != raised).collect()
    }
}

/// Raises the limits of the host of a privileged container, and says so.
///
/// # Errors
/// Returns [`HostError::Inotify`] if no node could boot and the limits cannot be raised,
/// or the engine's error.
pub(crate) async fn ensure_in(node: &NodeHandle, needed: Limits) -> Result<(), ProvisionError> {
    let [instances, watches] = FILES.map(|file| format!("{DIRECTORY}/{file}"));
    let found = match node.run(Command::new(["cat", &instances, &watches])).await {
        Err(RunError::Command { .. }) => None,
        read => Limits::parse(&read?),
    };
    let Some((now, raised)) = found.and_then(|now| Some((now, now.raised(needed)?))) else {
        return Ok(());
    };
    let settings = now.settings(raised);
    let mut command = ["sh", "-c", RAISE, DIRECTORY].map(str::to_owned).to_vec();
    command.extend(settings.iter().flat_map(|(file, _, to)| [(*file).to_owned(), to.to_string()]));
    match node.run(Command::new(command)).await {
        Ok(_) => {
            let changes = settings
                .iter()
                .map(|(file, from, to)| format!("fs.inotify.{file} from {from} to {to}"));
            let changes = changes.collect::<Vec<_>>().join(" and ");
            node.ctx.progress.info(format!("Raised on the engine's host: {changes}"));
            Ok(())
        }
        Err(RunError::Command { .. }) if now.suffices_for_boot() => {
            node.ctx.progress.warn(now.advice(needed, None));
            Ok(())
        }
        Err(RunError::Command { .. }) => {
            Err(HostError::Inotify { found: now.instances, needed: needed.instances }.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// `None` where there is no inotify.
pub(crate) fn of_this_machine() -> Option<Limits> {
    let read = |file: &str| std::fs::read_to_string(format!("{DIRECTORY}/{file}")).ok();
    let [instances, watches] = FILES.map(read);
    Limits::parse(&format!("{} {}", instances?, watches?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::engine::RunStatus;
    use crate::inventory::ExistingNode;

    #[test]
    fn every_node_that_runs_counts() {
        let nodes = "nodes: [{role: control-plane}, {role: worker}, {role: worker}]";
        let text = format!("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n{nodes}");
        let cluster = config::parse(&text).unwrap();
        let alone = Limits { instances: 40 + 28 + 2 * 14, watches: 4096 + 3 * 1024 };
        assert_eq!(Limits::needed(&cluster, []), alone);
        let node = |role, status| ExistingNode::new("n", role, status);
        let nodes = vec![
            node(NodeRole::ControlPlane, RunStatus::Running),
            node(NodeRole::Worker, RunStatus::Running),
            node(NodeRole::Worker, RunStatus::Stopped),
            node(NodeRole::LoadBalancer, RunStatus::Running),
        ];
        let other = ExistingCluster { name: "other".into(), nodes };
        let more =
            Limits { instances: alone.instances + 28 + 14, watches: alone.watches + 2 * 1024 };
        assert_eq!(Limits::needed(&cluster, [&other]), more);
    }

    #[test]
    fn limits_are_raised_where_they_are_too_low_and_never_lowered() {
        let limits = |(instances, watches)| Limits { instances, watches };
        for (now, needed, raised) in [
            ((128, 192_536), (68, 5120), None),
            ((128, 192_536), (128, 192_536), None),
            ((8, 192_536), (68, 5120), Some((512, 192_536))),
            ((128, 8192), (194, 14_336), Some((512, 524_288))),
            ((1024, 8192), (194, 14_336), Some((1024, 524_288))),
            ((512, 600_000), (900, 70_000), Some((900, 600_000))),
            ((8192, 1_000_000), (194, 14_336), None),
        ] {
            assert_eq!(
                limits(now).raised(limits(needed)),
                raised.map(limits),
                "{now:?} {needed:?}"
            );
        }
        assert_eq!(Limits::parse("128\n8192\n"), Some(limits((128, 8192))));
        for text in ["", "128", "a b"] {
            assert_eq!(Limits::parse(text), None, "{text}");
        }
    }
}
