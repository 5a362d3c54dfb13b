//! From created containers to nodes that have joined the cluster.

use futures_util::future::try_join_all;

use super::error::CreateError;
use crate::bootstrap::{Bootstrap, Initialized};
use crate::cluster::Role;
use crate::context::Context;
use crate::node::NodeHandle;
use crate::plan::{Plan, PlannedNode};
use crate::progress::Step;
use crate::provision::{self, kernel::Verdict};
use crate::version::Version;

/// All nodes boot and are configured at the same time. The nodes of a role join
/// once all of them are configured and the first control-plane is up.
///
/// # Errors
/// Returns the first error of any node.
pub(super) async fn bring_up(
    ctx: &Context,
    bootstrap: &Bootstrap<'_>,
    plan: &Plan,
    kernel: Verdict,
) -> Result<Initialized, CreateError> {
    let boxes = "📦 ".repeat(plan.nodes.len());
    let step = ctx.progress.step(format!("Preparing nodes {boxes}"));
    let preparing = Countdown::new(step, plan.nodes.len());
    BringUp { ctx, bootstrap, plan, kernel, preparing }.run().await
}

struct BringUp<'a> {
    ctx: &'a Context,
    bootstrap: &'a Bootstrap<'a>,
    plan: &'a Plan,
    kernel: Verdict,
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
        if self.kernel == Verdict::AskNode {
            let node = NodeHandle::new(self.ctx, &first.container.name);
            provision::kernel::check_in_node(&node).await?;
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
        let joins = nodes.map(|(node, version)| self.bootstrap.join(node, version, &credentials));
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
        let admin_conf = self.bootstrap.init(node, version, on_line).await?;
        starting.done();
        let installing = progress.step("Installing pod network and StorageClass 🔌");
        self.bootstrap.install(node).await?;
        installing.done();
        Ok(admin_conf)
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
