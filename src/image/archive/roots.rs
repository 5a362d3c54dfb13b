//! Which images an archive contains, and their names: `index.json` of an OCI
//! layout, or `manifest.json` of a `docker save` archive.

use serde::Deserialize;

use super::blobs::Blobs;
use super::error::ArchiveError;
use crate::image::digest::Digest;
use crate::image::documents::{DocumentError, Documents};
use crate::image::oci::{self, Config, Descriptor, Index, NAME_ANNOTATION, REF_NAME_ANNOTATION};
use crate::image::reference::Reference;

/// A manifest or index, and its names.
pub(super) type Root = (Digest, Vec<Reference>);

/// The images of an `index.json`.
///
/// # Errors
/// Returns [`ArchiveError::InvalidJson`] if the text is not an index.
pub(super) fn of_oci_layout(index: &[u8]) -> Result<Vec<Root>, ArchiveError> {
    let index: Index =
        serde_json::from_slice(index).map_err(|e| ArchiveError::InvalidJson("index.json", e))?;
    let name = |child: &Descriptor| {
        let full = child.annotations.get(NAME_ANNOTATION);
        let other = child.annotations.get(REF_NAME_ANNOTATION);
        let other = other.filter(|name| name.contains([':', '/']));
        full.or(other).and_then(|name| Reference::parse(name).ok())
    };
    Ok(index
        .manifests
        .into_iter()
        .map(|child| (child.digest.clone(), name(&child).into_iter().collect()))
        .collect())
}

/// One image in `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// A `docker save` archive refers to its files by name and has no manifests;
/// they are added to `documents`.
///
/// # Errors
/// Returns [`ArchiveError`] if the text or what it refers to is invalid or missing.
pub(super) fn of_docker_save(
    manifest: &[u8],
    blobs: &Blobs,
    documents: &mut Documents,
) -> Result<Vec<Root>, ArchiveError> {
    let entries: Vec<Entry> = serde_json::from_slice(manifest)
        .map_err(|e| ArchiveError::InvalidJson("manifest.json", e))?;
    let mut roots = Vec::new();
    for entry in entries {
        let config = blobs.get(&entry.config)?;
        let described: Config = documents.config(&config.digest)?;
        let files = entry.layers.unwrap_or_default();
        if files.len() != described.rootfs.diff_ids.len() {
            return Err(DocumentError::Invalid(config.digest, "configuration").into());
        }
        let mut layers = Vec::new();
        for (file, diff_id) in files.iter().zip(&described.rootfs.diff_ids) {
            let layer = blobs.get(file)?;
            // A compressed layer is compared when the node unpacks it.
            if *diff_id != layer.digest && !layer.is_gzip {
                let (name, found) = (file.clone(), layer.digest);
                return Err(ArchiveError::WrongDigest { name, found });
            }
            let media_type = if layer.is_gzip { oci::GZIP_LAYER } else { oci::LAYER };
            layers.push(Descriptor::new(media_type, layer.digest, layer.size));
        }
        let config = Descriptor::new(oci::CONFIG, config.digest, config.size);
        let root = documents.add(oci::MANIFEST, oci::manifest(config, layers)).digest;
        let names = entry.repo_tags.unwrap_or_default();
        roots.push((root, names.iter().filter_map(|n| Reference::parse(n).ok()).collect()));
    }
    Ok(roots)
}
