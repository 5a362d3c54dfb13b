//! One node's part of a load: it is shown while it runs, and checked at the end.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::Instant;

use super::containerd::{self, ImageFilter, NodeReport};
use super::error::LoadError;
use super::import::ImportTarget;
use super::outcome::{Outcome, Sent};
use super::target::TargetNode;
use crate::context::{Context, RunError};
use crate::image::{Digest, MissingBlobs, PlatformImage};
use crate::progress::{Amount, Step, size};

const TICK: Duration = Duration::from_millis(200);
/// The kubelet's part of containerd sees an image a moment after it is there.
const VISIBLE_LIMIT: Duration = Duration::from_secs(6);
const VISIBLE_PAUSE: Duration = Duration::from_millis(50);

/// What one node is sent. Dropping it shows the node as failed.
pub(super) struct Transfer {
    pub node: TargetNode,
    /// IDs in the engine; empty means all images of the archive.
    pub images: Vec<Digest>,
    /// What the node is sent if it imports an archive.
    pub missing: MissingBlobs,
    pub sent: Arc<Sent>,
    step: Step,
}

impl Transfer {
    /// Shows the node from now on.
    pub(super) fn begin(
        ctx: &Context,
        node: TargetNode,
        images: Vec<Digest>,
        missing: MissingBlobs,
    ) -> Self {
        let step = ctx.progress.step(format!("Loading on {} 📦", node.name));
        Transfer { node, images, missing, sent: Arc::default(), step }
    }

    fn import_target(&self) -> ImportTarget {
        ImportTarget {
            node: self.node.name.clone(),
            snapshotter: self.node.report.snapshotter.clone(),
            missing: self.missing.clone(),
            sent: self.sent.clone(),
        }
    }

    /// Those of the images that are for this node.
    fn images<'i>(&self, images: &'i [PlatformImage]) -> Vec<&'i PlatformImage> {
        let is_for_node = |image: &&PlatformImage| {
            self.images.is_empty() || self.images.iter().any(|id| image.has_id(id))
        };
        images.iter().filter(is_for_node).collect()
    }

    /// One line about what was sent to the node.
    fn summary(&self, images: &[&PlatformImage]) -> String {
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

/// Runs `import` with what each node is to be sent. A node where that fails gets
/// everything: what it was found to have can be gone by then.
///
/// # Errors
/// Returns the error of `import`, or that of a node on which both attempts failed.
pub(super) async fn import(
    ctx: &Context,
    mut remaining: Vec<Transfer>,
    import: impl AsyncFn(&Context, &[ImportTarget]) -> Result<Outcome, LoadError>,
) -> Result<(), LoadError> {
    let first = attempt(ctx, &remaining, &import).await?;
    let (failed, failure) = check(ctx, remaining, first).await?;
    let Some(failure) = failure else { return Ok(()) };
    remaining = failed;
    for transfer in &mut remaining {
        transfer.missing = MissingBlobs::all();
    }
    let second = match attempt(ctx, &remaining, &import).await {
        // Stdin cannot be read again.
        Err(LoadError::Archive { .. }) => return Err(failure),
        second => second?,
    };
    let (_, failure) = check(ctx, remaining, second).await?;
    failure.map_or(Ok(()), Err)
}

async fn attempt(
    ctx: &Context,
    transfers: &[Transfer],
    import: &impl AsyncFn(&Context, &[ImportTarget]) -> Result<Outcome, LoadError>,
) -> Result<Outcome, LoadError> {
    let targets: Vec<ImportTarget> = transfers.iter().map(Transfer::import_target).collect();
    ctx.scope(async |ctx| watch(transfers, import(ctx, &targets)).await).await
}

/// Checks that every node has its images now. Returns the transfers that failed,
/// and why the last one did.
///
/// # Errors
/// Returns a failure for which another attempt is useless. Nodes that are done stay
/// so.
pub(super) async fn check(
    ctx: &Context,
    transfers: Vec<Transfer>,
    outcome: Outcome,
) -> Result<(Vec<Transfer>, Option<LoadError>), LoadError> {
    let (mut remaining, mut reason, mut end) = (Vec::new(), None, None);
    for (transfer, report) in transfers.into_iter().zip(outcome.reports) {
        let node = &transfer.node.name;
        let images = transfer.images(&outcome.images);
        let fault = match report {
            Ok(_) if images.len() < transfer.images.len().max(1) => {
                Some("an image is missing".to_owned())
            }
            Ok(report) => fault(ctx, node, &images, report).await?,
            Err(error) if is_final(&error) => {
                end = Some(LoadError::on_node(node, error));
                continue;
            }
            Err(error) => {
                reason = Some(LoadError::on_node(node, error));
                remaining.push(transfer);
                continue;
            }
        };
        match fault {
            Some(fault) => {
                let (node, output) = (node.clone(), String::new());
                reason = Some(LoadError::Failed { node, reason: fault, output });
                remaining.push(transfer);
            }
            None => {
                ctx.progress.info(transfer.summary(&images));
                transfer.step.done();
            }
        }
    }
    end.map_or(Ok((remaining, reason)), Err)
}

/// Waits until a node has these images completely and under all their names;
/// returns what is wrong if it does not get there.
async fn fault(
    ctx: &Context,
    node: &str,
    images: &[&PlatformImage],
    report: NodeReport,
) -> Result<Option<String>, RunError> {
    let filter = ImageFilter::loaded(images.iter().copied());
    let mut first = Some(report);
    let deadline = Instant::now() + VISIBLE_LIMIT;
    ctx.poll_until(deadline, VISIBLE_PAUSE, async || {
        let report = match first.take() {
            Some(report) => report,
            None => containerd::report(ctx, node, &filter).await?,
        };
        Ok(images.iter().find_map(|image| report.content.fault(image)))
    })
    .await
}

/// Shows what was sent to each node while `future` runs.
pub(super) async fn watch<T>(transfers: &[Transfer], future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        tokio::select! {
            done = &mut future => return done,
            () = tokio::time::sleep(TICK) => {}
        }
        for transfer in transfers {
            let sent = &transfer.sent;
            let (layers, bytes) = (sent.layers.load(Relaxed), sent.bytes.load(Relaxed));
            let text = format!("{}, {layers} layers", size(bytes));
            transfer.step.transferred(Amount { text, bytes: Some(bytes), total: None });
        }
    }
}

/// Whether another attempt is useless after this failure.
fn is_final(error: &RunError) -> bool {
    match error {
        RunError::Command { output, .. } => output.contains("no space left on device"),
        _ => true,
    }
}
