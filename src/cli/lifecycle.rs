//! `stop`, `start`, `restart`, `pause` and `unpause`: of one cluster or of all.

use std::time::Duration;

use super::create::with_log;
use super::flags::{ClusterName, KubeconfigFlag};
use super::invocation::Invocation;
use crate::context::Context;
use crate::create::DEFAULT_WAIT;
use crate::diagnose::{Failure, Kind};
use crate::duration;
use crate::inventory;
use crate::lifecycle::{self, Action, Failed, LifecycleError, Outcome, StartOptions};

#[derive(clap::Subcommand)]
pub(super) enum Stop {
    /// Stop a cluster: its nodes shut down, and keep their data
    ///
    /// Workers end first, then control-planes, then the API balancer. A stopped cluster
    /// stays stopped when the engine or the machine starts again. Its kubeconfig entry
    /// stays. One that is stopped already stays as it is.
    Cluster(Which),
}

#[derive(clap::Subcommand)]
pub(super) enum Start {
    /// Start a cluster that was stopped, usable when the command returns
    ///
    /// Of a cluster that runs it is checked whether it is usable. Nodes that are paused
    /// go on.
    Cluster(StartCluster),
}

#[derive(clap::Subcommand)]
pub(super) enum Restart {
    /// Stop a cluster and start it again, usable when the command returns
    Cluster(StartCluster),
}

#[derive(clap::Subcommand)]
pub(super) enum Pause {
    /// Pause a cluster: its processes are frozen and use no processor time
    ///
    /// Their memory stays in use. A paused cluster does not come back paused when the
    /// engine starts again, but running.
    Cluster(Which),
}

#[derive(clap::Subcommand)]
pub(super) enum Unpause {
    /// Let a paused cluster go on
    ///
    /// After a pause of more than 40 s Kubernetes may show nodes as NotReady for some
    /// seconds, because they could not report meanwhile. Their pods keep running.
    Cluster(Which),
}

/// The cluster or clusters that a command is for.
#[derive(clap::Args)]
pub(super) struct Which {
    #[command(flatten)]
    name: ClusterName,
    /// All clusters
    #[arg(short = 'A', long, conflicts_with = "name")]
    all: bool,
}

#[derive(clap::Args)]
pub(super) struct StartCluster {
    #[command(flatten)]
    which: Which,
    /// How long to wait until the cluster is usable; 0s returns as soon as its nodes have
    /// booted [default: 5m]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true)]
    wait: Option<Duration>,
    #[command(flatten)]
    kubeconfig: KubeconfigFlag,
}

impl Stop {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let Stop::Cluster(which) = self;
        let stop = async |ctx: &Context, name: &str| lifecycle::stop(ctx, name).await;
        run(invocation, &which, Action::Stop, stop).await
    }
}

impl Start {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let Start::Cluster(cluster) = self;
        let options = cluster.options();
        let start = async |ctx: &Context, name: &str| lifecycle::start(ctx, name, &options).await;
        run(invocation, &cluster.which, Action::Start, start).await
    }
}

impl Restart {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let Restart::Cluster(cluster) = self;
        let options = cluster.options();
        let restart = async |ctx: &Context, name: &str| {
            lifecycle::stop(ctx, name).await?;
            lifecycle::start(ctx, name, &options).await
        };
        run(invocation, &cluster.which, Action::Restart, restart).await
    }
}

impl Pause {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let Pause::Cluster(which) = self;
        let pause = async |ctx: &Context, name: &str| lifecycle::pause(ctx, name).await;
        run(invocation, &which, Action::Pause, pause).await
    }
}

impl Unpause {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let Unpause::Cluster(which) = self;
        let unpause = async |ctx: &Context, name: &str| lifecycle::unpause(ctx, name).await;
        run(invocation, &which, Action::Unpause, unpause).await
    }
}

impl StartCluster {
    fn options(&self) -> StartOptions {
        let wait = self.wait.unwrap_or(DEFAULT_WAIT);
        StartOptions { wait, kubeconfigs: self.kubeconfig.all() }
    }
}

/// Does something with the cluster that is named, or with all of them, one after the
/// other. Then one that fails does not keep the rest from it, and one that an action
/// cannot be for is left as it is.
async fn run(
    invocation: &Invocation,
    which: &Which,
    action: Action,
    work: impl AsyncFn(&Context, &str) -> Result<Outcome, LifecycleError>,
) -> Result<(), Failure> {
    let ctx = invocation.context()?;
    if !which.all {
        let name = which.name.get();
        let done = one(invocation, &ctx, action, &name, &work).await;
        return done.map_err(|failed| logged(invocation, failed));
    }
    let names: Vec<String> = inventory::clusters(&ctx).await?.into_keys().collect();
    if names.is_empty() {
        invocation.progress.info("No kind clusters found.");
    }
    let mut failed = Vec::new();
    for name in &names {
        match one(invocation, &ctx, action, name, &work).await {
            Ok(()) => {}
            Err(Failed { error: LifecycleError::NotRunning(reason), .. }) => {
                invocation.progress.info(format!("{reason}: left as it is"));
            }
            Err(error) => {
                let failure = logged(invocation, error);
                if failure.is_interruption() {
                    return Err(failure);
                }
                invocation.progress.warn(failure.text().trim_end());
                failed.push(name.as_str());
            }
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => {
            let heading = format!("failed to {action} clusters: {}", failed.join(", "));
            Err(Failure::new(Kind::Other, heading))
        }
    }
}

/// What a component wrote goes to a file.
fn logged(invocation: &Invocation, failed: Failed) -> Failure {
    let file = format!("{}-{}.log", failed.action, failed.cluster);
    with_log(failed.into(), invocation.program, &file)
}

async fn one(
    invocation: &Invocation,
    ctx: &Context,
    action: Action,
    name: &str,
    work: &impl AsyncFn(&Context, &str) -> Result<Outcome, LifecycleError>,
) -> Result<(), Failed> {
    let (doing, done, already) = words(action);
    invocation.progress.info(format!("{doing} cluster {name:?} ..."));
    let outcome = work(ctx, name).await;
    let failed = |error| Failed { action, cluster: name.to_owned(), error };
    match outcome.map_err(failed)? {
        Outcome::Done => invocation.progress.info(format!("Cluster {name:?} {done}")),
        Outcome::NothingToDo => invocation.progress.info(format!("Cluster {name:?} {already}")),
        Outcome::NotWaitedFor => invocation.progress.info(format!("Cluster {name:?} runs")),
    }
    Ok(())
}

/// What is said when it begins, when it is done, and if there is nothing to do.
fn words(action: Action) -> (&'static str, &'static str, &'static str) {
    match action {
        Action::Stop => ("Stopping", "is stopped", "is stopped already"),
        Action::Start => ("Starting", "is usable", "runs already, and is usable"),
        Action::Restart => ("Restarting", "is usable", "is usable"),
        Action::Pause => ("Pausing", "is paused", "is paused already"),
        Action::Unpause => ("Unpausing", "goes on", "is not paused"),
    }
}
