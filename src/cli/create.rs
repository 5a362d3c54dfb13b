//! `create cluster`: flags, environment and definition become one creation.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::definition;
use super::flags::{KubeconfigFlag, path};
use super::invocation::Invocation;
use super::kind::{Program, provider};
use super::output::{FormatFlag, print_json, print_stdout};
use crate::addon::{self, Package};
use crate::cache;
use crate::cluster::{self, Cluster};
use crate::config;
use crate::context::Context;
use crate::create::{self, CreateOptions, Failed, Remains};
use crate::diagnose::{Failure, Kind, Log};
use crate::dry_run::{self, DryRunInput};
use crate::duration;
use crate::engine::endpoint::DockerEnv;
use crate::environment;
use crate::plan::proxy;
use crate::preflight::{self, Input, Probe};
use crate::provision::network;
use crate::secret;
use crate::sudo::Caller;

#[derive(clap::Subcommand)]
pub(super) enum Create {
    /// Create a cluster, usable when the command returns
    ///
    /// The definition is read in kind's format (v1alpha4). Without one, the
    /// cluster is a single node. In the hostPath of a mount, `~` is your home
    /// directory, and variables such as $HOME are replaced.
    Cluster(CreateCluster),
}

#[derive(clap::Args)]
pub(super) struct CreateCluster {
    /// The cluster's name; overrides $KIND_CLUSTER_NAME and the definition's [default: kind]
    #[arg(short = 'n', long)]
    name: Option<String>,
    /// The cluster definition, a YAML file; - reads stdin
    #[arg(long, value_name = "FILE", value_parser = path())]
    config: Option<PathBuf>,
    /// The node image for every node
    #[arg(long)]
    image: Option<String>,
    /// Keep the nodes when the creation fails, to look at them
    #[arg(long)]
    retain: bool,
    /// How long to wait until the cluster is usable; 0s returns as soon as kubeadm is done
    /// [default: 5m; 0s when called kind]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    wait: Option<Duration>,
    /// An add-on to install once the cluster is usable; may be given several times
    #[arg(long = "addon", value_name = "ADDON")]
    addons: Vec<String>,
    /// Print what would be created; asks the engine if one answers
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    format: FormatFlag,
    #[command(flatten)]
    kubeconfig: KubeconfigFlag,
}

impl Create {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let Create::Cluster(command) = self;
        command.run(invocation).await
    }
}

/// How the real machine is asked what would stop a creation.
pub(super) const PROBE: Probe =
    Probe { clock: environment::now, machine: preflight::of_this_process };

/// A variable for nodes: of this process or, for proxies, of the docker client.
pub(super) fn node_env(name: &str) -> Option<String> {
    proxy::variable(name, &environment::variable, &|name| DockerEnv::of_process().proxy(name))
}

