//! `create cluster`: from a definition to a usable cluster, or to nothing.
//!
//! A cluster that is usable stays, even if the kubeconfig cannot be written.

mod bring_up;
mod error;

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::Instant;

use crate::admin_kubeconfig;
use crate::bootstrap::{Bootstrap, Initialized};
use crate::cluster::{Cluster, ProxyMode};
use crate::components::Watch;
use crate::context::{Context, RunError};
use crate::delete;
use crate::duration;
use crate::engine::Host;
use crate::inventory;
use crate::kubeconfig;
use crate::plan::{self, Plan, PlanInput, SettledCluster, proxy};
use crate::provision::inotify::{self, Limits};
use crate::provision::{self, ProvisionError, network, ports};
use crate::pull;
use crate::readiness::{self, Wanted};
use crate::secret::Secret;
use crate::settle;
use crate::text;

use bring_up::Unknown;
pub(crate) use error::{CreateError, Failed, Remains};

/// How long a cluster may take to become usable, unless the caller decides.
pub(crate) const DEFAULT_WAIT: Duration = Duration::from_secs(300);

/// What the caller decides about a creation.
pub(crate) struct CreateOptions {
    /// Keep what there is when the creation fails.
    pub retain: bool,
    /// How long to wait until the cluster is usable; 0 does not wait.
    pub wait: Duration,
    /// As in kind, kubeadm's success is enough: a component that cannot come up
    /// afterwards is only warned about.
    pub tolerates_crashes: bool,
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
/// Returns [`Failed`] with the first error. What was made is removed unless `retain`
/// is set, or only the kubeconfig is missing.
pub(crate) async fn create(
    ctx: &Context,
    cluster: &Cluster,
    options: &CreateOptions,
) -> Result<(), Failed> {
    let failed = |error, remains| Failed { cluster: cluster.name.clone(), error, remains };
    let creation =
        text::random_hex(8).map_err(|e| failed(RunError::from(e).into(), Remains::Nothing))?;
    let begun = Cell::new(false);
    let run = async |ctx: &Context| {
        Creation { ctx, cluster, options, creation: &creation, begun: &begun }.run().await
    };
    let admin_conf = match ctx.scope(run).await {
        Ok(admin_conf) => admin_conf,
        Err(error) if !begun.get() => return Err(failed(error, Remains::Nothing)),
        Err(error) if options.retain => return Err(failed(error, Remains::Nodes)),
        Err(error) => {
            let cleanup = ctx.without_cancellation();
            let remove = async { Ok::<_, RunError>(remove_creation(&cleanup, &creation).await) };
            let cut_off = |error: RunError| Remains::Unremoved(vec![error.into()]);
            return Err(failed(error, ctx.clean_up(remove).await.unwrap_or_else(cut_off)));
        }
    };
    let merged = merge_kubeconfig(ctx, &cluster.name, &admin_conf, &options.kubeconfig).await;
    // As in kind, a cluster that works is not thrown away for a file, nor for a Ctrl-C that
    // comes after it (kind v0.33.0, `pkg/cluster/internal/create/create.go`).
    merged.map_err(|error| failed(error, Remains::Cluster))
}

/// Removes only what this very run created: the name may belong to a cluster
/// that another run created.
async fn remove_creation(ctx: &Context, creation: &str) -> Remains {
    let names = match inventory::of_creation(ctx, creation).await {
        Ok(names) if names.is_empty() => return Remains::Nothing,
        Ok(names) => names,
        Err(error) => return Remains::Unremoved(vec![error.into()]),
    };
    let step = ctx.progress.step("Cleaning up 🧹");
    match delete::remove(ctx, &names).await {
        failures if failures.is_empty() => {
            step.done();
            Remains::Nothing
        }
        failures => Remains::Unremoved(failures),
    }
}

async fn merge_kubeconfig(
    ctx: &Context,
    name: &str,
    admin_conf: &str,
    path: &Path,
) -> Result<(), CreateError> {
    let cluster = inventory::cluster(ctx, name).await?;
    Ok(admin_kubeconfig::merge_admin_conf(ctx, &cluster, admin_conf, path.to_owned()).await?)
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
    /// Makes a cluster that works; returns its `admin.conf`.
    async fn run(&self) -> Result<String, CreateError> {
        let (ctx, cluster) = (self.ctx, self.cluster);
        let path = self.options.kubeconfig.clone();
        ctx.blocking(move |is_cancelled| kubeconfig::check_writable(&path, is_cancelled)).await?;
        let host = ctx.interruptible(ctx.engine.host()).await?;
        if let Some(warning) = provision::host::check(&host).map_err(ProvisionError::from)? {
            ctx.progress.warn(warning);
        }
        let kernel = provision::kernel::check(&host, cluster.networking.proxy_mode)
            .map_err(ProvisionError::from)?;
        let existing = inventory::clusters(ctx).await?;
        if existing.contains_key(&cluster.name) {
            return Err(ProvisionError::NameInUse(cluster.name.clone()).into());
        }
        let needed = Limits::needed(cluster, existing.values());
        let settled = self.settle(host).await?;
        let image = settled.cluster.nodes.iter().find_map(|node| node.image.as_deref());
        if let Some(image) = image {
            inotify::ensure(ctx, &settled.host, image, needed).await?;
        }
        let preparing = bring_up::preparing(ctx, cluster.nodes.len());
        let plan = self.provision(&settled).await?;

        let bootstrap = Bootstrap::new(ctx, &settled.cluster, token()?, &settled.host);
        // Of a host elsewhere the limits are known once there is a node.
        let limits = (!provision::kernel::is_shared(&settled.host)).then_some(needed);
        let unknown = Unknown { kernel, limits };
        let initialized = bring_up::bring_up(ctx, &bootstrap, &plan, unknown, preparing).await?;
        let first = &plan.first_control_plane().container.name;
        let usable = self.wait_until_usable(first, &settled.cluster, &initialized);
        let (usable, ()) = tokio::join!(usable, bootstrap.revoke_token(first));
        usable?;
        Ok(initialized.admin_conf)
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
        let reserved = ports::reserve(plan.containers_mut(), settled.host.local)?;
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
        cluster: &Cluster,
        initialized: &Initialized,
    ) -> Result<(), CreateError> {
        let networking = &cluster.networking;
        // Without a pod network nodes never become Ready; the user installs one next.
        if self.options.wait.is_zero() || !networking.default_cni {
            return Ok(());
        }
        let services = networking.proxy_mode != ProxyMode::None;
        let wanted = Wanted { nodes: cluster.nodes.len(), services };
        let limit = self.options.wait;
        let step = self
            .ctx
            .progress
            .step(format!("Waiting ≤ {} for the cluster to be usable ⏳", duration::format(limit)));
        let names = cluster.node_names();
        let watch = Watch::new(self.ctx, cluster, names.iter().map(String::as_str));
        let wait = readiness::wait(self.ctx, first, &wanted, limit, |m| step.detail(m));
        let begun = Instant::now();
        let missing = match watch.during(wait).await {
            Ok(waited) => waited?,
            Err(crash) if self.options.tolerates_crashes => {
                let said = crash.words.last().map_or("", String::as_str);
                self.ctx.progress.warn(format!("{crash}: {said}"));
                // kind waits for Ready nodes, whatever else does not work.
                let wanted = Wanted { services: false, ..wanted };
                let left = limit.saturating_sub(begun.elapsed());
                readiness::wait(self.ctx, first, &wanted, left, |m| step.detail(m)).await?
            }
            Err(crash) => return Err(crash.into()),
        };
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
}

/// A bootstrap token, `[a-z0-9]{6}.[a-z0-9]{16}`.
fn token() -> Result<Secret, RunError> {
    let hex = text::random_hex(11)?;
    Ok(Secret::new(format!("{}.{}", &hex[..6], &hex[6..22])))
}

#[cfg(test)]
mod tests;
