//! `create cluster`: from a definition to a usable cluster, or to nothing.
//!
//! A cluster that is usable stays, even if the kubeconfig cannot be written. So does one
//! that kubeadm has finished and that is not usable in time: it may be soon.

mod bring_up;
mod error;
mod prepare;

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
use crate::inventory;
use crate::kubeconfig;
use crate::plan::{self, Plan, PlanInput, SettledCluster, proxy};
use crate::preflight::{self, Facts, Probe};
use crate::provision::inotify::Limits;
use crate::provision::{self, ProvisionError, network, ports};
use crate::pull;
use crate::readiness::{self, Wanted};
use crate::secret::Secret;
use crate::settle;
use crate::text;

use bring_up::Unknown;
pub(crate) use error::{CreateError, Failed, NotUsable, Remains};

/// How long a cluster may take to become usable, unless the caller decides.
pub(crate) const DEFAULT_WAIT: Duration = Duration::from_secs(300);

/// What the caller decides about a creation.
pub(crate) struct CreateOptions {
    /// Keep what there is when the creation fails.
    pub retain: bool,
    /// How long to wait until the cluster is usable; 0 does not wait.
    pub wait: Duration,
    /// As in kind, kubeadm's success is enough: a component that cannot come up
    /// afterwards, or a cluster that is not usable in time, is only warned about.
    pub kubeadm_suffices: bool,
    /// The kubeconfig file to write.
    pub kubeconfig: PathBuf,
    pub network: String,
    /// What relative host paths of mounts are relative to.
    pub directory: PathBuf,
    pub get_env: fn(&str) -> Option<String>,
    /// Finds what would stop it.
    pub probe: Probe,
    /// Called right before the first container is created.
    pub on_begun: Box<dyn Fn()>,
}

#[cfg(test)]
impl CreateOptions {
    /// On a machine of which nothing is known.
    pub(crate) fn for_tests(kubeconfig: &Path) -> CreateOptions {
        CreateOptions {
            retain: false,
            wait: Duration::from_secs(5),
            kubeadm_suffices: false,
            kubeconfig: kubeconfig.to_owned(),
            network: "kind".into(),
            directory: "/".into(),
            get_env: |_| None,
            probe: Probe { clock: || std::time::SystemTime::UNIX_EPOCH, machine: |_, _| None },
            on_begun: Box::new(|| {}),
        }
    }
}

/// Creates the cluster, or removes everything again and reports why.
///
/// # Errors
/// Returns [`Failed`] with the first error. What was made is removed unless `retain`
/// is set, only the kubeconfig is missing, or time is over before the cluster is usable.
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
    let Created { admin_conf, missing } = match ctx.scope(run).await {
        Ok(created) => created,
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
    match missing {
        // As in kind, a slow cluster is not a failure
        // (kind v0.33.0, `pkg/cluster/internal/create/actions/waitforready/waitforready.go`).
        Some(missing) if options.kubeadm_suffices || merged.is_err() => {
            ctx.progress.warn(format!("{missing}:\n{}", missing.reasons.join("\n")));
        }
        Some(missing) => return Err(failed(missing.into(), Remains::Cluster)),
        None => {}
    }
    merged.map_err(|error| failed(error, Remains::Cluster))
}

/// A cluster that kubeadm has finished.
struct Created {
    admin_conf: String,
    /// Why it is not usable.
    missing: Option<NotUsable>,
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
    /// Makes a cluster, and waits until it works.
    async fn run(&self) -> Result<Created, CreateError> {
        let (ctx, cluster) = (self.ctx, self.cluster);
        let path = self.options.kubeconfig.clone();
        ctx.blocking(move |is_cancelled| kubeconfig::check_writable(&path, is_cancelled)).await?;
        let facts = self.preflight().await?;
        let needed = Limits::needed(cluster, facts.existing.values());
        let settled = self.settle(&facts).await?;
        let now = facts.machine.as_ref().and_then(|machine| machine.inotify);
        let limits = now.filter(|_| !facts.host.rootless).map(|now| (now, needed));
        let unknown_fields = prepare::prepare(ctx, &settled, limits).await?;
        let preparing = bring_up::preparing(ctx, cluster.nodes.len());
        let plan = self.provision(&settled).await?;

        let bootstrap = Bootstrap::new(ctx, &settled.cluster, token()?, &settled.host);
        for (field, node) in unknown_fields {
            bootstrap.warn_of_unknown_field(field, &node);
        }
        let unknown = Unknown {
            has_ipvs: preflight::must_ask_node_for_ipvs(cluster, &facts),
            // Of a host elsewhere the limits are known once there is a node.
            limits: facts.machine.is_none().then_some(needed),
        };
        let initialized = bring_up::bring_up(ctx, &bootstrap, &plan, unknown, preparing).await?;
        let first = &plan.first_control_plane().container.name;
        let usable = self.wait_until_usable(first, &settled.cluster, &initialized);
        let (usable, ()) = tokio::join!(usable, bootstrap.revoke_token(first));
        Ok(Created { missing: usable?, admin_conf: initialized.admin_conf })
    }

    /// Finds what would stop the creation.
    async fn preflight(&self) -> Result<Facts, CreateError> {
        let (ctx, cluster, options) = (self.ctx, self.cluster, self.options);
        let input = preflight::Input {
            cluster,
            network: &options.network,
            get_env: options.get_env,
            probe: options.probe,
        };
        let facts = preflight::gather(ctx, &input).await?;
        if let Some(found) = facts.existing.get(&cluster.name) {
            let (name, state) = (found.name.clone(), Some(found.state()));
            return Err(ProvisionError::NameInUse { name, state }.into());
        }
        preflight::report(&ctx.progress, preflight::checks(cluster, &facts))?;
        Ok(facts)
    }

    /// Decides on the image of every node, and has the engine pull them.
    async fn settle(&self, facts: &Facts) -> Result<SettledCluster, CreateError> {
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
        Ok(settle::settle(ctx, cluster, facts.host.clone()).await?)
    }

    /// Network and containers, created but not started.
    async fn provision(&self, settled: &SettledCluster) -> Result<Plan, CreateError> {
        let (ctx, cluster) = (self.ctx, &settled.cluster);
        let network =
            network::ensure(ctx, &self.options.network, cluster.networking.family).await?;
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

    /// Returns why the cluster is not usable when the time is over.
    async fn wait_until_usable(
        &self,
        first: &str,
        cluster: &Cluster,
        initialized: &Initialized,
    ) -> Result<Option<NotUsable>, CreateError> {
        let networking = &cluster.networking;
        // Without a pod network nodes never become Ready; the user installs one next.
        if self.options.wait.is_zero() || !networking.default_cni {
            return Ok(None);
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
            Err(crash) if self.options.kubeadm_suffices => {
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
            return Ok(None);
        }
        drop(step);
        let reasons = readiness::explain(self.ctx, first, missing).await?;
        let version = initialized.version.to_string();
        Ok(Some(NotUsable { version, after: limit, reasons }))
    }
}

/// A bootstrap token, `[a-z0-9]{6}.[a-z0-9]{16}`.
fn token() -> Result<Secret, RunError> {
    let hex = text::random_hex(11)?;
    Ok(Secret::new(format!("{}.{}", &hex[..6], &hex[6..22])))
}

#[cfg(test)]
mod tests;
