//! What is wrong with an archive.

use std::io;

use crate::image::digest::Digest;
use crate::image::documents::DocumentError;

/// Entries that an archive may have; the name of each is kept in memory.
pub(super) const ENTRIES_LIMIT: usize = 100_000;

/// Why an archive cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Not a tar file, or `index.json` or `manifest.json` is too large.
    #[error("not an image archive ({0})")]
    NotAnArchive(String),
    /// An entry or its compression cannot be read to the end.
    #[error("damaged or cut short: {0}")]
    Damaged(io::Error),
    /// Neither `index.json` nor `manifest.json` names an image.
    #[error("it contains no image")]
    NoImages,
    /// More than any image has. The limit bounds the memory in use.
    #[error("it has more than {ENTRIES_LIMIT} entries")]
    TooManyEntries,
    /// An absolute path, or one with `..` such as `../../etc/passwd`.
    #[error("the entry {0:?} leads outside the archive")]
    Outside(String),
    /// A blob's name and its content disagree.
    #[error("checksum mismatch: {name:?} has the content of {found}")]
    WrongDigest {
        /// Path of the blob, such as `blobs/sha256/…`.
        name: String,
        /// The digest of its content.
        found: Digest,
    },
    /// An image lacks a document or a layer.
    #[error("incomplete or cut short: {0}")]
    Documents(#[from] DocumentError),
    /// Path of a layer or configuration in `manifest.json`.
    #[error("it refers to {0:?}, which it does not contain")]
    NoEntry(String),
    /// The file, `index.json` or `manifest.json`, and the error of its JSON.
    #[error("invalid {0}: {1}")]
    InvalidJson(&'static str, serde_json::Error),
    /// The sink did not want any more of it.
    #[error("reading was stopped: {0}")]
    Stopped(io::Error),
}
