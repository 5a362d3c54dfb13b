//! Loads an archive: it is read once and sent on to all nodes at the same time,
//! to each without the blobs that it has.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::containerd::{self, ImageFilter, Snapshotter};
use super::error::LoadError;
use super::fan_out::{FanOutWriter, NodeWriter};
use super::outcome::{Outcome, Sent};
use crate::context::{Context, RunError};
use crate::engine::ByteStream;
use crate::image::archive::{self, ArchiveError};
use crate::image::{MissingBlobs, Platform, PlatformImage};
use crate::node::NodeHandle;

/// Writes that may be queued for a slow node; then all nodes wait for it.
const QUEUE: usize = 8;

/// An archive, plain or compressed.
pub(super) type Input = Box<dyn Read + Send>;

/// Why an archive is imported on no node.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl ImportError {
    /// The error with the path of the archive.
    pub(super) fn for_archive(self, path: &str) -> LoadError {
        match self {
            ImportError::Run(error) => LoadError::Run(error),
            ImportError::Archive(error) => LoadError::Archive { path: path.to_owned(), error },
        }
    }
}

/// A node that imports an archive.
pub(super) struct ImportTarget {
    pub node: String,
    pub snapshotter: Snapshotter,
    /// The blobs that it is sent.
    pub missing: MissingBlobs,
    pub sent: Arc<Sent>,
}

/// Imports all images of an archive on all of these nodes. `rename` gives the
/// images their names.
///
/// # Errors
/// Returns [`ImportError`] if the archive is invalid, in which case no node has
/// anything of it, or if the load was cancelled. That a node failed is part of the
/// outcome.
pub(super) async fn import(
    ctx: &Context,
    input: Input,
    architecture: &str,
    targets: &[ImportTarget],
    rename: impl FnOnce(Vec<PlatformImage>) -> Vec<PlatformImage> + Send + 'static,
) -> Result<Outcome, ImportError> {
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let (writers, imports): (Vec<NodeWriter>, Vec<_>) =
        targets.iter().map(|target| begin(ctx, target, architecture, &stop)).unzip();
    let (result, on_result) = oneshot::channel();
    let architecture = architecture.to_owned();
    // A thread of its own: reading from a terminal cannot be interrupted, and
    // must not keep the program from ending.
    std::thread::spawn(move || {
        drop(result.send(copy(input, FanOutWriter::new(writers), &architecture, rename)));
    });
    let read = ctx.interruptible(async {
        let read = on_result.await.unwrap_or(Err(ArchiveError::NoImages));
        if read.is_err() {
            stop.cancel();
        }
        Ok::<_, RunError>(read)
    });
    let (read, imported) = tokio::join!(read, join_all(imports));
    let images = match read? {
        // All nodes failed; each has its own error.
        Err(ArchiveError::Stopped(_)) => Vec::new(),
        other => other?,
    };
    for target in targets {
        let layers = images.iter().map(|image| target.missing.layers(image).len() as u64).sum();
        target.sent.layers.store(layers, Ordering::Relaxed);
    }
    let filter = ImageFilter::loaded(images.iter());
    let reports = imported.into_iter().zip(targets).map(async |(imported, target)| {
        imported?;
        containerd::report(ctx, &target.node, &filter).await
    });
    let reports = join_all(reports).await;
    Ok(Outcome { images, reports })
}

/// Starts a node's import, which goes on until its writer is finished or dropped.
fn begin<'a>(
    ctx: &'a Context,
    target: &ImportTarget,
    architecture: &str,
    stop: &CancellationToken,
) -> (NodeWriter, impl Future<Output = Result<(), RunError>> + use<'a>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let writer = NodeWriter::new(sender, target.missing.clone(), target.sent.clone());
    let command = containerd::import_command(&Platform::linux(architecture), &target.snapshotter);
    let node = NodeHandle::new(&ctx.without_cancellation(), &target.node);
    let (stdin, stop) = (stdin(receiver, stop.clone()), stop.clone());
    let import = async move {
        let import =
            ctx.run_to_completion(async move { node.stream_in(command, stdin).await }).await;
        if matches!(import, Err(RunError::Cancelled)) {
            stop.cancel();
        }
        import
    };
    (writer, import)
}

/// Ends early after `stop`; the archive is invalid then.
fn stdin(receiver: mpsc::Receiver<Bytes>, stop: CancellationToken) -> ByteStream {
    let received = stream::unfold(receiver, |mut receiver| async {
        receiver.recv().await.map(|bytes| (Ok(bytes), receiver))
    });
    received.take_until(async move { stop.cancelled().await }).boxed()
}

/// Reads the archive and writes those of the nodes; returns the images in it.
fn copy(
    input: Input,
    mut writer: FanOutWriter,
    architecture: &str,
    rename: impl FnOnce(Vec<PlatformImage>) -> Vec<PlatformImage>,
) -> Result<Vec<PlatformImage>, ArchiveError> {
    let contents = archive::read(input, &mut writer)?;
    let (images, documents) = contents.images(architecture)?;
    let images = rename(images);
    writer.finish(&documents, &images).map_err(ArchiveError::Stopped)?;
    Ok(images)
}
