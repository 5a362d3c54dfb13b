//! One node's part of a load: shown while it goes, and checked in the end.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::LoadError;
use super::catalog::LoadImage;
use super::import::Receiver;
use super::node::{self, Interest, NodeState};
use super::oci::Digest;
use super::pull::Outcome;
use super::serve::Sent;
use super::targets::Node;
use crate::context::{Context, RunError};
use crate::progress::{Step, size};

const TICK: Duration = Duration::from_millis(200);
/// kubelet's part of containerd hears of an image a moment after it is there.
const KNOWN_ATTEMPTS: u32 = 60;
const KNOWN_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 50 });

pub struct Transfer {
    pub node: Node,
    /// By their identity in the engine; all there are if none is named.
    pub images: Vec<Digest>,
    pub sent: Arc<Sent>,
    step: Step,
}

impl Transfer {
    pub fn begin(ctx: &Context, node: Node, images: Vec<Digest>) -> Self {
        let step = ctx.progress.step(format!("Loading on {} 📦", node.name));
        Transfer { node, images, sent: Arc::default(), step }
    }

    fn of<'i>(&self, images: &'i [LoadImage]) -> Vec<&'i LoadImage> {
        let meant = |image: &&LoadImage| {
            self.images.is_empty() || self.images.iter().any(|id| image.is(id))
        };
        images.iter().filter(meant).collect()
    }

    /// One line about what went to the node.
    fn summary(&self, images: &[&LoadImage]) -> String {
        let all: usize = images.iter().map(|image| image.layers.len()).sum();
        let sent = usize::try_from(self.sent.layers.load(Relaxed)).unwrap_or(all).min(all);
        format!(
            "{}: {} sent, {sent} of {all} layers; {} were there already",
            self.node.name,
            size(self.sent.bytes.load(Relaxed)),
            all - sent
        )
    }
}

/// Imports by `import`, which gets what each node need not be sent; a node
/// where that fails gets everything.
///
/// # Errors
/// That of `import`, or the first node's for which all failed.
pub async fn import(
    ctx: &Context,
    mut left: Vec<Transfer>,
    import: impl AsyncFn(&Context, &[Receiver]) -> Result<Outcome, LoadError>,
) -> Result<(), LoadError> {
    let mut failure = None;
    // What a node was found to have can be gone by then.
    for partly in [true, false] {
        let receivers: Vec<Receiver> = left
            .iter()
            .map(|transfer| Receiver {
                node: transfer.node.name.clone(),
                snapshotter: transfer.node.state.snapshotter.clone(),
                there: if partly { transfer.node.state.blobs.clone() } else { Default::default() },
                sent: transfer.sent.clone(),
            })
            .collect();
        let imported = ctx.scope(async |ctx| watched(&left, import(ctx, &receivers)).await).await;
        let imported = match (imported, failure) {
            // What came from stdin cannot be read again.
            (Err(LoadError::Archive { .. }), Some(failure)) => return Err(failure),
            (imported, _) => imported?,
        };
        (left, failure) = confirmed(ctx, left, imported).await?;
        if left.is_empty() {
            return Ok(());
        }
    }
    failure.map_or(Ok(()), Err)
}

/// Looks at every node that is said to be done; returns the others, and why.
///
/// # Errors
/// What no other way can help against; nodes that are done stay so.
pub async fn confirmed(
    ctx: &Context,
    transfers: Vec<Transfer>,
    (images, outcomes): Outcome,
) -> Result<(Vec<Transfer>, Option<LoadError>), LoadError> {
    let (mut left, mut why, mut end) = (Vec::new(), None, None);
    for (transfer, outcome) in transfers.into_iter().zip(outcomes) {
        let node = &transfer.node.name;
        let images = transfer.of(&images);
        let fault = match outcome {
            Ok(_) if images.len() < transfer.images.len().max(1) => {
                Some("an image is missing".to_owned())
            }
            Ok(state) => checked(ctx, node, &images, state).await?,
            Err(error) if is_final(&error) => {
                end = Some(failed(node, error));
                continue;
            }
            Err(error) => {
                why = Some(failed(node, error));
                left.push(transfer);
                continue;
            }
        };
        match fault {
            Some(reason) => {
                why = Some(LoadError::Failed { node: node.clone(), reason, output: String::new() });
                left.push(transfer);
            }
            None => {
                ctx.progress.info(transfer.summary(&images));
                transfer.step.done();
            }
        }
    }
    end.map_or(Ok((left, why)), Err)
}

/// Whether a node now has these images, whole and under all their names;
/// returns what is wrong otherwise.
async fn checked(
    ctx: &Context,
    node: &str,
    images: &[&LoadImage],
    mut state: NodeState,
) -> Result<Option<String>, RunError> {
    let about = Interest::loaded(images.iter().copied());
    for attempt in 1.. {
        let fault = images.iter().find_map(|image| state.fault(image));
        if fault.is_none() || attempt == KNOWN_ATTEMPTS {
            return Ok(fault);
        }
        ctx.sleep(KNOWN_PAUSE).await?;
        state = node::state(ctx, node, &about).await?;
    }
    unreachable!("the last attempt returns")
}

/// Shows what has gone to each node while it goes.
pub async fn watched<T>(transfers: &[Transfer], future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        tokio::select! {
            done = &mut future => return done,
            () = tokio::time::sleep(TICK) => {}
        }
        for transfer in transfers {
            let sent = &transfer.sent;
            let (layers, bytes) = (sent.layers.load(Relaxed), sent.bytes.load(Relaxed));
            transfer.step.detail(format!("{}, {layers} layers", size(bytes)));
        }
    }
}

/// Whether no other way can help after this failure.
fn is_final(error: &RunError) -> bool {
    match error {
        RunError::Command { output, .. } => output.contains("no space left on device"),
        _ => true,
    }
}

/// A node's failure in its own last words.
fn failed(node: &str, error: RunError) -> LoadError {
    let RunError::Command { ref output, code, .. } = error else {
        return LoadError::Run(error);
    };
    let last = output.lines().rfind(|line| !line.trim().is_empty());
    LoadError::Failed {
        node: node.to_owned(),
        reason: last.map_or_else(|| format!("exit status {code}"), |line| line.trim().to_owned()),
        output: output.clone(),
    }
}
