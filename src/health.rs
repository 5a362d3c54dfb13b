//! Whether a cluster that exists is well: `doctor --name`.
//!
//! ```text
//! node.sh, in every node ──> report::Report ─┐
//! components, in every node ─> Down ─────────┼─> judge ─> checks
//! API server ─> api::Answer ─────────────────┘
//! ```
//!
//! Nothing is changed, and nothing is pulled. What does not answer is a finding.

mod api;
mod certificate;
mod finding;
mod judge;
mod network;
mod pod;
mod report;
mod system;

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;

use self::judge::Examined;
use self::network::Entry;
use self::report::{Examination, Report};
use crate::check::Check;
use crate::components;
use crate::context::{Context, RunError};
use crate::engine::Command;
use crate::inventory::{self, ExistingCluster, ExistingNode};
use crate::node::NodeHandle;

const SCRIPT: &str = include_str!("health/node.sh");
/// A node that takes longer does not answer. When nothing works in it, the script waits
/// for each of its questions.
const LIMIT: Duration = Duration::from_secs(25);

#[derive(Debug, thiserror::Error)]
pub(crate) enum HealthError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("no nodes found for cluster {0:?}")]
    NoCluster(String),
}

/// Examines a cluster; `now` is the time of this machine.
///
/// # Errors
/// Returns [`HealthError::NoCluster`] if it does not exist, the engine's error, or
/// [`RunError::Cancelled`].
pub(crate) async fn examine(
    ctx: &Context,
    name: &str,
    now: SystemTime,
) -> Result<Vec<Check>, HealthError> {
    let cluster = inventory::cluster(ctx, name).await?;
    if !cluster.exists() {
        return Err(HealthError::NoCluster(name.to_owned()));
    }
    let (checks, is_complete) = look(ctx, &cluster, now).await?;
    if is_complete {
        return Ok(checks);
    }
    // For a moment an engine lists a container that has just ended as running.
    let again = inventory::cluster(ctx, name).await?;
    match again == cluster {
        true => Ok(checks),
        false => Ok(look(ctx, &again, now).await?.0),
    }
}

/// The checks of a cluster in this state, and whether every node that runs has answered.
async fn look(
    ctx: &Context,
    cluster: &ExistingCluster,
    now: SystemTime,
) -> Result<(Vec<Check>, bool), RunError> {
    let running = cluster.nodes.iter().filter(|node| node.is_running());
    let running = running.filter(|node| node.role.is_kubernetes_node());
    let nodes: Vec<NodeHandle> = running.map(|node| NodeHandle::new(ctx, &node.name)).collect();
    let down = async { Ok(join_all(nodes.iter().map(components::down)).await) };
    let asked = async {
        let answer = api::ask(ctx, cluster, now).await?;
        let reports = reports(&nodes, cluster, answer.service()).await?;
        Ok::<_, RunError>((answer, reports))
    };
    let ((answer, reports), down, entry) = tokio::try_join!(asked, down, entry(ctx, cluster))?;
    let is_complete = reports.iter().all(Result::is_ok);
    let examinations = nodes
        .iter()
        .zip(reports)
        .zip(down)
        .map(|((node, report), down)| Examination { node: node.name().to_owned(), report, down });
    let nodes = examinations.collect();
    let checks = judge::checks(&Examined { cluster, answer, nodes, entry, now });
    Ok((checks, is_complete))
}

/// What the script finds in every node, or why it finds nothing.
async fn reports(
    nodes: &[NodeHandle],
    cluster: &ExistingCluster,
    service: Option<&str>,
) -> Result<Vec<Result<Report, String>>, RunError> {
    let service = service.map(network::in_url).unwrap_or_default();
    let balancer = cluster.load_balancer().filter(|balancer| balancer.is_running());
    let balancer = balancer.map_or("", |balancer| balancer.name.as_str());
    let argv = ["sh", "-c", SCRIPT, "health", &service, balancer];
    let found = join_all(nodes.iter().map(|node| report(node, Command::new(argv)))).await;
    found.into_iter().collect()
}

async fn report(node: &NodeHandle, command: Command) -> Result<Result<Report, String>, RunError> {
    let ran = tokio::time::timeout(LIMIT, node.run(command)).await;
    match ran {
        Err(_) => Ok(Err(format!("no answer within {} s", LIMIT.as_secs()))),
        Ok(Ok(text)) => Ok(Report::read(&text)),
        Ok(Err(RunError::Cancelled)) => Err(RunError::Cancelled),
        Ok(Err(error)) => Ok(Err(error.to_string())),
    }
}

/// Whether this host reaches the API server where it is published.
async fn entry(ctx: &Context, cluster: &ExistingCluster) -> Result<Entry, RunError> {
    if !cluster.api_entry().is_some_and(ExistingNode::is_running) {
        return Ok(Entry::default());
    }
    match inventory::api_endpoint(ctx, cluster).await {
        Ok(address) => {
            let ask = async { Ok::<_, RunError>(ctx.engine.is_reachable(&address).await) };
            let is_reachable = ctx.interruptible(ask).await?;
            Ok(Entry { address: Some(address), is_reachable })
        }
        Err(RunError::Engine(_)) => Ok(Entry::default()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
