//! Small images, exported by the engine and kept in memory.

use std::io;

use futures_util::StreamExt;

use super::error::StoreError;
use super::images::{EngineImages, Layer};
use crate::context::{Context, RunError};
use crate::image::archive::{self, BlobSink};
use crate::image::{Digest, RequestedImage};

/// Bytes of images that are kept. From about here on a container that reads the
/// engine's directory is as fast.
pub(super) const LIMIT: u64 = 32 << 20;

/// Exports the requested images.
///
/// # Errors
/// Returns [`StoreError`] if the export fails, is invalid or too large, or lacks an
/// image.
pub(super) async fn export(
    ctx: &Context,
    architecture: &str,
    requested: &[RequestedImage],
) -> Result<EngineImages, StoreError> {
    let names: Vec<String> = requested.iter().map(|image| image.argument.clone()).collect();
    let mut export = ctx.interruptible(ctx.engine.export_images(&names)).await?;
    let mut archive = Vec::new();
    while let Some(bytes) =
        ctx.interruptible(async { Ok::<_, RunError>(export.next().await) }).await?
    {
        archive.extend_from_slice(&bytes?);
        if archive.len() as u64 > 2 * LIMIT {
            return Err(StoreError::TooLarge);
        }
    }
    let read = move || {
        let mut collector = BlobCollector::default();
        archive::read(&archive[..], &mut collector).map(|contents| (contents, collector))
    };
    let (contents, collector) =
        tokio::task::spawn_blocking(read).await.map_err(io::Error::other)??;
    let (images, documents) = contents.images_and_documents(architecture)?;
    let is_exported =
        |request: &&RequestedImage| images.iter().any(|image| image.has_id(&request.id));
    if let Some(missing) = requested.iter().find(|request| !is_exported(request)) {
        return Err(StoreError::Missing(missing.id.to_string()));
    }
    let layers = collector.0.into_iter().map(|blob| {
        let digest = blob.digest.unwrap_or_else(|| Digest::of(&blob.bytes));
        (digest, Layer::InMemory(blob.bytes.into()))
    });
    Ok(EngineImages { images, documents, layers: layers.collect(), directory: None })
}

/// Collects the blobs of an archive.
#[derive(Default)]
struct BlobCollector(Vec<Blob>);

struct Blob {
    /// The one in its name; an archive in which that is wrong is refused.
    digest: Option<Digest>,
    bytes: Vec<u8>,
}

impl BlobSink for BlobCollector {
    fn begin(&mut self, digest: Option<&Digest>, _: u64) -> io::Result<()> {
        self.0.push(Blob { digest: digest.cloned(), bytes: Vec::new() });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(blob) = self.0.last_mut() {
            blob.bytes.extend_from_slice(bytes);
        }
        Ok(())
    }
}
