//! Errors turned into what a person needs: the cause, the details, the next
//! step. The only place that words hints.

use std::fmt::Display;

use crate::addon::AddonError;
use crate::admin_kubeconfig::AdminKubeconfigError;
use crate::bootstrap::BootstrapError;
use crate::builder::BuildError;
use crate::config;
use crate::context::RunError;
use crate::create::{CreateError, Failed};
use crate::delete::{DeleteError, DeleteFailure};
use crate::engine::EngineError;
use crate::kubeconfig;
use crate::kubectl::KubectlError;
use crate::load::LoadError;
use crate::logs::LogsError;
use crate::node_image::NodeImageError;
use crate::provision::ProvisionError;
use crate::pull::PullError;

/// A failure as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Failure {
    /// What failed and why, in one line.
    pub heading: String,
    /// Output of a command or a list of problems; may have many lines.
    pub details: String,
    pub hints: Vec<String>,
    pub interrupted: bool,
}

impl Failure {
    pub fn new(heading: impl Display) -> Self {
        Failure { heading: heading.to_string(), ..Failure::default() }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    fn details(mut self, details: impl Into<String>) -> Self {
        self.details = details.into();
        self
    }

    /// Says what was being done.
    pub fn during(mut self, what: impl Display) -> Self {
        if !self.interrupted {
            self.heading = format!("{what}: {}", self.heading);
        }
        self
    }

    /// The text for stderr.
    pub fn render(&self) -> String {
        format!("ERROR: {}", self.text())
    }

    /// The text without a label, ending in a newline.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.heading);
        if !self.details.trim().is_empty() {
            text.push_str(&format!("\n{}\n", self.details.trim_end()));
        }
        for hint in &self.hints {
            text.push_str(&format!("hint: {hint}\n"));
        }
        text
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let failure = Failure::new(&error);
        match &error {
            EngineError::Unreachable { endpoint, .. } => failure.hint(unreachable_hint(endpoint)),
            EngineError::Permission { .. } => failure
                .hint("become a member of the group \"docker\" (sudo usermod -aG docker $USER, then log in again), or use sudo"),
            EngineError::Endpoint(_) => failure.hint("`docker context ls` shows the contexts; DOCKER_HOST overrides them"),
            EngineError::Other { message, .. } if message.contains("no space left") => {
                failure.hint("free space where the engine keeps its data; `docker system df` shows what takes it")
            }
            EngineError::Other { message, .. } if message.contains("no command specified") => {
                failure.hint("the image is no node image; kindest/node images and those of `build node-image` are")
            }
            _ => failure,
        }
    }
}

fn unreachable_hint(endpoint: &str) -> &'static str {
    if endpoint.starts_with("ssh://") {
        "`ssh HOST docker version` must work, without a question asked"
    } else if endpoint.ends_with("(with TLS)") {
        "ca.pem, cert.pem and key.pem must fit the engine: those in DOCKER_CERT_PATH for DOCKER_HOST, else the docker context's"
    } else {
        "start Docker (on Linux: sudo systemctl start docker), or point DOCKER_HOST to an engine that runs"
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Cancelled => Failure { interrupted: true, ..Failure::new("interrupted") },
            RunError::Engine(error) => error.into(),
            RunError::Random(error) => Failure::new(error),
            RunError::Command { ref output, .. } => {
                let failure =
                    Failure::new(&error).details(format!("Command Output: {}", output.trim()));
                command_hints(failure, output)
            }
        }
    }
}

