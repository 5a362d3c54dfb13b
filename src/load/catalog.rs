//! What is to be loaded: images, and the documents that describe them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::oci::{self, Config, Descriptor, Digest, Manifest, Platform, Root, chain_ids};
use super::reference::Reference;

/// An image of the engine, and every name it is asked for by.
#[derive(Debug, Clone)]
pub struct Asked {
    /// As the engine is asked for it.
    pub argument: String,
    pub names: Vec<Reference>,
    /// In Docker's own store the configuration's digest, in containerd's that
    /// of the manifest or index.
    pub id: Digest,
    pub diff_ids: Vec<Digest>,
    pub size: u64,
}

/// One image, of the one platform that is at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadImage {
    pub names: Vec<Reference>,
    /// Its manifest, or the index that its manifest is named by.
    pub root: Descriptor,
    pub platform: Platform,
    pub config: Digest,
    /// Lowest first, as the manifest names them.
    pub layers: Vec<Descriptor>,
    /// Digests of the same layers, uncompressed.
    pub diff_ids: Vec<Digest>,
}

impl LoadImage {
    /// Whether the engine calls it so: by the configuration in Docker's own
    /// store, by manifest or index in containerd's.
    pub fn is(&self, id: &Digest) -> bool {
        self.config == *id || self.root.digest == *id
    }

    /// The name of the topmost layer's snapshot; an image may have none.
    pub fn top(&self) -> Option<Digest> {
        chain_ids(&self.diff_ids).pop()
    }

    /// A name that stands for this content only; as pulling it would leave.
    pub fn exact_name(&self) -> Reference {
        match self.names.first() {
            Some(name) => name.at(&self.root.digest),
            None => Reference::parse("docker.io/library/image")
                .expect("is a name")
                .at(&self.root.digest),
        }
    }
}

/// Indexes, manifests and configurations.
#[derive(Debug, Clone, Default)]
pub struct Documents(pub BTreeMap<Digest, Document>);

#[derive(Debug, Clone)]
pub struct Document {
    pub media_type: String,
    pub bytes: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    #[error("{0} is missing")]
    Missing(Digest),
    #[error("{0} is no {1} of an image")]
    NoDocument(Digest, &'static str),
    #[error("none of the platforms that {0} names is complete")]
    NoPlatform(Digest),
}

impl Documents {
    pub fn add(&mut self, media_type: &str, bytes: impl Into<Bytes>) -> Descriptor {
        let bytes = bytes.into();
        let descriptor = Descriptor::of(media_type, &bytes);
        let document = Document { media_type: media_type.to_owned(), bytes };
        self.0.insert(descriptor.digest.clone(), document);
        descriptor
    }

    fn document(&self, digest: &Digest) -> Result<&Document, CatalogError> {
        self.0.get(digest).ok_or_else(|| CatalogError::Missing(digest.clone()))
    }

    pub fn root(&self, digest: &Digest) -> Result<Root, CatalogError> {
        Root::parse(&self.document(digest)?.bytes)
            .ok_or_else(|| CatalogError::NoDocument(digest.clone(), "manifest or index"))
    }

    pub fn config(&self, digest: &Digest) -> Result<Config, CatalogError> {
        serde_json::from_slice(&self.document(digest)?.bytes)
            .map_err(|_| CatalogError::NoDocument(digest.clone(), "configuration"))
    }

    /// The image that `root` stands for. Of several platforms it is the one of
    /// `architecture` if that is complete, else the first that is; complete
    /// means that `has` says yes to its configuration and every layer.
    ///
    /// # Errors
    /// Documents that are missing or something else.
    pub fn image(
        &mut self,
        root: &Digest,
        architecture: &str,
        has: &dyn Fn(&Digest) -> bool,
    ) -> Result<LoadImage, CatalogError> {
        let manifests = self.manifests(root)?;
        let mut complete: Vec<LoadImage> = Vec::new();
        let mut fault = CatalogError::NoPlatform(root.clone());
        for manifest in &manifests {
            match self.described(root, manifest, has) {
                Ok(image) => complete.push(image),
                Err(error) if manifests.len() == 1 => fault = error,
                Err(_) => {}
            }
        }
        complete.sort_by_key(|image| image.platform.architecture != architecture);
        complete.into_iter().next().ok_or(fault)
    }

