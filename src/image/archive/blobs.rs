//! The files of an archive, by their names.

use std::collections::{BTreeMap, BTreeSet};

use super::error::ArchiveError;
use super::paths;
use crate::image::digest::Digest;

/// A file in the archive.
#[derive(Debug, Clone)]
pub(super) struct Blob {
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    pub is_gzip: bool,
}

/// Files and links by their names.
#[derive(Debug, Default)]
pub(super) struct Blobs {
    files: BTreeMap<String, Blob>,
    links: BTreeMap<String, String>,
}

impl Blobs {
    pub(super) fn add_file(&mut self, name: &str, blob: Blob) {
        self.files.insert(name.to_owned(), blob);
    }

    pub(super) fn add_link(&mut self, name: String, target: String) {
        self.links.insert(name, target);
    }

    /// The file of this name.
    ///
    /// # Errors
    /// Returns [`ArchiveError::NoEntry`] if there is none.
    pub(super) fn get(&self, name: &str) -> Result<Blob, ArchiveError> {
        let mut name = paths::resolve("", name).unwrap_or_default();
        // `docker save` only ever made links to files, not to links.
        if let Some(target) = self.links.get(&name) {
            name = target.clone();
        }
        self.files.get(&name).cloned().ok_or(ArchiveError::NoEntry(name))
    }

    /// The digests of all files.
    pub(super) fn digests(&self) -> BTreeSet<Digest> {
        self.files.values().map(|blob| blob.digest.clone()).collect()
    }
}
