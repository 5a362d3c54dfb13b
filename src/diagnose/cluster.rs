//! Operations on clusters and on the user's kubeconfig.

use super::components::correct;
use super::engine::OPEN_FILES;
use super::lifecycle::go_on;
use super::{Failure, Kind};
use crate::admin_kubeconfig::AdminKubeconfigError;
use crate::bootstrap::BootstrapError;
use crate::check::Check;
use crate::config;
use crate::create::{CreateError, Failed, Remains};
use crate::delete::{DeleteError, DeleteFailure};
use crate::health::HealthError;
use crate::image_file::ImageFileError;
use crate::inventory::ClusterState;
use crate::kubeconfig;
use crate::kubectl::KubectlError;
use crate::logs::LogsError;
use crate::preflight::Refused;
use crate::provision::ProvisionError;
use crate::provision::host::HostError;
use crate::status::StatusError;
use crate::text::last_lines;

impl From<config::Problems> for Failure {
    fn from(problems: config::Problems) -> Self {
        let count = problems.0.len();
        let plural = if count == 1 { "" } else { "s" };
        let heading = format!("the cluster definition has {count} problem{plural}");
        Failure::new(Kind::Definition, heading).items(problems.0.iter().map(ToString::to_string))
    }
}

impl From<kubeconfig::Error> for Failure {
    fn from(error: kubeconfig::Error) -> Self {
        let kind = match &error {
            kubeconfig::Error::Home => Kind::Usage,
            kubeconfig::Error::Interrupted { .. } => Kind::Interrupted,
            kubeconfig::Error::Read { .. }
            | kubeconfig::Error::Parse { .. }
            | kubeconfig::Error::Locked { .. }
            | kubeconfig::Error::Write { .. }
            | kubeconfig::Error::Admin(_) => Kind::Other,
        };
        let failure = Failure::new(kind, &error);
        match &error {
            kubeconfig::Error::Locked { path, .. } => failure.hint(format!(
                "another program is changing the file; if none is, remove its stale lock: `rm {}`",
                path.display()
            )),
            kubeconfig::Error::Write { .. } => {
                failure.hint("use --kubeconfig to write another file")
            }
            kubeconfig::Error::Home => failure.hint("set HOME or KUBECONFIG, or use --kubeconfig"),
            _ => failure,
        }
    }
}

impl From<ProvisionError> for Failure {
    fn from(error: ProvisionError) -> Self {
        let failure = Failure::new(provision_kind(&error), &error);
        match error {
            ProvisionError::Run(error) => Failure::from(error).or_kind(Kind::Bootstrap),
            ProvisionError::Host(HostError::NoIpvs) => failure.hint("use kubeProxyMode: iptables or nftables, or load the kernel module on the engine's host (`sudo modprobe ip_vs`)"),
            ProvisionError::Host(HostError::Inotify { .. }) => failure.hint(OPEN_FILES),
            ProvisionError::Host(HostError::RootlessVersion(_)) => failure.hint("rootless clusters need cgroup v2 and Delegate=yes for the user's service: https://kind.sigs.k8s.io/docs/user/rootless"),
            ProvisionError::NameInUse { name, state } => {
                let revive = match state {
                    None | Some(ClusterState::Running | ClusterState::Damaged) => None,
                    Some(ClusterState::Paused) => Some(go_on("unpause", &name)),
                    Some(ClusterState::Stopped | ClusterState::Mixed) => Some(go_on("start", &name)),
                };
                revive.into_iter().fold(failure, Failure::hint).hint(format!("delete it (`delete cluster --name {name}`) or choose another --name"))
            }
            ProvisionError::PortInUse { .. } => {
                failure.hint("stop what uses the port, or change hostPort in the cluster definition (0 picks a free one)")
            }
            ProvisionError::Boot { log, .. } => {
                let is_limit = names_open_files(&log);
                let failure = failure.details(log);
                if is_limit { failure.hint(OPEN_FILES) } else { failure }
            }
            ProvisionError::NoIpv6 { .. } => {
                failure.hint("enable IPv6 on the engine's host, or use ipFamily: ipv4")
            }
            ProvisionError::NoSubnet(name) => failure.hint(format!("remove unused networks: `docker network prune`, or `docker network rm {name}`")),
        }
    }
}