    /// The manifest that is called `root`, or those of an index that are here.
    ///
    /// # Errors
    /// When `root` is missing or something else.
    pub fn manifests(&mut self, root: &Digest) -> Result<Vec<Manifest>, CatalogError> {
        match self.root(root)? {
            Root::Manifest(manifest) => {
                self.settle(root, oci::MANIFEST);
                Ok(vec![manifest])
            }
            Root::Index(index) => {
                self.settle(root, oci::INDEX);
                let mut here = Vec::new();
                for child in index.manifests {
                    if let Ok(Root::Manifest(manifest)) = self.root(&child.digest) {
                        self.settle(&child.digest, oci::MANIFEST);
                        here.push(manifest);
                    }
                }
                Ok(here)
            }
        }
    }

    /// Gives a document the media type that it states, or this one.
    fn settle(&mut self, digest: &Digest, media_type: &str) {
        if let Some(document) = self.0.get_mut(digest) {
            let text: serde_json::Value =
                serde_json::from_slice(&document.bytes).unwrap_or_default();
            document.media_type = text["mediaType"].as_str().unwrap_or(media_type).to_owned();
        }
    }

    fn described(
        &self,
        root: &Digest,
        manifest: &Manifest,
        has: &dyn Fn(&Digest) -> bool,
    ) -> Result<LoadImage, CatalogError> {
        let config = self.config(&manifest.config.digest)?;
        if let Some(layer) = manifest.layers.iter().find(|layer| !has(&layer.digest)) {
            return Err(CatalogError::Missing(layer.digest.clone()));
        }
        // A signature or an attestation is no image.
        if config.rootfs.diff_ids.len() != manifest.layers.len() {
            return Err(CatalogError::NoDocument(manifest.config.digest.clone(), "configuration"));
        }
        let document = self.document(root)?;
        Ok(LoadImage {
            names: Vec::new(),
            root: Descriptor::of(&document.media_type, &document.bytes),
            platform: config.platform,
            config: manifest.config.digest.clone(),
            layers: manifest.layers.clone(),
            diff_ids: config.rootfs.diff_ids,
        })
    }
}

/// The layers of an image that are not in `there`.
pub fn lacking<'a>(image: &'a LoadImage, there: &BTreeSet<Digest>) -> Vec<&'a Descriptor> {
    image.layers.iter().filter(|layer| !there.contains(&layer.digest)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn image(layers: &[u8]) -> LoadImage {
        let digests = layers.iter().map(|layer| Digest::of(&[*layer]));
        LoadImage {
            names: Vec::new(),
            root: Descriptor::of(oci::MANIFEST, b"root"),
            platform: Platform::default(),
            config: Digest::of(b"config"),
            layers: digests.map(|digest| Descriptor::new(oci::LAYER, digest, 1)).collect(),
            diff_ids: Vec::new(),
        }
    }

    proptest! {
        /// What was there and what is sent are together the manifest's layers,
        /// and nothing is sent that was there.
        #[test]
        fn there_and_sent_are_the_image(
            layers in prop::collection::vec(any::<u8>(), 0..12),
            there in prop::collection::btree_set(any::<u8>(), 0..200),
        ) {
            let image = image(&layers);
            let there: BTreeSet<Digest> = there.iter().map(|layer| Digest::of(&[*layer])).collect();
            let sent: BTreeSet<Digest> =
                lacking(&image, &there).into_iter().map(|layer| layer.digest.clone()).collect();
            prop_assert!(sent.is_disjoint(&there));
            let all: BTreeSet<Digest> = image.layers.iter().map(|l| l.digest.clone()).collect();
            let had: BTreeSet<Digest> = all.intersection(&there).cloned().collect();
            prop_assert_eq!(sent.union(&had).cloned().collect::<BTreeSet<_>>(), all);
        }
    }

    #[test]
    fn an_image_without_a_name_gets_one_by_its_content() {
        let digest = Digest::of(b"root");
        assert_eq!(
            image(&[]).exact_name().to_string(),
            format!("docker.io/library/image@{digest}")
        );
    }
}