/// Known causes, recognised by what a failing command wrote.
fn command_hints(failure: Failure, output: &str) -> Failure {
    let known = [
        (
            "no space left on device",
            "free space where the engine keeps its data; `docker system df` shows what takes it",
        ),
        (
            "too many open files",
            "raise the host's limits: sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512",
        ),
        (
            "unknown field",
            "a kubeadm patch sets a field that this Kubernetes version does not know; --dry-run shows the documents",
        ),
        (
            "strict decoding error",
            "a kubeadm patch sets a field that this Kubernetes version does not know; --dry-run shows the documents",
        ),
        (
            "cgroup",
            "kubelet may not start on this host's cgroups; run again with --retain and look at `docker exec NODE journalctl -u kubelet`",
        ),
    ];
    match known.iter().find(|(sign, _)| output.contains(sign)) {
        Some((_, hint)) => failure.hint(*hint),
        None => failure.hint("run again with --retain to keep the nodes, then `export logs` collects what they wrote"),
    }
}

impl From<config::Problems> for Failure {
    fn from(problems: config::Problems) -> Self {
        let count = problems.0.len();
        let lines: Vec<String> = problems.0.iter().map(|p| format!("  {p}")).collect();
        Failure::new(format!(
            "the cluster definition has {count} problem{}",
            if count == 1 { "" } else { "s" }
        ))
        .details(lines.join("\n"))
    }
}

