//! containerd's image store in a node: what is in it, and the commands that
//! change it.
//!
//! A node needs `ctr`, `containerd`, bash and coreutils, which every node image
//! of kind has. All of it is in `node.sh`, which also describes how skiff and
//! that script talk to each other. Starting a command in a node takes 0.05 s, and
//! every `ctr` 0.015 s of a processor: so one command reports, pulls and reports
//! again.

mod filter;
mod pull_fields;
mod report;
mod snapshotter;

use std::net::SocketAddr;

use crate::context::{Context, RunError};
use crate::engine::{Command, EngineError};
use crate::image::{NodeImageName, Platform};
use crate::node::{NodeHandle, Session};
use crate::text;

pub(super) use filter::ImageFilter;
pub(super) use pull_fields::PullSource;
pub(super) use report::NodeReport;

pub(super) use snapshotter::Snapshotter;

const SCRIPT: &str = include_str!("node.sh");

/// How often a node is asked. Its first report says which snapshotter it has, and is
/// right if that is the one that was looked into.
const REPORTS: usize = 3;

/// A node that has reported what it has, and may still be asked to pull.
/// Dropping it ends the command in the node.
pub(super) struct PullSession {
    session: Session,
    snapshotter: Snapshotter,
    boundary: String,
}

/// Reports what a node has of the images that match; the session allows it to
/// pull with the same command.
///
/// # Errors
/// Returns [`RunError::Command`] if containerd does not answer, the engine's error,
/// or [`RunError::Cancelled`].
pub(super) async fn open_session(
    ctx: &Context,
    node: &str,
    filter: &ImageFilter,
) -> Result<(NodeReport, PullSession), RunError> {
    let mut snapshotter = Snapshotter::default();
    for _ in 0..REPORTS {
        let boundary = text::random_hex(16)?;
        let arguments = [boundary.clone(), snapshotter.as_str().to_owned()];
        let command = script("report", arguments.into_iter().chain(filter.arguments().to_vec()));
        let opened = NodeHandle::new(ctx, node).session(command, &report::end(&boundary)).await;
        let (session, text) = opened.map_err(without_script)?;
        let report = read(node, &text, &boundary)?;
        if report.snapshotter == snapshotter {
            return Ok((report, PullSession { session, snapshotter, boundary }));
        }
        snapshotter = report.snapshotter;
    }
    Err(unreadable(node, "it names another snapshotter each time").into())
}

fn read(node: &str, text: &str, boundary: &str) -> Result<NodeReport, EngineError> {
    report::parse(text, boundary).ok_or_else(|| unreadable(node, "it is incomplete"))
}

fn unreadable(node: &str, reason: &str) -> EngineError {
    EngineError::other(format!("reading the report of {node}"), reason)
}

/// Reports what a node has of the images that match.
///
/// # Errors
/// Fails like [`open_session`].
pub(super) async fn report(
    ctx: &Context,
    node: &str,
    filter: &ImageFilter,
) -> Result<NodeReport, RunError> {
    open_session(ctx, node, filter).await.map(|(report, _)| report)
}

impl PullSession {
    /// Has the node pull images and give them their names; returns what it has
    /// then. containerd asks only for layers that it has neither as a blob nor
    /// unpacked. `architecture` is the node's own.
    ///
    /// # Errors
    /// Returns [`RunError::Command`] if the node cannot reach the registry or a
    /// pull fails, or the engine's error. It is not cancelled by itself.
    pub(super) async fn pull(
        self,
        sources: &[PullSource],
        registry: SocketAddr,
        architecture: &str,
    ) -> Result<NodeReport, RunError> {
        let fields = pull_fields::encode(sources, registry, architecture, &self.snapshotter);
        let node = self.session.node().to_owned();
        let finished = self.session.finish(fields, &report::end(&self.boundary)).await;
        Ok(read(&node, &finished.map_err(without_script)?, &self.boundary)?)
    }
}

/// The command that imports an archive from its stdin.
pub(super) fn import_command(platform: &Platform, snapshotter: &Snapshotter) -> Command {
    script("import", [snapshotter.as_str().to_owned(), platform.to_string()])
}

/// Gives an image of the node more names.
///
/// # Errors
/// Returns [`RunError::Command`] if there is no image `name`, the engine's error,
/// or [`RunError::Cancelled`].
pub(super) async fn tag(
    ctx: &Context,
    node: &str,
    name: &NodeImageName,
    new_names: &[String],
) -> Result<(), RunError> {
    let names = [name.as_str().to_owned()].into_iter().chain(new_names.iter().cloned());
    let tagged = NodeHandle::new(ctx, node).run(script("tag", names)).await;
    tagged.map(drop).map_err(without_script)
}

/// Removes names; content goes with its last name.
///
/// # Errors
/// Fails like [`tag`].
pub(super) async fn remove(ctx: &Context, node: &str, names: &[String]) -> Result<(), RunError> {
    let arguments = ["ctr", "--namespace=k8s.io", "images", "rm", "--sync"].map(str::to_owned);
    let command = Command::new(arguments.into_iter().chain(names.iter().cloned()));
    NodeHandle::new(ctx, node).run(command).await.map(drop)
}

fn script(mode: &str, arguments: impl IntoIterator<Item = String>) -> Command {
    let start = ["bash", "-c", SCRIPT, "node.sh", mode].map(str::to_owned);
    Command::new(start.into_iter().chain(arguments))
}

/// An error shows the command; the text of the script is left out.
fn without_script(mut error: RunError) -> RunError {
    if let RunError::Command { argv, .. } = &mut error {
        argv.retain(|argument| argument != SCRIPT);
    }
    error
}

#[cfg(test)]
pub(super) mod tests;