fn provision_kind(error: &ProvisionError) -> Kind {
    match error {
        ProvisionError::NameInUse { .. } => Kind::Usage,
        ProvisionError::Host(_)
        | ProvisionError::PortInUse { .. }
        | ProvisionError::NoIpv6 { .. } => Kind::Host,
        ProvisionError::Boot { log, .. } if names_open_files(log) => Kind::Host,
        ProvisionError::Run(_) | ProvisionError::Boot { .. } => Kind::Bootstrap,
        ProvisionError::NoSubnet(_) => Kind::Engine,
    }
}

fn names_open_files(log: &str) -> bool {
    log.to_lowercase().contains("too many open files")
}

impl From<BootstrapError> for Failure {
    fn from(error: BootstrapError) -> Self {
        let kind = match &error {
            BootstrapError::Host(_) => Kind::Host,
            BootstrapError::NotANodeImage(..) => Kind::Image,
            BootstrapError::Patch { .. } | BootstrapError::Containerd { .. } => Kind::Definition,
            BootstrapError::Run(_) | BootstrapError::Unreadable { .. } => Kind::Bootstrap,
        };
        let failure = Failure::new(kind, &error);
        match error {
            BootstrapError::Run(error) => Failure::from(error).or_kind(Kind::Bootstrap),
            BootstrapError::Host(_) => failure.hint("use another node image: --image"),
            BootstrapError::NotANodeImage(..) => {
                failure.hint("use a node image: kindest/node, or one made by `build node-image`")
            }
            BootstrapError::Patch { .. } => {
                failure.hint("--dry-run shows the documents that patches are applied to")
            }
            BootstrapError::Containerd { output, place, .. } => {
                failure.details(last_lines(&output, 10)).hint(correct(&place))
            }
            BootstrapError::Unreadable { .. } => failure,
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let shown = |check: &Check| format!("  {}\n{}", check.title, check.facts().join("\n"));
        let checks: Vec<String> = refused.0.iter().map(shown).collect();
        let kind = if refused.is_of_definition() { Kind::Definition } else { Kind::Host };
        Failure::new(kind, &refused).details(checks.join("\n\n"))
    }
}

impl From<CreateError> for Failure {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Preflight(refused) => refused.into(),
            CreateError::Pull(error) => error.into(),
            CreateError::Provision(error) => error.into(),
            CreateError::Bootstrap(error) => error.into(),
            CreateError::Settings(refused) => refused.into(),
            CreateError::Crash(crash) => (*crash).into(),
            CreateError::NotUsable(missing) => {
                Failure::new(Kind::TimeOut, &missing).items(missing.reasons.clone())
            }
            CreateError::Kubeconfig(error) => error.into(),
            CreateError::Run(error) => Failure::from(error).or_kind(Kind::Bootstrap),
            CreateError::AdminKubeconfig(error) => error.into(),
        }
    }
}

impl From<Failed> for Failure {
    fn from(Failed { cluster: name, error, remains }: Failed) -> Self {
        let is_late = matches!(error, CreateError::NotUsable(_));
        let is_refused = matches!(error, CreateError::Preflight(_));
        let failure = Failure::from(error);
        if is_late {
            return failure.hint(format!("the cluster stays, and its kubeconfig is written: `status --name {name}` and `doctor --name {name}` look at it again, `delete cluster --name {name}` removes it; `create cluster --wait` gives more time"));
        }
        if let Remains::Cluster = remains {
            let heading = format!(
                "cluster {name:?} is created, but its kubeconfig is not written: {}",
                failure.heading
            );
            return Failure { heading, ..failure }.hint(format!(
                "write it with `export kubeconfig --name {name}`, or remove the cluster with `delete cluster --name {name}`"
            ));
        }
        let mut failure = failure.during("failed to create cluster");
        // Only a command that failed in a node has details and no known cause.
        let is_unexplained = failure.hints.is_empty() && !failure.details.is_empty() && !is_refused;
        if let Remains::Nodes = remains {
            failure.hints.push(format!(
                "the nodes are kept (--retain): collect their logs with `export logs --name {name}`, remove them with `delete cluster --name {name}`"
            ));
        } else if is_unexplained {
            failure.hints.push(format!(
                "run again with --retain to keep the nodes, then collect their logs with `export logs --name {name}`"
            ));
        }
        if let Remains::Unremoved(failures) = remains {
            let reasons: Vec<String> = failures.iter().map(ToString::to_string).collect();
            failure.hints.push(format!(
                "cleaning up failed as well ({}); `delete cluster --name {name}` removes what is left",
                reasons.join("; ")
            ));
        }
        failure
    }
}

