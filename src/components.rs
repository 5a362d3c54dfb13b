//! Components of nodes, such as the kubelet and etcd: notices those that cannot come
//! up, long before kubeadm gives up on them.
//!
//! ```text
//! node.sh look ─> observed::Look ─> verdict::History ─> Suspect ─> Crash
//!                                   (words: what a component wrote last;
//!                                    reason: whether waiting can help)
//! ```

mod cause;
mod component;
mod crash;
mod down;
mod observed;
mod reason;
mod suspect;
mod uncreated;
mod verdict;
mod words;

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures_util::future::join_all;
use time::OffsetDateTime;
use tokio::time::Instant;

use self::observed::Look;
use self::suspect::Suspect;
use self::verdict::History;
use self::words::LastWords;
use crate::cluster::Cluster;
use crate::context::{Context, RunError};
use crate::engine::Command;
use crate::node::NodeHandle;

pub(crate) use cause::Cause;
pub(crate) use component::Component;
pub(crate) use crash::Crash;
pub(crate) use down::Down;

/// The words by which a component ended because it does not understand its flags or its
/// configuration; `None` if it ended for another reason.
pub(crate) fn refusal(log: &str) -> Option<String> {
    LastWords::of(log, false).fatal.filter(|fatal| reason::misconfigured(fatal))
}

const SCRIPT: &str = include_str!("components/node.sh");

/// When all goes well most work is done before the first look.
const FIRST_LOOK: Duration = Duration::from_secs(8);
/// Between two looks at a node; one takes up to 0.3 s of processor time.
const PAUSE: Duration = Duration::from_secs(3);
/// Added to both for every other node: all may share few processors.
const PAUSE_PER_NODE: Duration = Duration::from_millis(700);
/// On a slow machine too, most of its time is left for what is looked at: the pause is
/// at least this many times as long as the look was.
const PAUSES_PER_LOOK: u32 = 5;
/// In this time a unit that crashes is started again.
const RESTART: Duration = Duration::from_secs(2);
/// A look that takes longer finds nothing.
const LOOK_TIMEOUT: Duration = Duration::from_secs(20);

/// Watches nodes of a cluster while something else waits for them.
pub(crate) struct Watch<'a> {
    cluster: &'a Cluster,
    nodes: Vec<NodeHandle>,
    concerns: fn(Component) -> bool,
    /// When nodes were started again.
    starts: BTreeMap<String, OffsetDateTime>,
}

