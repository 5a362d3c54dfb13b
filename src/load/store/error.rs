//! Why images of the engine cannot be read layer by layer.

use std::io;

use crate::context::RunError;
use crate::image::archive::ArchiveError;
use crate::image::documents::DocumentError;

/// Why images cannot be read; they can be exported instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("images of {product} with the storage driver {driver:?} cannot be read layer by layer")]
    UnknownDriver { product: &'static str, driver: String },
    #[error("the engine's image store: {0}")]
    Documents(#[from] DocumentError),
    #[error("the engine's image store: {0}")]
    Read(#[from] io::Error),
    #[error("{0} is missing in the engine's image store")]
    Missing(String),
    #[error("the engine's export: {0}")]
    Export(#[from] ArchiveError),
    #[error("the engine's export is larger than the engine stated")]
    TooLarge,
}
