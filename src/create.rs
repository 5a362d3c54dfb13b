//! `create cluster`: from a definition to a usable cluster, or to nothing.

mod bring_up;
mod error;

use std::cell::Cell;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::admin_kubeconfig;
use crate::bootstrap::{Bootstrap, Initialized};
use crate::cluster::{Cluster, ProxyMode};
use crate::context::{Context, RunError};
use crate::delete::{self, DeleteFailure};
use crate::duration;
use crate::engine::Host;
use crate::inventory;
use crate::kubeconfig;
use crate::plan::{self, Plan, PlanInput, SettledCluster, proxy};
use crate::provision::{self, ProvisionError, network, ports};
use crate::pull;
use crate::readiness::{self, Wanted};
use crate::settle;
use crate::text;

pub(crate) use error::{CreateError, Failed};

/// How long a cluster may take to become usable, unless the caller decides.
pub(crate) const DEFAULT_WAIT: Duration = Duration::from_secs(300);

/// What the caller decides about a creation.
pub(crate) struct CreateOptions {
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
    /// Called right before the first container is created.
    pub on_begun: Box<dyn Fn()>,
}

/// Creates the cluster, or removes everything again and reports why.
///
/// # Errors
/// Returns [`Failed`] with the first error; what was made is removed unless
/// `retain` is set.
pub(crate) async fn create(
    ctx: &Context,
    cluster: &Cluster,
    options: &CreateOptions,
) -> Result<(), Failed> {
    let failed = |error| Failed {
        cluster: cluster.name.clone(),
        error,
        retained: false,
        cleanup: Vec::new(),
    };
    let creation = text::random_hex(8).map_err(|e| failed(RunError::from(e).into()))?;
    let begun = Cell::new(false);
    let run = async |ctx: &Context| {
        Creation { ctx, cluster, options, creation: &creation, begun: &begun }.run().await
    };
    match ctx.scope(run).await {
        Ok(()) => Ok(()),
        Err(error) if !begun.get() => Err(failed(error)),
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
    options: &'a CreateOptions,
    creation: &'a str,
    /// Whether containers may have been created.
    begun: &'a Cell<bool>,
}

impl Creation<'_> {
    async fn run(&self) -> Result<(), CreateError> {
        let (ctx, cluster) = (self.ctx, self.cluster);
        kubeconfig::check_writable(&self.options.kubeconfig)?;
        let host = ctx.interruptible(ctx.engine.host()).await?;
        if let Some(warning) = provision::host::check(&host).map_err(ProvisionError::from)? {
            ctx.progress.warn(warning);
        }
        let kernel = provision::kernel::check(&host, cluster.networking.proxy_mode)
            .map_err(ProvisionError::from)?;
        if inventory::cluster(ctx, &cluster.name).await?.exists() {
            return Err(ProvisionError::NameInUse(cluster.name.clone()).into());
        }
        let settled = self.settle(host).await?;
        let plan = self.provision(&settled).await?;

        let rootless = settled.host.rootless;
        let bootstrap = Bootstrap::new(ctx, &settled.cluster, token()?, rootless);
        let initialized = bring_up::bring_up(ctx, &bootstrap, &plan, kernel).await?;
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
        let network =
            network::ensure(ctx, &self.options.network, cluster.networking.family).await?;
        let proxy = proxy::settings(cluster, &network.subnets, &self.options.get_env);
        let reachable = match provision::kernel::is_shared(&settled.host) {
            true => network.gateway,
            false => None,
        };
        proxy::unreachable(&proxy, reachable).into_iter().for_each(|text| ctx.progress.warn(text));
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
        self.begun.set(true);
        (self.options.on_begun)();
        provision::claim(ctx, &cluster.name, claim).await?;
        let others = plan.containers().filter(|container| container.name != claim.name);
        try_join_all(others.map(|container| provision::create(ctx, container))).await?;
        drop(reserved);
        Ok(plan)
    }

    async fn wait_until_usable(
        &self,
        first: &str,
        initialized: &Initialized,
    ) -> Result<(), CreateError> {
        let networking = &self.cluster.networking;
        // Without a pod network nodes never become Ready; the user installs one next.
        if self.options.wait.is_zero() || !networking.default_cni {
            return Ok(());
        }
        let services = networking.proxy_mode != ProxyMode::None;
        let wanted = Wanted { nodes: self.cluster.nodes.len(), services };
        let limit = self.options.wait;
        let step = self
            .ctx
            .progress
            .step(format!("Waiting ≤ {} for the cluster to be usable ⏳", duration::format(limit)));
        let missing = readiness::wait(self.ctx, first, &wanted, limit, |m| step.detail(m)).await?;
        if missing.is_empty() {
            step.done();
        } else {
            drop(step);
            // As in kind, a slow cluster is not a failure
            // (kind v0.33.0, `pkg/cluster/internal/create/actions/waitforready/waitforready.go`).
            self.ctx.progress.warn(format!(
                "the cluster (Kubernetes {}) is up but not usable yet after {}: {}",
                initialized.version,
                duration::format(limit),
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

/// A bootstrap token, `[a-z0-9]{6}.[a-z0-9]{16}`.
fn token() -> Result<String, RunError> {
    let hex = text::random_hex(11)?;
    Ok(format!("{}.{}", &hex[..6], &hex[6..22]))
}

#[cfg(test)]
mod tests;