impl<'a> Watch<'a> {
    /// Watches the nodes of these names, which have booted.
    pub(crate) fn new<'n>(
        ctx: &Context,
        cluster: &'a Cluster,
        nodes: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        let nodes = nodes.into_iter().map(|name| NodeHandle::new(ctx, name)).collect();
        Watch { cluster, nodes, concerns: |_| true, starts: BTreeMap::new() }
    }

    /// Watches a node on which kubeadm works: what kubeadm does not wait for may still
    /// come up after it.
    pub(crate) fn of_kubeadm(ctx: &Context, cluster: &'a Cluster, node: &str) -> Self {
        Watch { concerns: Component::is_needed_by_kubeadm, ..Watch::new(ctx, cluster, [node]) }
    }

    /// Watches nodes that were started again at these moments: how components ended
    /// before is not held against them.
    pub(crate) fn since(self, starts: &BTreeMap<String, OffsetDateTime>) -> Self {
        Watch { starts: starts.clone(), ..self }
    }

    /// Does `work`, but ends it as soon as a component certainly cannot come up.
    ///
    /// # Errors
    /// Returns that component as a [`Crash`].
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> Result<T, Box<Crash>> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            crash = self.crash() => Err(crash),
        }
    }

    /// Why kubeadm failed on the first of the nodes, having written `output`: because of
    /// a component that does not run, or for its own reasons.
    pub(crate) async fn explain(&self, output: &str) -> Box<Crash> {
        let node = &self.nodes[0];
        let suspects = self.look(node, &mut History::default()).await;
        let has_said = |suspect: &&Suspect| {
            suspect.words.fatal.as_deref().is_some_and(|fatal| !reason::waits_for_kubeadm(fatal))
        };
        let suspect = suspects.iter().find(|suspect| suspect.is_certain);
        let suspect = suspect.or_else(|| suspects.iter().find(has_said)).cloned();
        let (component, words) = match suspect {
            Some(suspect) => (suspect.component, suspect.words),
            None => (Component::Kubeadm, LastWords::of(output, true)),
        };
        let log = format!("==> kubeadm\n{}\n{}", output.trim_end(), log(node).await);
        let mut crash = Crash::new(node.name(), component, words, self.cluster, log);
        crash.output = Some(output.trim().to_owned());
        crash
    }

    /// The first component that certainly cannot come up. Never returns if there is none.
    async fn crash(&self) -> Box<Crash> {
        let mut histories: Vec<History> = self.nodes.iter().map(|_| History::default()).collect();
        let others = u32::try_from(self.cluster.nodes.len().saturating_sub(1)).unwrap_or(0);
        let more = PAUSE_PER_NODE * others.min(10);
        tokio::time::sleep(FIRST_LOOK + more).await;
        loop {
            let begun = Instant::now();
            let looks = self.nodes.iter().zip(&mut histories);
            let found = join_all(looks.map(|(node, history)| self.look(node, history))).await;
            for (node, suspects) in self.nodes.iter().zip(found) {
                if let Some(suspect) = suspects.into_iter().find(|suspect| suspect.is_certain) {
                    let log = log(node).await;
                    let Suspect { component, words, .. } = suspect;
                    return Crash::new(node.name(), component, words, self.cluster, log);
                }
            }
            tokio::time::sleep((PAUSE + more).max(begun.elapsed() * PAUSES_PER_LOOK)).await;
        }
    }

    /// A look must not make anything fail: what it cannot find out may be all right.
    async fn look(&self, node: &NodeHandle, history: &mut History) -> Vec<Suspect> {
        let report = run(node, "look").await;
        let since = nanoseconds(self.starts.get(node.name()).copied());
        let mut suspects = history.suspects(&Look::read(&report, since));
        suspects.retain(|suspect| (self.concerns)(suspect.component));
        for Suspect { component, words, is_certain } in &suspects {
            let text = format!(
                "{component} on {} does not run (certain: {is_certain}): {words:?}",
                node.name()
            );
            node.ctx.progress.debug(1, text);
        }
        suspects
    }
}

/// The components of a node that do not run; `None` if that cannot be found out.
pub(crate) async fn down(node: &NodeHandle) -> Option<Vec<Down>> {
    let mut history = History::default();
    let state = node.ctx.interruptible(node.ctx.engine.inspect(node.name())).await.ok();
    let since = nanoseconds(state.and_then(|state| state.started));
    let look = Look::read(&run(node, "look").await, since);
    let (mut down, mut units) = (down::of(&look, history.suspects(&look)), look.units);
    // Between two crashes it runs for a moment.
    if units.values().any(|unit| unit.runs && unit.restarts > 0) {
        node.ctx.sleep(RESTART).await.ok()?;
        let look = Look::read(&run(node, "look").await, since);
        (down, units) = (down::of(&look, history.suspects(&look)), look.units);
    }
    (!units.is_empty()).then_some(down)
}

/// What is worth showing of the end of a program's log, oldest first.
pub(crate) fn last_words(log: &str) -> Vec<String> {
    LastWords::of(log, true).lines
}

/// Since 1970; what is not known was always.
fn nanoseconds(start: Option<OffsetDateTime>) -> i128 {
    start.map_or(0, |start| start.unix_timestamp_nanos())
}

async fn log(node: &NodeHandle) -> String {
    run(node, "log").await
}

/// What the script prints; empty if it fails.
async fn run(node: &NodeHandle, what: &str) -> String {
    let script = node.run(Command::new(["sh", "-c", SCRIPT, "components", what]));
    let done = tokio::time::timeout(LOOK_TIMEOUT, script).await;
    let failed = |error: RunError| {
        node.ctx.progress.debug(1, format!("cannot look at {}: {error}", node.name()));
        String::new()
    };
    done.map_or_else(|_| String::new(), |ran| ran.unwrap_or_else(failed))
}

#[cfg(test)]
mod tests;
