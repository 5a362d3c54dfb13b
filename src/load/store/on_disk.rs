//! Finds images in the engine's directory.

use std::collections::BTreeMap;
use std::io;

use super::directory::EngineDirectory;
use super::error::StoreError;
use super::images::{EngineImages, Layer, LayerFiles};
use super::layout::{Layout, OverlayPaths};
use crate::image::digest::chain_ids;
use crate::image::oci::{self, Descriptor, Root};
use crate::image::{Digest, Documents, PlatformImage, RequestedImage, tar_split};

/// Finds the requested images.
///
/// # Errors
/// Returns [`StoreError`] if a file is missing or invalid, or cannot be read.
pub(super) async fn find(
    directory: EngineDirectory,
    layout: &Layout,
    architecture: &str,
    requested: &[RequestedImage],
) -> Result<EngineImages, StoreError> {
    let mut finder = Finder { directory, documents: Documents::default(), layers: BTreeMap::new() };
    let mut images = Vec::new();
    for image in requested {
        images.push(match layout {
            Layout::Docker { driver, .. } => {
                finder.in_docker_store(&OverlayPaths(driver), image).await?
            }
            Layout::Containerd { .. } => finder.in_content_store(image, architecture).await?,
        });
    }
    let Finder { directory, documents, layers } = finder;
    Ok(EngineImages { images, documents, layers, directory: Some(directory) })
}

struct Finder {
    directory: EngineDirectory,
    documents: Documents,
    layers: BTreeMap<Digest, Layer>,
}

impl Finder {
    /// An image in Docker's own store, which does not keep manifests. It gets one
    /// with uncompressed layers.
    async fn in_docker_store(
        &mut self,
        paths: &OverlayPaths<'_>,
        RequestedImage { id, diff_ids, .. }: &RequestedImage,
    ) -> Result<PlatformImage, StoreError> {
        let chain = chain_ids(diff_ids);
        let mut wanted = vec![paths.config(id)];
        wanted.extend(chain.iter().flat_map(|id| [paths.tar_split(id), paths.cache_id(id)]));
        let mut found = self.directory.read(&wanted).await?;
        let mut take = |path: String| found.remove(&path).ok_or(StoreError::Missing(path));
        let config = self.documents.add(oci::CONFIG, take(paths.config(id))?);
        let mut layers = Vec::new();
        for (diff_id, chain) in diff_ids.iter().zip(&chain) {
            let record = take(paths.tar_split(chain))?;
            let cache_id = take(paths.cache_id(chain))?;
            let directory = paths
                .directory(String::from_utf8_lossy(&cache_id).trim())
                .ok_or_else(|| io::Error::other("invalid name of a layer's directory"))?;
            let (size, names) = tar_split::summary(&record)?;
            layers.push(Descriptor::new(oci::LAYER, diff_id.clone(), size));
            let files =
                LayerFiles { directory, names: names.into(), tar_split: Some(record), size };
            self.layers.insert(diff_id.clone(), Layer::OnDisk(files));
        }
        let manifest = self.documents.add(oci::MANIFEST, oci::manifest(config, layers));
        Ok(self.documents.image(&manifest.digest, "", &|_| true)?)
    }

    /// An image in containerd's content store, where often one platform is complete.
    async fn in_content_store(
        &mut self,
        RequestedImage { id, .. }: &RequestedImage,
        architecture: &str,
    ) -> Result<PlatformImage, StoreError> {
        self.read_documents(std::slice::from_ref(id)).await?;
        if let Root::Index(index) = self.documents.root(id)? {
            let children: Vec<Digest> = index.manifests.into_iter().map(|m| m.digest).collect();
            self.read_documents(&children).await?;
        }
        let manifests = self.documents.manifests(id)?;
        let configs: Vec<Digest> = manifests.iter().map(|m| m.config.digest.clone()).collect();
        self.read_documents(&configs).await?;
        let layers = manifests.iter().flat_map(|manifest| &manifest.layers);
        let layers: Vec<String> = layers.map(|layer| layer.digest.blob_path()).collect();
        for (path, size) in self.directory.sizes(&layers).await? {
            if let Some(digest) = path.rsplit('/').next().and_then(Digest::from_hex) {
                let (directory, names) = (String::new(), format!("./{path}\0").into());
                let files = LayerFiles { directory, names, tar_split: None, size };
                self.layers.insert(digest, Layer::OnDisk(files));
            }
        }
        let layers = &self.layers;
        Ok(self.documents.image(id, architecture, &|digest| layers.contains_key(digest))?)
    }

    /// Reads those documents that exist.
    async fn read_documents(&mut self, digests: &[Digest]) -> Result<(), StoreError> {
        let paths: Vec<String> = digests.iter().map(Digest::blob_path).collect();
        for bytes in self.directory.read(&paths).await?.into_values() {
            self.documents.add(oci::CONFIG, bytes);
        }
        Ok(())
    }
}