impl From<kubeconfig::Error> for Failure {
    fn from(error: kubeconfig::Error) -> Self {
        let failure = Failure::new(&error);
        match &error {
            kubeconfig::Error::Locked { path, .. } => failure.hint(format!(
                "another program is changing the file; if none is, its lock is left over: rm {}",
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

impl From<PullError> for Failure {
    fn from(error: PullError) -> Self {
        match error {
            PullError::Run(error) => error.into(),
            PullError::Failed { .. } => Failure::new(&error)
                .hint("without a registry, build one from Debian packages and Go modules: `build node-image`")
                .hint("images that are here can be named with --image"),
        }
    }
}

impl From<AdminKubeconfigError> for Failure {
    fn from(error: AdminKubeconfigError) -> Self {
        match error {
            AdminKubeconfigError::Run(error) => error.into(),
            AdminKubeconfigError::Kubeconfig(error) => error.into(),
            AdminKubeconfigError::NoControlPlane(_) => {
                Failure::new(error).hint("`get clusters` lists them")
            }
        }
    }
}

impl From<KubectlError> for Failure {
    fn from(error: KubectlError) -> Self {
        match error {
            KubectlError::Run(error) => error.into(),
            KubectlError::Kubeconfig(error) => error.into(),
            KubectlError::NotLinux => Failure::new(error).hint("install kubectl for this system"),
            KubectlError::Cache { .. } | KubectlError::Start(_) => Failure::new(error),
        }
    }
}

impl From<DeleteFailure> for Failure {
    fn from(error: DeleteFailure) -> Self {
        match error {
            DeleteFailure::Run(error) => error.into(),
            DeleteFailure::Kubeconfig(error) => error.into(),
            DeleteFailure::Container { .. } => Failure::new(error),
        }
    }
}

impl From<DeleteError> for Failure {
    fn from(error: DeleteError) -> Self {
        let mut failures: Vec<Failure> = error.failures.into_iter().map(Into::into).collect();
        if failures.len() == 1 {
            return failures.remove(0);
        }
        let lines: Vec<String> = failures.iter().map(|f| format!("  {}", f.heading)).collect();
        Failure {
            interrupted: failures.iter().any(|failure| failure.interrupted),
            hints: failures.into_iter().flat_map(|failure| failure.hints).collect(),
            ..Failure::new(format!("{} steps failed", lines.len())).details(lines.join("\n"))
        }
    }
}

impl From<ProvisionError> for Failure {
    fn from(error: ProvisionError) -> Self {
        let failure = Failure::new(&error);
        match error {
            ProvisionError::Run(error) => error.into(),
            ProvisionError::Host(_) => failure.hint("kind.sigs.k8s.io/docs/user/rootless says how to set a host up for rootless clusters: cgroup v2, and Delegate=yes for the user's service"),
            ProvisionError::NameInUse(name) => {
                failure.hint(format!("delete it (`delete cluster --name {name}`) or choose another --name"))
            }
            ProvisionError::PortInUse { .. } => {
                failure.hint("stop what uses the port, or change hostPort in the cluster definition (0 picks a free one)")
            }
            ProvisionError::Boot { log, .. } => failure.details(log),
            ProvisionError::NoSubnet(name) => failure.hint(format!("unused networks may be in the way: docker network prune, or docker network rm {name}")),
        }
    }
}

impl From<BootstrapError> for Failure {
    fn from(error: BootstrapError) -> Self {
        let failure = Failure::new(&error);
        match error {
            BootstrapError::Run(error) => error.into(),
            BootstrapError::Host(_) => failure.hint("--image names another node image"),
            BootstrapError::NotANodeImage(..) => {
                failure.hint("a node image holds /kind/version; kindest/node images do")
            }
            BootstrapError::Patch { .. } => {
                failure.hint("--dry-run shows the documents that patches are applied to")
            }
            BootstrapError::Unreadable { .. } => failure,
        }
    }
}

impl From<CreateError> for Failure {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Pull(error) => error.into(),
            CreateError::Provision(error) => error.into(),
            CreateError::Bootstrap(error) => error.into(),
            CreateError::Kubeconfig(error) => error.into(),
            CreateError::Run(error) => error.into(),
            CreateError::AdminKubeconfig(error) => error.into(),
        }
    }
}

impl From<Failed> for Failure {
    fn from(failed: Failed) -> Self {
        let mut failure = Failure::from(failed.error).during("failed to create cluster");
        if failed.retained {
            failure
                .hints
                .push("the nodes are kept (--retain); `delete cluster` removes them".into());
        }
        if !failed.cleanup.is_empty() {
            let reasons: Vec<String> = failed.cleanup.iter().map(ToString::to_string).collect();
            failure.hints.push(format!(
                "cleaning up failed as well ({}); `delete cluster` removes what is left",
                reasons.join("; ")
            ));
        }
        failure
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let failure = Failure::new(&error);
        match error {
            BuildError::Run(error) => error.into(),
            BuildError::NoBase { .. } => {
                failure.hint("install mmdebstrap (apt-get install mmdebstrap), or load an image named debian:trixie-slim")
            }
            BuildError::Failed { output, .. } => {
                let tail: Vec<&str> = output.lines().rev().take(40).collect();
                failure
                    .details(tail.into_iter().rev().collect::<Vec<_>>().join("\n"))
                    .hint("finished parts are kept: running it again goes on from there")
            }
            BuildError::OtherArchitecture { .. } => failure,
        }
    }
}

impl From<NodeImageError> for Failure {
    fn from(error: NodeImageError) -> Self {
        match error {
            NodeImageError::Build(error) => error.into(),
            NodeImageError::UnknownVersion { .. } => Failure::new(error),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        let failure = Failure::new(&error);
        let similar = |names: &[String]| match names {
            [] => None,
            names => Some(format!("did you mean {}?", names.join(" or "))),
        };
        match error {
            LoadError::Run(RunError::Command { ref output, .. }) => failure.details(output.trim()),
            LoadError::Run(error) => error.into(),
            LoadError::NoNodes(_) => failure.hint("use --name to choose another cluster; `get clusters` lists them"),
            LoadError::UnknownNode { nodes, .. } => failure.hint(format!("the nodes are {}", nodes.join(", "))),
            LoadError::Stopped(node) => failure.hint(format!("start it (docker start {node}), or choose other nodes with --nodes")),
            LoadError::NotPresent { name, similar: names } => {
                let mut failure = failure;
                failure.hints.extend(similar(&names));
                failure.hint(format!("if a registry has it: docker pull {name}"))
            }
            LoadError::NotOnNodes { similar: names, .. } => {
                let mut failure = failure;
                failure.hints.extend(similar(&names));
                failure.hint("`get images` lists the images on nodes")
            }
            LoadError::Failed { output, .. } if output.contains("no space left") => failure
                .details(output)
                .hint("free space where the engine keeps its data; `docker system df` shows what uses it, `delete image` removes images from nodes"),
            LoadError::Failed { output, .. } => failure.details(output),
            LoadError::Archive { .. } => failure.hint("`docker save` archives and OCI layouts can be loaded, plain or compressed with gzip or zstd"),
            LoadError::Name(_) | LoadError::Unreadable { .. } => failure,
        }
    }
}

impl From<AddonError> for Failure {
    fn from(error: AddonError) -> Self {
        let failure = Failure::new(&error);
        match error {
            AddonError::Run(RunError::Command { ref output, .. }) => failure.details(output.trim()),
            AddonError::Run(error) => error.into(),
            AddonError::Load(error) => error.into(),
            AddonError::Unknown { similar, known, .. } => match &similar[..] {
                [] => failure.hint(format!("there are {}; a folder of your own needs a /", known.join(", "))),
                names => failure.hint(format!("did you mean {}?", names.join(" or "))),
            },
            AddonError::Setting { .. } => failure.hint("`addon list -o json` shows the settings with their defaults"),
            AddonError::NoCluster(_) => failure.hint("use --name to say another cluster; `get clusters` lists them"),
            AddonError::Stopped { nodes, .. } => failure.hint(format!("start it: docker start {}", nodes.join(" "))),
            AddonError::DoesNotFit { .. } => failure.hint("create the cluster with another node image, or take the add-on's own manifest of a version that fits: `addon install --manifest`"),
            AddonError::PortTaken { .. } => failure.hint("remove what has it (another ingress controller?), or label another node for it"),
            AddonError::NoImage { image, built, .. } => {
                let failure = match built {
                    Some(_) => failure.hint("without a registry, `build addon-images` makes one from Debian packages and Go modules"),
                    None => failure,
                };
                failure.hint(format!("if this machine can reach the registry: docker pull {image}; then install again, the image is loaded from here"))
            }
            AddonError::NoSuchImage { image, .. } => failure.hint(format!("if this machine has it or can pull it (docker pull {image}): load docker-image {image}")),
            AddonError::Foreign { objects, .. } => failure
                .details(objects.join("\n"))
                .hint("--adopt takes them over; or remove them by the way they came"),
            AddonError::Conflict { output, .. } => failure
                .details(output)
                .hint("--adopt sets it again; or change it by --set"),
            AddonError::Refused { output, .. } => failure.details(output),
            AddonError::NotReady { addon, report, .. } => failure
                .details(report)
                .hint(format!("`addon status {addon}` looks again; installing again goes on from here, --timeout gives it longer")),
            AddonError::Checksum { .. } => failure.hint("it is not the file that was meant, or it has been changed since"),
            AddonError::Download { .. } => failure.hint("download it elsewhere and give the file"),
            AddonError::NoRecipe { .. } | AddonError::Definition { .. } | AddonError::Strange { .. } | AddonError::Manifest { .. } => failure,
        }
    }
}

impl From<LogsError> for Failure {
    fn from(error: LogsError) -> Self {
        match error {
            LogsError::Run(error) => error.into(),
            LogsError::Write { .. } => Failure::new(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_shows_its_output_and_a_known_cause_its_hint() {
        let error = RunError::Command {
            node: "kind-worker".into(),
            argv: vec!["kubeadm".into(), "join".into()],
            code: 1,
            output: "write /x: no space left on device\n".into(),
        };
        let text = Failure::from(error).during("failed to create cluster").render();
        assert!(text.starts_with("ERROR: failed to create cluster: command \"kubeadm join\" on kind-worker failed with exit status 1\n"));
        assert!(text.contains("Command Output: write /x: no space left on device"));
        assert!(text.contains("hint: free space"));
    }

    #[test]
    fn an_unreachable_engine_comes_with_the_next_step() {
        let error = EngineError::Unreachable {
            endpoint: "unix:///x".into(),
            reason: "there is no socket /x".into(),
        };
        let text = Failure::from(error).render();
        assert!(text.contains("unix:///x") && text.contains("hint: start Docker"), "{text}");
    }
}
