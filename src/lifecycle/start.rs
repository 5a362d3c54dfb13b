//! `start cluster`: every container runs again, and the cluster is usable.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::try_join;
use tokio::time::Instant;

use super::{LifecycleError, Outcome, each, existing, set_restart, thaw};
use crate::cluster::{Cluster, Node, Role};
use crate::components::Watch;
use crate::config;
use crate::context::{Context, RunError};
use crate::duration;
use crate::engine::{EngineError, Restart, RunStatus};
use crate::inventory::{self, ClusterState, ExistingCluster, ExistingNode, NodeRole};
use crate::kube::KubeClient;
use crate::kubeconfig;
use crate::node::NodeHandle;
use crate::plan;
use crate::provision::{self, ports};
use crate::readiness::{self, Starts};

/// Between two questions whether the API server answers.
const PAUSE: Duration = Duration::from_millis(250);
/// How long it may take to answer one.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Those of the components that are elected. The API server keeps them.
const LEASES: [&str; 2] = [
    "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager",
    "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler",
];

/// What the caller decides about a start.
pub(crate) struct StartOptions {
    /// How long to wait until the cluster is usable; 0 does not wait.
    pub wait: Duration,
    /// The files that may lead to the cluster.
    pub kubeconfigs: Vec<PathBuf>,
}

/// Starts a cluster: control-planes and API balancer, then workers.
///
/// # Errors
/// Returns [`LifecycleError`]. What runs goes on.
pub(crate) async fn start(
    ctx: &Context,
    name: &str,
    options: &StartOptions,
) -> Result<Outcome, LifecycleError> {
    ctx.scope(async |ctx| {
        let cluster = existing(ctx, name).await?;
        let is_running = cluster.state() == ClusterState::Running;
        let start = Start { ctx, cluster, options };
        start.run().await?;
        Ok(match is_running {
            _ if options.wait.is_zero() => Outcome::NotWaitedFor,
            true => Outcome::NothingToDo,
            false => Outcome::Done,
        })
    })
    .await
}

struct Start<'a> {
    ctx: &'a Context,
    /// As it was before.
    cluster: ExistingCluster,
    options: &'a StartOptions,
}

