//! A set of documents, and the images that they describe.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::digest::{Digest, chain_ids};
use super::media_type::MediaType;
use super::oci::{self, Config, Descriptor, Manifest, Root};
use super::platform::Platform;
use super::reference::Reference;

/// An image for one platform: the one that is available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformImage {
    /// Full names. Empty for an image that is known by its digest alone.
    pub names: Vec<Reference>,
    /// Its manifest, or the index that refers to its manifest.
    pub root: Descriptor,
    /// From its configuration, which also has the variant.
    pub platform: Platform,
    /// The digest of its configuration.
    pub config: Digest,
    /// Lowest first, as in the manifest.
    pub layers: Vec<Descriptor>,
    /// Digests of the same layers without compression.
    pub diff_ids: Vec<Digest>,
}

impl PlatformImage {
    /// Whether this is its ID in the engine: the configuration's digest in
    /// Docker's own store, the manifest's or index's in containerd's.
    pub fn has_id(&self, id: &Digest) -> bool {
        self.config == *id || self.root.digest == *id
    }

    /// The snapshot of its topmost layer; `None` for an image without layers.
    pub fn top_snapshot(&self) -> Option<Digest> {
        chain_ids(&self.diff_ids).pop()
    }

    /// A name that refers to this content only, as a pull by digest would leave it.
    pub fn exact_name(&self) -> Reference {
        match self.names.first() {
            Some(name) => name.at(&self.root.digest),
            None => Reference::parse("docker.io/library/image")
                .expect("a valid name")
                .at(&self.root.digest),
        }
    }
}

/// Indexes, manifests and configurations, by their digests.
#[derive(Debug, Clone, Default)]
pub struct Documents(pub BTreeMap<Digest, Document>);

/// A document as it is stored; its digest is that of these bytes.
#[derive(Debug, Clone)]
pub struct Document {
    /// Such as [`oci::MANIFEST`].
    pub media_type: MediaType,
    /// JSON, kept byte for byte.
    pub bytes: Bytes,
}

/// Why a set of documents does not describe an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// A document or layer that another document refers to.
    #[error("{0} is missing")]
    Missing(Digest),
    /// The digest of the document, and what it should be, such as `configuration`.
    #[error("invalid {1} {0}")]
    Invalid(Digest, &'static str),
    /// The index refers to manifests whose layers or configurations are missing.
    #[error("no platform of index {0} is complete")]
    NoPlatform(Digest),
}

impl Documents {
    /// Adds a document, and returns what refers to it.
    pub fn add(&mut self, media_type: MediaType, bytes: impl Into<Bytes>) -> Descriptor {
        let bytes = bytes.into();
        let descriptor = Descriptor::of(media_type.clone(), &bytes);
        let document = Document { media_type, bytes };
        self.0.insert(descriptor.digest.clone(), document);
        descriptor
    }

    fn document(&self, digest: &Digest) -> Result<&Document, DocumentError> {
        self.0.get(digest).ok_or_else(|| DocumentError::Missing(digest.clone()))
    }

    /// The manifest or index of this digest.
    ///
    /// # Errors
    /// Returns [`DocumentError`] if it is missing, or neither a manifest nor an
    /// index.
    pub fn root(&self, digest: &Digest) -> Result<Root, DocumentError> {
        Root::parse(&self.document(digest)?.bytes)
            .ok_or_else(|| DocumentError::Invalid(digest.clone(), "manifest or index"))
    }

    /// The image configuration of this digest.
    ///
    /// # Errors
    /// Returns [`DocumentError`] if it is missing, or not an image's configuration.
    pub fn config(&self, digest: &Digest) -> Result<Config, DocumentError> {
        serde_json::from_slice(&self.document(digest)?.bytes)
            .map_err(|_| DocumentError::Invalid(digest.clone(), "configuration"))
    }

    /// The image that `root` refers to. Of several platforms it is the one for
    /// `architecture` if that is complete, else the first complete one. A
    /// platform is complete if its configuration is in this set and `has` is
    /// true for every layer.
    ///
    /// # Errors
    /// Returns [`DocumentError`] if a document is missing or invalid, or if no
    /// platform is complete.
    pub fn image(
        &mut self,
        root: &Digest,
        architecture: &str,
        has: &dyn Fn(&Digest) -> bool,
    ) -> Result<PlatformImage, DocumentError> {
        let manifests = self.manifests(root)?;
        let mut complete: Vec<PlatformImage> = Vec::new();
        let mut fault = DocumentError::NoPlatform(root.clone());
        for manifest in &manifests {
            match self.platform_image(root, manifest, has) {
                Ok(image) => complete.push(image),
                Err(error) if manifests.len() == 1 => fault = error,
                Err(_) => {}
            }
        }
        complete.sort_by_key(|image| image.platform.architecture.as_str() != architecture);
        complete.into_iter().next().ok_or(fault)
    }

    /// The manifest `root`; if that is an index, those of its manifests that are
    /// in this set.
    ///
    /// # Errors
    /// Returns [`DocumentError`] if `root` is missing or invalid.
    pub fn manifests(&mut self, root: &Digest) -> Result<Vec<Manifest>, DocumentError> {
        match self.root(root)? {
            Root::Manifest(manifest) => {
                self.set_media_type(root, oci::MANIFEST);
                Ok(vec![manifest])
            }
            Root::Index(index) => {
                self.set_media_type(root, oci::INDEX);
                let mut found = Vec::new();
                for child in index.manifests {
                    if let Ok(Root::Manifest(manifest)) = self.root(&child.digest) {
                        self.set_media_type(&child.digest, oci::MANIFEST);
                        found.push(manifest);
                    }
                }
                Ok(found)
            }
        }
    }

    /// Sets a document's media type to the one in its text, or to `media_type`.
    fn set_media_type(&mut self, digest: &Digest, media_type: MediaType) {
        if let Some(document) = self.0.get_mut(digest) {
            let text: serde_json::Value =
                serde_json::from_slice(&document.bytes).unwrap_or_default();
            let stated = text["mediaType"].as_str().and_then(MediaType::parse);
            document.media_type = stated.unwrap_or(media_type);
        }
    }

    fn platform_image(
        &self,
        root: &Digest,
        manifest: &Manifest,
        has: &dyn Fn(&Digest) -> bool,
    ) -> Result<PlatformImage, DocumentError> {
        let config = self.config(&manifest.config.digest)?;
        if let Some(layer) = manifest.layers.iter().find(|layer| !has(&layer.digest)) {
            return Err(DocumentError::Missing(layer.digest.clone()));
        }
        // A signature or an attestation has layers, but no file systems.
        if config.rootfs.diff_ids.len() != manifest.layers.len() {
            return Err(DocumentError::Invalid(manifest.config.digest.clone(), "configuration"));
        }
        let document = self.document(root)?;
        Ok(PlatformImage {
            names: Vec::new(),
            root: Descriptor::of(document.media_type.clone(), &document.bytes),
            platform: config.platform,
            config: manifest.config.digest.clone(),
            layers: manifest.layers.clone(),
            diff_ids: config.rootfs.diff_ids,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::fixtures;

    #[test]
    fn an_image_without_a_name_gets_one_by_its_content() {
        let image = PlatformImage { names: Vec::new(), ..fixtures::image(&[]) };
        let digest = &image.root.digest;
        assert_eq!(image.exact_name().to_string(), format!("docker.io/library/image@{digest}"));
    }
}
