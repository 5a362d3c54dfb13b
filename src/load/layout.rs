//! Where engines keep images on their own disk.
//!
//! Docker's own store is described by its source alone (`layer/filestore.go`,
//! `image/fs.go` of moby), and has been the same since 2016; containerd's is
//! its content store's plugin folder.

use super::oci::Digest;
use crate::engine::Storage;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Layers are unpacked folders.
    Docker { root: String, driver: String },
    /// Layers are blobs.
    Containerd { root: String },
}

impl Layout {
    /// `None`: a way of keeping layers that is not known here.
    pub fn of(storage: &Storage) -> Option<Layout> {
        let (root, driver) = (storage.root.clone(), storage.driver.clone());
        match driver.as_str() {
            _ if storage.containerd => Some(Layout::Containerd { root }),
            "overlay2" | "fuse-overlayfs" => Some(Layout::Docker { root, driver }),
            _ => None,
        }
    }

    /// Folders of the engine's host that everything may be below, the likeliest
    /// first: containerd is the engine's own child, the system's, or Docker
    /// Desktop's.
    pub fn folders(&self) -> Vec<String> {
        match self {
            Layout::Docker { root, .. } => vec![root.clone()],
            Layout::Containerd { root } => [
                &format!("{root}/containerd/daemon"),
                "/var/lib/containerd",
                "/var/lib/desktop-containerd/daemon",
            ]
            .map(|folder| format!("{folder}/io.containerd.content.v1.content"))
            .into(),
        }
    }

    /// The file, below the folder, that is what an image is called by.
    pub fn identity(&self, id: &Digest) -> String {
        match self {
            Layout::Docker { driver, .. } => Unpacked(driver).config(id),
            Layout::Containerd { .. } => blob(id),
        }
    }
}

/// Files of Docker's own store, below its root.
pub struct Unpacked<'a>(pub &'a str);

impl Unpacked<'_> {
    pub fn config(&self, id: &Digest) -> String {
        format!("image/{}/imagedb/content/sha256/{}", self.0, id.hex())
    }

    /// What a layer's archive consists of besides the contents of files.
    pub fn record(&self, chain: &Digest) -> String {
        format!("image/{}/layerdb/sha256/{}/tar-split.json.gz", self.0, chain.hex())
    }

    /// Holds the name of the layer's folder.
    pub fn cache_id(&self, chain: &Digest) -> String {
        format!("image/{}/layerdb/sha256/{}/cache-id", self.0, chain.hex())
    }

    pub fn folder(&self, cache_id: &str) -> String {
        format!("{}/{cache_id}/diff", self.0)
    }
}

/// A blob of containerd's store.
pub fn blob(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_ways_of_keeping_layers_are_read() {
        let storage = |driver: &str, containerd| Storage {
            driver: driver.into(),
            containerd,
            root: "/data".into(),
        };
        let docker = Layout::of(&storage("overlay2", false)).unwrap();
        assert_eq!(docker.folders(), ["/data"]);
        let containerd = Layout::of(&storage("overlayfs", true)).unwrap();
        assert_eq!(
            containerd.folders()[0],
            "/data/containerd/daemon/io.containerd.content.v1.content"
        );
        assert_eq!(Layout::of(&storage("btrfs", false)), None);
    }
}