impl From<AdminKubeconfigError> for Failure {
    fn from(error: AdminKubeconfigError) -> Self {
        match error {
            AdminKubeconfigError::Run(error) => error.into(),
            AdminKubeconfigError::Kubeconfig(error) => error.into(),
            AdminKubeconfigError::NotRunning(error) => error.into(),
            AdminKubeconfigError::NoControlPlane(_) => {
                Failure::new(Kind::Usage, error).hint("`get clusters` lists them")
            }
        }
    }
}

impl From<DeleteFailure> for Failure {
    fn from(error: DeleteFailure) -> Self {
        match error {
            DeleteFailure::Run(error) => error.into(),
            DeleteFailure::Kubeconfig(error) => error.into(),
            DeleteFailure::Container { .. } => Failure::new(Kind::Engine, error),
        }
    }
}

impl From<DeleteError> for Failure {
    fn from(error: DeleteError) -> Self {
        let mut failures: Vec<Failure> = error.failures.into_iter().map(Into::into).collect();
        if failures.len() == 1 {
            return failures.remove(0);
        }
        let interruption = failures.iter().find(|failure| failure.is_interruption());
        let kind = interruption.or(failures.first()).map_or(Kind::Other, |failure| failure.kind);
        Failure {
            items: failures.iter().map(|failure| failure.heading.clone()).collect(),
            hints: failures.iter().flat_map(|failure| failure.hints.clone()).collect(),
            ..Failure::new(kind, format!("{} steps failed", failures.len()))
        }
    }
}

const OWN_KUBECTL: &str = "a kubectl of your own uses the cluster after `export kubeconfig`";

impl From<KubectlError> for Failure {
    fn from(error: KubectlError) -> Self {
        match error {
            KubectlError::Run(error) => error.into(),
            KubectlError::Kubeconfig(error) => error.into(),
            KubectlError::NotLinux => {
                Failure::new(Kind::Host, error).hint("install kubectl for this system")
            }
            KubectlError::ImageFile(error) => error.into(),
            KubectlError::Start(_) => Failure::new(Kind::Host, error).hint(OWN_KUBECTL),
        }
    }
}

impl From<ImageFileError> for Failure {
    fn from(error: ImageFileError) -> Self {
        match error {
            ImageFileError::Run(error) => error.into(),
            ImageFileError::Missing { .. } | ImageFileError::Unusable { .. } => {
                Failure::new(Kind::Image, error).hint(OWN_KUBECTL)
            }
        }
    }
}

const OTHER_CLUSTERS: &str = "--name selects another cluster; `get clusters` lists them";

impl From<StatusError> for Failure {
    fn from(error: StatusError) -> Self {
        match error {
            StatusError::Run(error) => error.into(),
            StatusError::NoCluster(_) => Failure::new(Kind::Usage, error).hint(OTHER_CLUSTERS),
        }
    }
}

impl From<HealthError> for Failure {
    fn from(error: HealthError) -> Self {
        match error {
            HealthError::Run(error) => error.into(),
            HealthError::NoCluster(_) => Failure::new(Kind::Usage, error).hint(OTHER_CLUSTERS),
        }
    }
}

impl From<LogsError> for Failure {
    fn from(error: LogsError) -> Self {
        match error {
            LogsError::Run(error) => error.into(),
            LogsError::Write { .. } => Failure::new(Kind::Other, error),
        }
    }
}
