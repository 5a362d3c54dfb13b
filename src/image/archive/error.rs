//! What is wrong with an archive.

use std::io;

use crate::image::digest::Digest;
use crate::image::documents::DocumentError;

/// Entries that an archive may have; the name of each is kept in memory.
pub(super) const ENTRIES_LIMIT: usize = 100_000;

/// Why an archive cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("not an image archive ({0})")]
    NotAnArchive(String),
    #[error("damaged or cut short: {0}")]
    Damaged(io::Error),
    #[error("it contains no image")]
    NoImages,
    #[error("it has more than {ENTRIES_LIMIT} entries")]
    TooManyEntries,
    #[error("the entry {0:?} leads outside the archive")]
    Outside(String),
    #[error("checksum mismatch: {name:?} has the content of {found}")]
    WrongDigest { name: String, found: Digest },
    #[error("incomplete or cut short: {0}")]
    Documents(#[from] DocumentError),
    #[error("it refers to {0:?}, which it does not contain")]
    NoEntry(String),
    #[error("invalid {0}: {1}")]
    InvalidJson(&'static str, serde_json::Error),
    /// The sink did not want any more of it.
    #[error("reading was stopped: {0}")]
    Stopped(io::Error),
}
