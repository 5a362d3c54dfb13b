//! The engine's image store, read layer by layer.
//!
//! The engine itself only exports complete images: an export of 2.4 GB takes 13 s
//! before anything is known to have changed, and a push compresses every layer
//! that has never been pushed (40 s). So layers are read where the engine keeps
//! them, in its own directory ([`EngineDirectory`]). The layout of that directory
//! is internal to the engine and may change: nodes check content by its digest,
//! and what cannot be read from here is exported instead.
//!
//! If that directory can only be seen through a container, a small image is
//! exported after all and kept in memory: 4 MB take 0.03 s, the container 0.2 s.

mod directory;
mod error;
mod images;
mod in_memory;
mod layout;
mod local_files;
mod on_disk;
mod reader_container;

use crate::context::{Context, RunError};
use crate::engine::Host;
use crate::image::RequestedImage;

pub(super) use directory::EngineDirectory;
pub(super) use error::StoreError;
pub(super) use images::EngineImages;

use layout::Layout;
use reader_container::ReaderContainer;

/// Opens images of the engine, calls `operation` with them, and removes what was
/// needed to read them. A container that is needed has the same image as `node`,
/// which contains a shell.
///
/// # Errors
/// Returns [`StoreError`] if they cannot be read layer by layer, or the error of
/// `operation`.
pub(super) async fn with_images<T, E: From<StoreError>>(
    ctx: &Context,
    host: &Host,
    node: &str,
    requested: &[RequestedImage],
    operation: impl AsyncFnOnce(&Context, EngineImages) -> Result<T, E>,
) -> Result<T, E> {
    let reader = ReaderContainer::new(node).map_err(StoreError::Run)?;
    // After the scope, its creation has come to an end.
    let result = ctx
        .scope(async |ctx| {
            let images = open(ctx, &reader, host, requested).await?;
            operation(ctx, images).await
        })
        .await;
    reader.remove(ctx);
    result
}

async fn open(
    ctx: &Context,
    reader: &ReaderContainer,
    host: &Host,
    requested: &[RequestedImage],
) -> Result<EngineImages, StoreError> {
    let layout = Layout::of(&host.storage);
    let local = layout
        .as_ref()
        .and_then(|layout| EngineDirectory::local(layout, requested.iter().map(|image| &image.id)));
    let size = requested.iter().fold(0, |sum: u64, image| sum.saturating_add(image.size));
    if local.is_none() && size <= in_memory::LIMIT {
        match in_memory::export(ctx, &host.arch, requested).await {
            Err(StoreError::Run(RunError::Cancelled)) => return Err(RunError::Cancelled.into()),
            Err(error) => ctx.progress.debug(1, format!("not held in memory: {error}")),
            images => {
                ctx.progress.debug(1, "layers are held in memory");
                return images;
            }
        }
    }
    let layout = layout.ok_or_else(|| StoreError::UnknownDriver {
        product: host.product.as_str(),
        driver: host.storage.driver.clone(),
    })?;
    let directory = match local {
        Some(directory) => directory,
        None => reader.start(ctx, &layout).await?,
    };
    ctx.progress.debug(1, format!("layers are read {directory}"));
    on_disk::find(directory, &layout, &host.arch, requested).await
}