impl Start<'_> {
    async fn run(&self) -> Result<(), LifecycleError> {
        let Some(plane) = self.cluster.control_plane() else {
            return Err(LifecycleError::NoControlPlane(self.cluster.name.clone()));
        };
        let starts = self.start_containers().await?;
        self.follow_port().await?;
        match self.options.wait {
            Duration::ZERO => Ok(()),
            limit => self.wait_until_usable(&plane.name, &starts, limit).await,
        }
    }

    /// Returns when the nodes were started, once all of them have booted.
    async fn start_containers(&self) -> Result<Starts, LifecycleError> {
        let [(_, workers), (_, planes), (_, balancers)] = self.cluster.groups();
        let step = self.ctx.progress.step("Starting nodes 📦");
        each(&[planes, balancers].concat(), async |node| self.start_container(node).await).await?;
        each(&workers, async |node| self.start_container(node).await).await?;
        let nodes = self.cluster.nodes.iter().filter(|node| node.role.is_kubernetes_node());
        let starts = each(&nodes.collect::<Vec<_>>(), async |node| self.booted(node).await).await?;
        step.done();
        Ok(starts.into_iter().flatten().collect())
    }

    async fn start_container(&self, node: &ExistingNode) -> Result<(), LifecycleError> {
        let ctx = self.ctx;
        set_restart(ctx, &node.name, as_created(&node.role)).await?;
        if node.status != RunStatus::Stopped {
            return Ok(thaw(ctx, node).await?);
        }
        let (engine, name) = (ctx.engine.clone(), node.name.clone());
        match ctx.run_to_completion(async move { engine.start_container(&name).await }).await {
            Err(RunError::Engine(error)) if ports::is_conflict(error.message()) => {
                let (container, reason) = (node.name.clone(), error.message().to_owned());
                Err(LifecycleError::PortInUse { container, reason })
            }
            other => Ok(other?),
        }
    }

    /// Waits for the boot of a node that did not run before.
    async fn booted(
        &self,
        node: &ExistingNode,
    ) -> Result<Option<(String, time::OffsetDateTime)>, LifecycleError> {
        let ctx = self.ctx;
        let mut state = ctx.interruptible(ctx.engine.inspect(&node.name)).await?;
        if node.status == RunStatus::Stopped {
            let since = state.started.map_or(0, |started| started.unix_timestamp());
            state = provision::wait_for_boot(ctx, &node.name, since).await?;
        }
        Ok(state.started.map(|started| (node.name.clone(), started)))
    }

    /// An engine that was to choose the API server's port has chosen another one.
    async fn follow_port(&self) -> Result<(), LifecycleError> {
        let server = match inventory::api_endpoint(self.ctx, &self.cluster).await {
            // Then nobody on this host uses it.
            Err(RunError::Engine(EngineError::NotFound { .. })) => return Ok(()),
            found => found?,
        };
        let (paths, name) = (self.options.kubeconfigs.clone(), self.cluster.name.clone());
        let shown = server.clone();
        let moved = self.ctx.blocking(move |is_cancelled| {
            kubeconfig::move_server(&paths, &name, &server, is_cancelled)
        });
        if moved.await? {
            self.ctx.progress.info(format!("The API server is at {shown} now: kubeconfig changed"));
        }
        Ok(())
    }

    async fn wait_until_usable(
        &self,
        plane: &str,
        starts: &Starts,
        limit: Duration,
    ) -> Result<(), LifecycleError> {
        let ctx = self.ctx;
        let title =
            format!("Waiting ≤ {} for the cluster to be usable ⏳", duration::format(limit));
        let step = ctx.progress.step(title);
        let deadline = Instant::now() + limit;
        let work = async {
            if let Some(missing) = self.release_leases(plane, deadline, |m| step.detail(m)).await? {
                return Ok(vec![missing]);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            readiness::wait_again(ctx, plane, starts, left, |m| step.detail(m)).await
        };
        let definition = definition(&self.cluster);
        let watch = Watch::new(ctx, &definition, starts.keys().map(String::as_str)).since(starts);
        let missing: Vec<String> = watch.during(work).await??;
        if !missing.is_empty() {
            return Err(LifecycleError::NotUsable { after: limit, missing });
        }
        step.done();
        Ok(())
    }

    /// Ends the leases of components that were stopped together with every control-plane:
    /// nobody holds them, but those that start now would wait until they have run out,
    /// up to 15 s. Returns why the API server did not do it in time.
    async fn release_leases(
        &self,
        plane: &str,
        deadline: Instant,
        on_missing: impl Fn(&str),
    ) -> Result<Option<String>, RunError> {
        let mut planes = self.cluster.nodes.iter().filter(|n| n.role == NodeRole::ControlPlane);
        if !planes.all(|plane| plane.status == RunStatus::Stopped) {
            return Ok(None);
        }
        let kube = KubeClient::new(NodeHandle::new(self.ctx, plane));
        let release = async || {
            let [controllers, scheduler] = LEASES.map(|path| kube.delete_raw(path));
            let both = tokio::time::timeout(ANSWER_LIMIT, try_join(controllers, scheduler));
            let missing = match both.await {
                Ok(Err(RunError::Command { output, .. })) => {
                    format!("the API server: {}", output.lines().last().unwrap_or("no answer"))
                }
                Ok(done) => return done.map(|_| None),
                Err(_) => "the API server: it does not answer".to_owned(),
            };
            on_missing(&missing);
            Ok(Some(missing))
        };
        self.ctx.poll_until(deadline, PAUSE, release).await
    }
}

/// When the engine starts it again, as at its creation.
fn as_created(role: &NodeRole) -> Restart {
    match role {
        NodeRole::LoadBalancer => plan::BALANCER_RESTART,
        NodeRole::ControlPlane | NodeRole::Worker | NodeRole::Other(_) => plan::NODE_RESTART,
    }
}

/// What the engine knows of a cluster's definition.
fn definition(cluster: &ExistingCluster) -> Cluster {
    let role = |node: &ExistingNode| match node.role {
        NodeRole::ControlPlane => Some(Role::ControlPlane),
        NodeRole::Worker => Some(Role::Worker),
        NodeRole::LoadBalancer | NodeRole::Other(_) => None,
    };
    let roles = cluster.nodes.iter().filter_map(role);
    let nodes = roles.map(|role| Node { role, ..Node::default() }).collect();
    Cluster { name: cluster.name.clone(), nodes, ..config::default_cluster() }
}
