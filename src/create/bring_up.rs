//! From created containers to nodes that have joined the cluster.

use futures_util::future::try_join_all;

use super::error::CreateError;
use crate::bootstrap::{Bootstrap, BootstrapError, Initialized};
use crate::cluster::Role;
use crate::components::Watch;
use crate::context::{Context, RunError};
use crate::node::NodeHandle;
use crate::plan::{Plan, PlannedNode};
use crate::progress::Step;
use crate::provision;
use crate::provision::inotify::Limits;
use crate::version::Version;

/// What the first node is asked about the engine's host.
pub(super) struct Unknown {
    /// Whether there is IPVS, which the cluster needs.
    pub has_ipvs: bool,
    /// Whether the limits of inotify are at least these.
    pub limits: Option<Limits>,
}

/// Begins the step of [`bring_up`] in which nodes are created, boot and are configured.
pub(super) fn preparing(ctx: &Context, nodes: usize) -> Step {
    ctx.progress.step(format!("Preparing nodes {}", "📦 ".repeat(nodes)))
}

/// All nodes boot and are configured at the same time. The nodes of a role join
/// once all of them are configured and the first control-plane is up. `preparing` ends
/// when all are configured.
///
/// # Errors
/// Returns the first error of any node.
pub(super) async fn bring_up(
    ctx: &Context,
    bootstrap: &Bootstrap<'_>,
    plan: &Plan,
    unknown: Unknown,
    preparing: Step,
) -> Result<Initialized, CreateError> {
    let preparing = Countdown::new(preparing, plan.nodes.len());
    BringUp { ctx, bootstrap, plan, unknown, preparing }.run().await
}

struct BringUp<'a> {
    ctx: &'a Context,
    bootstrap: &'a Bootstrap<'a>,
    plan: &'a Plan,
    unknown: Unknown,
    preparing: Countdown,
}

impl BringUp<'_> {
    async fn run(&self) -> Result<Initialized, CreateError> {
        let (planes, workers) =
            (self.plan.others(Role::ControlPlane), self.plan.others(Role::Worker));
        let (initialized, (), ()) = tokio::try_join!(
            self.init(),
            self.join_control_planes(planes),
            self.join("Joining worker nodes 🚜", workers),
        )?;
        Ok(initialized)
    }

    /// The first control-plane, with the API balancer in front of it.
    async fn init(&self) -> Result<Initialized, CreateError> {
        if let Some(balancer) = &self.plan.api_balancer {
            provision::start(self.ctx, balancer).await?;
        }
        let first = self.plan.first_control_plane();
        let version = self.prepare(first).await?;
        let node = NodeHandle::new(self.ctx, &first.container.name);
        if self.unknown.has_ipvs {
            provision::kernel::check_in_node(&node).await?;
        }
        if let Some(needed) = self.unknown.limits {
            provision::inotify::ensure_in(&node, needed).await?;
        }
        let admin_conf = self.initialize(&first.container.name, &version).await?;
        Ok(Initialized { admin_conf, version })
    }

    async fn join_control_planes(&self, planes: Vec<&PlannedNode>) -> Result<(), CreateError> {
        let Some(any) = planes.first().map(|plane| plane.container.name.as_str()) else {
            return Ok(());
        };
        self.join("Joining more control-plane nodes 🎮", planes).await?;
        Ok(self.bootstrap.name_etcd_members(any).await?)
    }

    /// Nodes of one role, which join at the same time.
    async fn join(&self, title: &str, nodes: Vec<&PlannedNode>) -> Result<(), CreateError> {
        if nodes.is_empty() {
            return Ok(());
        }
        let versions = try_join_all(nodes.iter().map(|node| self.prepare(node))).await?;
        let credentials = self.bootstrap.join_credentials().await?;
        let step = self.ctx.progress.step(title);
        let nodes = nodes.iter().zip(&versions);
        let joins = nodes.map(|(node, version)| {
            let join = self.bootstrap.join(node, version, &credentials);
            self.watched(&node.container.name, join)
        });
        try_join_all(joins).await?;
        step.done();
        Ok(())
    }

    /// Boots and configures a node.
    async fn prepare(&self, node: &PlannedNode) -> Result<Version, CreateError> {
        let state = provision::boot(self.ctx, &node.container).await?;
        let version = self.bootstrap.configure(node, &state).await?;
        self.preparing.one_is_done();
        Ok(version)
    }

    /// `kubeadm init` and what every cluster has; returns the `admin.conf`.
    async fn initialize(&self, node: &str, version: &Version) -> Result<String, CreateError> {
        let progress = &self.ctx.progress;
        let starting = progress.step("Starting control-plane 🕹");
        let on_line = |line: &str| {
            if let Some((_, phase)) = line.split_once("] ") {
                starting.detail(phase.trim());
            }
            progress.debug(3, line);
        };
        let admin_conf = self.watched(node, self.bootstrap.init(node, version, on_line)).await?;
        starting.done();
        let installing = progress.step("Installing pod network and StorageClass 🔌");
        self.bootstrap.install(node).await?;
        installing.done();
        Ok(admin_conf)
    }

    /// Has kubeadm do its work on a node, and ends it when a component of this node
    /// cannot come up.
    async fn watched<T>(
        &self,
        node: &str,
        kubeadm: impl Future<Output = Result<T, BootstrapError>>,
    ) -> Result<T, CreateError> {
        let watch = Watch::of_kubeadm(self.ctx, self.bootstrap.cluster, node);
        match watch.during(kubeadm).await? {
            Err(BootstrapError::Run(RunError::Command { argv, output, .. }))
                if argv.first().is_some_and(|program| program == "kubeadm") =>
            {
                Err(watch.explain(&output).await.into())
            }
            done => Ok(done?),
        }
    }
}

/// A step that several tasks share: done when the last of them is.
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
