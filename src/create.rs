//! `create cluster`, from a definition to a usable cluster, or to nothing.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::bootstrap::{Bootstrap, BootstrapError, Initialized};
use crate::cluster::{Cluster, ProxyMode, Role};
use crate::context::{Context, RunError};
use crate::engine::{EngineError, Host};
use crate::images::{self, ImageError};
use crate::inventory::{self, CREATION_LABEL};
use crate::kubeconfig;
use crate::plan::{self, Plan, PlanInput, PlannedNode, proxy};
use crate::progress::Step;
use crate::provision::{self, ProvisionError, network, ports};
use crate::readiness::{self, Wanted};
use crate::version::Version;

/// How long a cluster may take to become usable when nobody says.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(300);

/// What the caller decides about a creation.
pub struct Options {
    /// Overrides every node's image.
    pub image: Option<String>,
    /// Keep what there is when the creation fails.
    pub retain: bool,
    /// How long to wait until the cluster is usable; 0 does not wait.
    pub wait: Duration,
    /// The kubeconfig file to write.
    pub kubeconfig: PathBuf,
    pub network: String,
    /// What relative host paths of mounts are relative to.
    pub folder: PathBuf,
    pub get_env: fn(&str) -> Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    #[error(transparent)]
    Kubeconfig(#[from] kubeconfig::Error),
    #[error(transparent)]
    Context(#[from] RunError),
    #[error("no randomness: {0}")]
    Random(String),
}

impl From<EngineError> for CreateError {
    fn from(error: EngineError) -> Self {
        CreateError::Context(error.into())
    }
}

/// A failed creation: the first error, and what cleaning up afterwards did.
#[derive(Debug)]
pub struct Failed {
    pub error: CreateError,
    /// Nodes were kept on purpose.
    pub retained: bool,
    /// Nodes could not be removed.
    pub cleanup: Option<EngineError>,
}

/// Creates the cluster, or removes everything again and reports why.
///
/// # Errors
/// The first failure; what was made is gone unless `retain` is set.
pub async fn create(ctx: &Context, cluster: &Cluster, options: &Options) -> Result<(), Failed> {
    let early = |error: CreateError| Failed { error, retained: false, cleanup: None };
    let creation = random_hex(8).map_err(early)?;
    let run = Creation { ctx, cluster, options, creation: &creation };
    match run.run().await {
        Ok(()) => Ok(()),
        Err(error) => {
            ctx.drain().await;
            if options.retain {
                return Err(Failed { error, retained: true, cleanup: None });
            }
            let cleanup = remove_creation(&ctx.without_cancellation(), &creation).await.err();
            Err(Failed { error, retained: false, cleanup })
        }
    }
}

/// Only what this very run made: a cluster of the same name that somebody else
/// made is none of ours.
async fn remove_creation(ctx: &Context, creation: &str) -> Result<(), EngineError> {
    let ours = ctx.engine.containers(&[format!("{CREATION_LABEL}={creation}")]).await?;
    if ours.is_empty() {
        return Ok(());
    }
    let step = ctx.progress.step("Cleaning up 🧹");
    let names: Vec<String> = ours.into_iter().map(|c| c.name).collect();
    inventory::remove(&*ctx.engine, &names).await?;
    step.done();
    Ok(())
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
        kubeconfig::writable(&self.options.kubeconfig)?;
        let host = ctx.interruptible(ctx.engine.host()).await?;
        if let Some(warning) = provision::host::check(&host).map_err(ProvisionError::from)? {
            ctx.progress.warn(warning);
        }
        if !ctx.interruptible(inventory::nodes(&*ctx.engine, &cluster.name)).await?.is_empty() {
            return Err(ProvisionError::NameInUse(cluster.name.clone()).into());
        }
        let default_image = self.images().await?;
        let plan = self.provision(&host, &default_image).await?;

        let bootstrap = Bootstrap::new(ctx, cluster, token()?, host.rootless);
        let initialized = self.bring_up(&bootstrap, &plan).await?;
        let first = &plan.nodes[self.first()].container.name;
        self.wait_until_usable(first, &initialized).await?;
        self.export(&initialized.admin_conf).await
    }

    /// Position of the node that runs `kubeadm init`.
    fn first(&self) -> usize {
        self.cluster.nodes.iter().position(|n| n.role == Role::ControlPlane).unwrap_or(0)
    }

    /// Settles the image of every node; returns the one for nodes that name none.
    async fn images(&self) -> Result<String, CreateError> {
        let of_node = |image: &Option<String>| self.options.image.clone().or_else(|| image.clone());
        let named: Vec<Option<String>> =
            self.cluster.nodes.iter().map(|n| of_node(&n.image)).collect();
        let mut wanted: Vec<String> = named.iter().flatten().cloned().collect();
        let mut default_image = String::new();
        if named.iter().any(Option::is_none) {
            let choice = images::choose(self.ctx).await?;
            self.ctx.progress.info(format!(
                "Node image: {} ({})",
                images::friendly(&choice.image),
                choice.why
            ));
            wanted.push(choice.image.clone());
            default_image = choice.image;
        }
        wanted.sort();
        wanted.dedup();
        for image in &wanted {
            let step = self
                .ctx
                .progress
                .step(format!("Ensuring node image ({}) 🖼", images::friendly(image)));
            images::ensure(self.ctx, image).await?;
            step.done();
        }
        Ok(self.options.image.clone().unwrap_or(default_image))
    }

    /// Network and containers, created but not started.
    async fn provision(&self, host: &Host, default_image: &str) -> Result<Plan, CreateError> {
        let (ctx, cluster) = (self.ctx, self.cluster);
        let network = network::ensure(ctx, &self.options.network).await?;
        let proxy = proxy::settings(cluster, &network.subnets, &self.options.get_env);
        let mut cluster_now = cluster.clone();
        if let Some(image) = &self.options.image {
            cluster_now.nodes.iter_mut().for_each(|node| node.image = Some(image.clone()));
        }
        let first = self.first();
        let first_image = cluster_now.nodes[first].image.as_deref().unwrap_or(default_image);
        let mut plan = plan::plan(
            &cluster_now,
            &PlanInput {
                host,
                default_image,
                balancer: images::balancer(ctx, first_image).await?,
                network: &self.options.network,
                creation: self.creation,
                proxy: &proxy,
                folder: &self.options.folder,
                pass_env: &self.options.get_env,
            },
        );
        if let Some(balancer) = &plan.balancer {
            images::ensure(ctx, &balancer.image).await?;
        }
        let reserved = if host.local {
            ports::reserve(plan.containers_mut())?
        } else {
            ports::Reserved::default()
        };
        let claim = &plan.nodes[first].container;
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
        let preparing = Countdown::new(
            self.ctx.progress.step(format!("Preparing nodes {boxes}")),
            plan.nodes.len(),
        );
        let prepare = async |node: &PlannedNode| {
            let state = provision::boot(self.ctx, &node.container).await?;
            let version = bootstrap.configure(node, &state).await?;
            preparing.one_is_done();
            Ok::<_, CreateError>(version)
        };
        let join = async |title: &str, nodes: Vec<&PlannedNode>| {
            if nodes.is_empty() {
                return Ok(());
            }
            let versions = try_join_all(nodes.iter().map(|node| prepare(node))).await?;
            let invitation = bootstrap.invitation().await?;
            let step = self.ctx.progress.step(title);
            let joins = nodes.iter().zip(&versions);
            let joins = joins.map(|(node, version)| bootstrap.join(node, version, &invitation));
            try_join_all(joins).await?;
            step.done();
            Ok::<_, CreateError>(())
        };
        let first = &plan.nodes[self.first()];
        let others = |role| {
            let of_role = |node: &&PlannedNode| node.node.role == role;
            plan.nodes.iter().filter(of_role).filter(|node| !std::ptr::eq(*node, first)).collect()
        };
        let init = async {
            if let Some(balancer) = &plan.balancer {
                provision::start(self.ctx, balancer).await?;
            }
            let version = prepare(first).await?;
            let admin_conf = self.initialize(bootstrap, &first.container.name, &version).await?;
            Ok(Initialized { admin_conf, version })
        };
        let (initialized, (), ()) = tokio::try_join!(
            init,
            join("Joining more control-plane nodes 🎮", others(Role::ControlPlane)),
            join("Joining worker nodes 🚜", others(Role::Worker)),
        )?;
        Ok(initialized)
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
        let told = |line: &str| {
            if let Some((_, phase)) = line.split_once("] ") {
                starting.detail(phase.trim());
            }
            progress.debug(3, line);
        };
        let admin_conf = bootstrap.init(node, version, told).await?;
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

    async fn export(&self, admin_conf: &str) -> Result<(), CreateError> {
        let nodes =
            self.ctx.interruptible(inventory::nodes(&*self.ctx.engine, &self.cluster.name)).await?;
        let server = self
            .ctx
            .interruptible(inventory::api_endpoint(&*self.ctx.engine, &self.cluster.name, &nodes))
            .await?;
        let entry =
            kubeconfig::renamed(admin_conf, &self.cluster.name, &format!("https://{server}"))?;
        // Not interruptible: a Ctrl-C between lock and rename would leave the lock.
        let path = self.options.kubeconfig.clone();
        let write = tokio::task::spawn_blocking(move || kubeconfig::export(&path, &entry));
        Ok(write.await.expect("writing a file does not panic")?)
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
fn token() -> Result<String, CreateError> {
    let hex = random_hex(11)?;
    Ok(format!("{}.{}", &hex[..6], &hex[6..22]))
}

fn random_hex(bytes: usize) -> Result<String, CreateError> {
    let mut random = vec![0u8; bytes];
    getrandom::fill(&mut random).map_err(|e| CreateError::Random(e.to_string()))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