impl CreateCluster {
    async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let cluster =
            self.definition().map_err(|failure| failure.during("failed to create cluster"))?;
        if let Some(line) = cluster.source.second_document {
            let position = match &cluster.source.file {
                Some(file) => format!("{file}:{line}"),
                None => format!("line {line}"),
            };
            invocation.progress.warn(format!(
                "{position}: a second YAML document has no effect: a definition is one document"
            ));
        }
        let addons = super::addon::named(&self.addons)
            .map_err(|failure| failure.during("failed to create cluster"))?;
        let network = match provider::network() {
            Some((network, reason)) if network != network::DEFAULT => {
                invocation.progress.warn(reason);
                invocation.progress.warn("a network other than kind's own is not supported");
                network
            }
            _ => network::DEFAULT.to_owned(),
        };
        #[expect(clippy::disallowed_methods, reason = "this is the command line")]
        let directory = std::env::current_dir().map_err(|e| {
            let problem = format!("cannot determine the current directory: {e}");
            Failure::new(Kind::Host, problem)
        })?;
        if self.dry_run {
            let (network, directory) = (&network, &directory);
            let input = DryRunInput { network, directory, get_env: node_env };
            return print_dry_run(invocation, &cluster, &input, &addons, &self.format).await;
        }
        if self.format.is_json() {
            return Err(Failure::new(Kind::Usage, "--output json needs --dry-run")
                .hint("--progress json writes events while the cluster is created"));
        }
        let delete =
            format!("{} delete cluster --name {}", invocation.program.name(), cluster.name);
        let clean_up = invocation.clean_up.clone();
        let options = CreateOptions {
            retain: self.retain,
            wait: self.wait.unwrap_or_else(|| invocation.program.default_wait()),
            kubeadm_suffices: invocation.program == Program::Kind,
            kubeconfig: self.kubeconfig.target()?,
            network,
            directory,
            get_env: node_env,
            probe: PROBE,
            on_begun: Box::new(move || drop(clean_up.set(delete.clone()))),
        };
        invocation.progress.info(format!("Creating cluster {:?} ...", cluster.name));
        let ctx = invocation.context()?;
        let created = create::create(&ctx, &cluster, &options).await;
        created.map_err(|failed| {
            let name = failed.cluster.clone();
            let file = format!("create-{name}.log");
            with_log(self.with_addons_to_install(failed), invocation.program, &file)
        })?;
        self.install(&ctx, &cluster.name, &addons).await?;
        self.print_usage_hint(invocation, &cluster);
        self.print_sudo_hint(invocation, &cluster.name, &options.kubeconfig);
        Ok(())
    }

    /// A cluster can be there although its creation failed, but it has no add-ons.
    fn with_addons_to_install(&self, failed: Failed) -> Failure {
        let install = match failed.remains {
            Remains::Cluster if !self.addons.is_empty() => Some(format!(
                "then install the add-ons: `addon install {} --name {}`",
                self.addons.join(" "),
                failed.cluster
            )),
            _ => None,
        };
        let failure = Failure::from(failed);
        install.into_iter().fold(failure, Failure::hint)
    }

    /// If an add-on fails the cluster stays: it can be used without.
    async fn install(
        &self,
        ctx: &Context,
        cluster: &str,
        addons: &[Package],
    ) -> Result<(), Failure> {
        if addons.is_empty() {
            return Ok(());
        }
        let options = addon::InstallOptions::default();
        let installed = addon::install(ctx, cluster, addons, &options).await;
        installed.map_err(|error| {
            let names = self.addons.join(" ");
            Failure::from(error)
                .during(format!("cluster {cluster:?} is created, but not all add-ons"))
                .hint(format!("try again with `addon install {names} --name {cluster}`"))
        })
    }

    fn definition(&self) -> Result<Cluster, Failure> {
        let mut cluster = definition::read(self.config.as_deref())?;
        let name = self.name.clone().or_else(|| environment::variable("KIND_CLUSTER_NAME"));
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            let valid = config::valid_name(&name);
            valid.map_err(|problem| Failure::new(Kind::Usage, problem))?;
            cluster.name = name;
        }
        if let Some(image) = &self.image {
            cluster.set_image(image);
        }
        Ok(cluster)
    }

    fn print_usage_hint(&self, invocation: &Invocation, cluster: &Cluster) {
        let name = cluster::context_name(&cluster.name);
        let file = self
            .kubeconfig
            .kubeconfig
            .as_ref()
            .map(|path| format!(" --kubeconfig {}", path.display()))
            .unwrap_or_default();
        invocation.progress.info(format!("Set kubectl context to \"{name}\""));
        // An indented line is not broken on a narrow terminal. kind does not indent it.
        let indent = if invocation.program == Program::Kind { "" } else { "  " };
        invocation.progress.info(format!(
            "You can now use your cluster with:\n\n{indent}kubectl cluster-info --context {name}{file}"
        ));
        if !in_path("kubectl") {
            invocation.progress.info(format!(
                "\nThere is no kubectl in PATH; use `{} kubectl --name {} -- get nodes`",
                invocation.program.name(),
                cluster.name
            ));
        }
    }

    /// Under sudo `HOME` is usually root's, where the user's kubectl finds nothing.
    fn print_sudo_hint(&self, invocation: &Invocation, name: &str, kubeconfig: &Path) {
        let is_chosen = self.kubeconfig.is_chosen();
        let (Some(caller), Some(user)) = (Caller::of_process(), environment::variable("SUDO_USER"))
        else {
            return;
        };
        if !is_chosen && !caller.gets(kubeconfig) {
            let program = invocation.program.name();
            invocation.progress.info(format!(
                "\nThe kubeconfig is root's; for {user}: `sudo {program} export kubeconfig --name {name} --kubeconfig ~{user}/.kube/config`"
            ));
        }
    }
}

/// A long log goes to a file. As kind, what kubeadm wrote is shown as well
/// (kind v0.33.0, `cmd/kind/app/main.go`, `logError`).
pub(super) fn with_log(mut failure: Failure, program: Program, file: &str) -> Failure {
    let Some(log) = failure.log.take() else { return failure };
    if let Some(output) = log.output.filter(|_| program == Program::Kind) {
        failure = failure.and_details(format!("Command Output: {output}"));
    }
    let directory = cache::writable(cache::directories("logs"));
    let path = directory.map(|directory| directory.join(file));
    let text = secret::conceal(&log.text);
    match path.map(|path| cache::keep(&path, text.as_bytes()).map(|()| path)) {
        Some(Ok(path)) => {
            failure.log = Some(Box::new(Log { file: Some(path), ..Log::default() }));
            failure
        }
        Some(Err(error)) => failure.hint(format!("the log cannot be written to a file: {error}")),
        None => failure.hint("the log is not kept: no cache directory can be written to"),
    }
}

async fn print_dry_run(
    invocation: &Invocation,
    cluster: &Cluster,
    input: &DryRunInput<'_>,
    addons: &[Package],
    format: &FormatFlag,
) -> Result<(), Failure> {
    let ctx = invocation.context().map_err(|failure| failure.heading);
    let asked = Input { cluster, network: input.network, get_env: node_env, probe: PROBE };
    let mut dry_run = dry_run::settle(ctx, &asked).await?;
    let checks = std::mem::take(&mut dry_run.checks);
    let addons: Vec<String> = addons.iter().map(Package::title).collect();
    let failed =
        |reason| Failure::new(Kind::Definition, reason).during("cannot apply a kubeadm patch");
    if format.is_json() {
        print_json(&dry_run.to_json(input, &addons).map_err(failed)?)?;
    } else {
        print_stdout(dry_run.render(input).map_err(failed)?.trim_end())?;
        if !addons.is_empty() {
            print_stdout(format!("# then add-ons: {}", addons.join(", ")))?;
        }
    }
    let refused = preflight::report(&invocation.progress, checks);
    refused.map_err(|refused| Failure::from(refused).during("the cluster cannot be created"))
}

fn in_path(program: &str) -> bool {
    environment::path_variable("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
    })
}
