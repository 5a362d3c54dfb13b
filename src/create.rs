//! `create cluster`, from a definition to a usable cluster, or to nothing.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::admin_kubeconfig::{self, AdminKubeconfigError};
use crate::bootstrap::{Bootstrap, BootstrapError, Initialized};
use crate::cluster::{Cluster, ProxyMode, Role};
use crate::context::{Context, RunError};
use crate::delete::{self, DeleteFailure};
use crate::engine::{EngineError, Host};
use crate::inventory;
use crate::kubeconfig;
use crate::plan::{self, Plan, PlanInput, PlannedNode, SettledCluster, proxy};
use crate::progress::Step;
use crate::provision::{self, ProvisionError, network, ports};
use crate::pull::{self, PullError};
use crate::readiness::{self, Wanted};
use crate::settle;
use crate::text;
use crate::version::Version;

/// How long a cluster may take to become usable when nobody says.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(300);

/// What the caller decides about a creation.
pub struct Options {
    /// Keep what there is when the creation fails.
    pub retain: bool,
    /// How long to wait until the cluster is usable; 0 does not wait.
    pub wait: Duration,
    /// The kubeconfig file to write.
    pub kubeconfig: PathBuf,
    pub network: String,
    /// What relative host paths of mounts are relative to.
    pub directory: PathBuf,
    pub get_env: fn(&str) -> Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error(transparent)]
    Pull(#[from] PullError),
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    #[error(transparent)]
    Kubeconfig(#[from] kubeconfig::Error),
    #[error(transparent)]
    AdminKubeconfig(#[from] AdminKubeconfigError),
    #[error(transparent)]
    Run(#[from] RunError),
}

impl From<EngineError> for CreateError {
    fn from(error: EngineError) -> Self {
        CreateError::Run(error.into())
    }
}

/// A failed creation: the first error, and what cleaning up afterwards did.
#[derive(Debug)]
pub struct Failed {
    pub error: CreateError,
    /// Nodes were kept on purpose.
    pub retained: bool,
    /// Why nodes are left that should have been removed; empty if none is.
    pub cleanup: Vec<DeleteFailure>,
}

/// Creates the cluster, or removes everything again and reports why.
///
/// # Errors
/// The first failure; what was made is gone unless `retain` is set.
pub async fn create(ctx: &Context, cluster: &Cluster, options: &Options) -> Result<(), Failed> {
    let failed = |error| Failed { error, retained: false, cleanup: Vec::new() };
    let creation = text::random_hex(8).map_err(|e| failed(RunError::from(e).into()))?;
    let outcome = ctx
        .scope(async |ctx| Creation { ctx, cluster, options, creation: &creation }.run().await)
        .await;
    match outcome {
        Ok(()) => Ok(()),
        Err(error) if options.retain => Err(Failed { retained: true, ..failed(error) }),
        Err(error) => {
            let cleanup = remove_creation(&ctx.without_cancellation(), &creation).await;
            Err(Failed { cleanup, ..failed(error) })
        }
    }
}

/// Removes only what this very run created: the name may belong to a cluster
/// that another run created. Returns what could not be removed.
async fn remove_creation(ctx: &Context, creation: &str) -> Vec<DeleteFailure> {
    let names = match inventory::of_creation(ctx, creation).await {
        Ok(names) if names.is_empty() => return Vec::new(),
        Ok(names) => names,
        Err(error) => return vec![error.into()],
    };
    let step = ctx.progress.step("Cleaning up 🧹");
    let kept = delete::remove(ctx, &names).await;
    if kept.is_empty() {
        step.done();
    }
    kept
}

struct Creation<'a> {
    ctx: &'a Context,
    cluster: &'a Cluster,
    options: &'a Options,
    creation: &'a str,
}

impl Creation<'_> {
    async fn run(&self) -> Result<(), CreateError> {
        let (ctx, cluster) = (self.ctx, self.cluster);
        kubeconfig::check_writable(&self.options.kubeconfig)?;
        let host = ctx.interruptible(ctx.engine.host()).await?;
        if let Some(warning) = provision::host::check(&host).map_err(ProvisionError::from)? {
            ctx.progress.warn(warning);
        }
        if inventory::cluster(ctx, &cluster.name).await?.exists() {
            return Err(ProvisionError::NameInUse(cluster.name.clone()).into());
        }
        let settled = self.settle(host).await?;
        let plan = self.provision(&settled).await?;

        let rootless = settled.host.rootless;
        let bootstrap = Bootstrap::new(ctx, &settled.cluster, token()?, rootless);
        let initialized = self.bring_up(&bootstrap, &plan).await?;
        let first = &plan.first_control_plane().container.name;
        self.wait_until_usable(first, &initialized).await?;
        self.merge_kubeconfig(&initialized.admin_conf).await
    }

    /// Decides on the image of every node, and has the engine pull them.
    async fn settle(&self, host: Host) -> Result<SettledCluster, CreateError> {
        let (ctx, mut cluster) = (self.ctx, self.cluster.clone());
        if let Some(choice) = settle::choose_images(ctx, &mut cluster).await? {
            let image = pull::without_digest(&choice.image);
            ctx.progress.info(format!("Node image: {image} ({})", choice.reason));
        }
        let mut images: Vec<&String> = cluster.nodes.iter().flat_map(|n| &n.image).collect();
        images.sort();
        images.dedup();
        for image in images {
            let title = format!("Ensuring node image ({}) 🖼", pull::without_digest(image));
            let step = ctx.progress.step(title);
            pull::ensure(ctx, image).await?;
            step.done();
        }
        Ok(settle::settle(ctx, cluster, host).await?)
    }

    /// Network and containers, created but not started.
    async fn provision(&self, settled: &SettledCluster) -> Result<Plan, CreateError> {
        let (ctx, cluster) = (self.ctx, &settled.cluster);
        let network = network::ensure(ctx, &self.options.network).await?;
        let proxy = proxy::settings(cluster, &network.subnets, &self.options.get_env);
        let mut plan = plan::plan(
            settled,
            &PlanInput {
                network: &self.options.network,
                creation: self.creation,
                proxy: &proxy,
                directory: &self.options.directory,
                get_env: &self.options.get_env,
            },
        );
        if let Some(balancer) = &plan.api_balancer {
            pull::ensure(ctx, &balancer.image).await?;
        }
        // Whether a port of another host is free cannot be found out from here.
        let reserved = match settled.host.local {
            true => ports::reserve(plan.containers_mut())?,
            false => ports::Reserved::default(),
        };
        let claim = &plan.first_control_plane().container;
        provision::claim(ctx, &cluster.name, claim).await?;
        let others = plan.containers().filter(|container| container.name != claim.name);
        try_join_all(others.map(|container| provision::create(ctx, container))).await?;
        drop(reserved);
        Ok(plan)
    }

    /// Every node boots and is configured on its own; only joining waits for
    /// the first control-plane.
    async fn bring_up(
        &self,
        bootstrap: &Bootstrap<'_>,
        plan: &Plan,
    ) -> Result<Initialized, CreateError> {
        let boxes = "📦 ".repeat(plan.nodes.len());
        let step = self.ctx.progress.step(format!("Preparing nodes {boxes}"));
        let preparing = Countdown::new(step, plan.nodes.len());
        let (planes, workers) = (plan.others(Role::ControlPlane), plan.others(Role::Worker));
        let join = |title, nodes| self.join(bootstrap, &preparing, title, nodes);
        let (initialized, (), ()) = tokio::try_join!(
            self.init(bootstrap, &preparing, plan),
            join("Joining more control-plane nodes 🎮", planes),
            join("Joining worker nodes 🚜", workers),
        )?;
        Ok(initialized)
    }

    /// The first control-plane, with the API balancer in front of it.
    async fn init(
        &self,
        bootstrap: &Bootstrap<'_>,
        preparing: &Countdown,
        plan: &Plan,
    ) -> Result<Initialized, CreateError> {
        if let Some(balancer) = &plan.api_balancer {
            provision::start(self.ctx, balancer).await?;
        }
        let first = plan.first_control_plane();
        let version = self.prepare(bootstrap, preparing, first).await?;
        let admin_conf = self.initialize(bootstrap, &first.container.name, &version).await?;
        Ok(Initialized { admin_conf, version })
    }

    /// Nodes of one role, which join at the same time.
    async fn join(
        &self,
        bootstrap: &Bootstrap<'_>,
        preparing: &Countdown,
        title: &str,
        nodes: Vec<&PlannedNode>,
    ) -> Result<(), CreateError> {
        if nodes.is_empty() {
            return Ok(());
        }
        let prepared = nodes.iter().map(|node| self.prepare(bootstrap, preparing, node));
        let versions = try_join_all(prepared).await?;
        let credentials = bootstrap.join_credentials().await?;
        let step = self.ctx.progress.step(title);
        let nodes = nodes.iter().zip(&versions);
        let joins = nodes.map(|(node, version)| bootstrap.join(node, version, &credentials));
        try_join_all(joins).await?;
        step.done();
        Ok(())
    }

    /// Boots and configures a node.
    async fn prepare(
        &self,
        bootstrap: &Bootstrap<'_>,
        preparing: &Countdown,
        node: &PlannedNode,
    ) -> Result<Version, CreateError> {
        let state = provision::boot(self.ctx, &node.container).await?;
        let version = bootstrap.configure(node, &state).await?;
        preparing.one_is_done();
        Ok(version)
    }

    /// `kubeadm init` and what every cluster has; returns the `admin.conf`.
    async fn initialize(
        &self,
        bootstrap: &Bootstrap<'_>,
        node: &str,
        version: &Version,
    ) -> Result<String, CreateError> {
        let progress = &self.ctx.progress;
        let starting = progress.step("Starting control-plane 🕹");
        let on_line = |line: &str| {
            if let Some((_, phase)) = line.split_once("] ") {
                starting.detail(phase.trim());
            }
            progress.debug(3, line);
        };
        let admin_conf = bootstrap.init(node, version, on_line).await?;
        starting.done();
        let installing = progress.step("Installing pod network and StorageClass 🔌");
        bootstrap.install(node).await?;
        installing.done();
        Ok(admin_conf)
    }

    async fn wait_until_usable(
        &self,
        first: &str,
        initialized: &Initialized,
    ) -> Result<(), CreateError> {
        let networking = &self.cluster.networking;
        // Without a pod network nodes never get Ready: that is the user's next step.
        if self.options.wait.is_zero() || !networking.default_cni {
            return Ok(());
        }
        let services = networking.proxy_mode != ProxyMode::None;
        let wanted = Wanted { nodes: self.cluster.nodes.len(), services };
        let limit = self.options.wait;
        let step = self
            .ctx
            .progress
            .step(format!("Waiting ≤ {} for the cluster to be usable ⏳", seconds(limit)));
        let missing = readiness::wait(self.ctx, first, &wanted, limit, |m| step.detail(m)).await?;
        if missing.is_empty() {
            step.done();
        } else {
            drop(step);
            // As with kind, a slow cluster is no failure.
            self.ctx.progress.warn(format!(
                "the cluster (Kubernetes {}) is up but not usable yet after {}: {}",
                initialized.version,
                seconds(limit),
                missing.join("; ")
            ));
        }
        Ok(())
    }

    async fn merge_kubeconfig(&self, admin_conf: &str) -> Result<(), CreateError> {
        let cluster = inventory::cluster(self.ctx, &self.cluster.name).await?;
        let path = self.options.kubeconfig.clone();
        Ok(admin_kubeconfig::merge_admin_conf(self.ctx, &cluster, admin_conf, path).await?)
    }
}

/// A step that several work on: done when the last of them is.
struct Countdown(std::sync::Mutex<(Option<Step>, usize)>);

impl Countdown {
    fn new(step: Step, parties: usize) -> Self {
        Countdown(std::sync::Mutex::new((Some(step), parties)))
    }

    fn one_is_done(&self) {
        let mut state = self.0.lock().expect("no holder panics");
        state.1 -= 1;
        if state.1 == 0
            && let Some(step) = state.0.take()
        {
            step.done();
        }
    }
}

fn seconds(limit: Duration) -> String {
    match limit.as_secs() {
        s if s >= 60 && s % 60 == 0 => format!("{}m0s", s / 60),
        s => format!("{s}s"),
    }
}

/// A bootstrap token, `[a-z0-9]{6}.[a-z0-9]{16}`.
fn token() -> Result<String, RunError> {
    let hex = text::random_hex(11)?;
    Ok(format!("{}.{}", &hex[..6], &hex[6..22]))
}

#[cfg(test)]
mod tests;
