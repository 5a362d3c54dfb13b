//! Where engines keep images on their disk.
//!
//! Docker's own store is documented only by its source (`layer/filestore.go`,
//! `image/fs.go` of moby), and has been the same since 2016. containerd's is the
//! directory of its content store plugin.

use crate::engine::Storage;
use crate::image::Digest;

/// How the engine's directory is structured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Layers are unpacked directories.
    Docker { root: String, driver: String },
    /// Layers are blobs.
    Containerd { root: String },
}

impl Layout {
    /// `None` for a storage driver whose layout is not known here.
    pub(crate) fn of(storage: &Storage) -> Option<Layout> {
        let (root, driver) = (storage.root.clone(), storage.driver.clone());
        match driver.as_str() {
            _ if storage.containerd => Some(Layout::Containerd { root }),
            "overlay2" | "fuse-overlayfs" => Some(Layout::Docker { root, driver }),
            _ => None,
        }
    }

    /// The directory on the engine's host that all paths start from: the
    /// likeliest one, and others that it may be. containerd is started by the
    /// engine, by the system, or by Docker Desktop.
    pub(crate) fn directories(&self) -> (String, Vec<String>) {
        let content = |root: &str| format!("{root}/io.containerd.content.v1.content");
        match self {
            Layout::Docker { root, .. } => (root.clone(), Vec::new()),
            Layout::Containerd { root } => (
                content(&format!("{root}/containerd/daemon")),
                ["/var/lib/containerd", "/var/lib/desktop-containerd/daemon"].map(content).into(),
            ),
        }
    }

    /// The file whose content has the image's ID as its digest.
    pub(crate) fn id_file(&self, id: &Digest) -> String {
        match self {
            Layout::Docker { driver, .. } => OverlayPaths(driver).config(id),
            Layout::Containerd { .. } => id.blob_path(),
        }
    }
}

/// Paths in Docker's own store, with its storage driver.
pub(super) struct OverlayPaths<'a>(pub &'a str);

impl OverlayPaths<'_> {
    /// An image's configuration.
    pub(super) fn config(&self, id: &Digest) -> String {
        format!("image/{}/imagedb/content/sha256/{}", self.0, id.hex())
    }

    /// The tar-split record of a layer.
    pub(super) fn tar_split(&self, chain: &Digest) -> String {
        format!("image/{}/layerdb/sha256/{}/tar-split.json.gz", self.0, chain.hex())
    }

    /// The file with the name of the layer's directory.
    pub(super) fn cache_id(&self, chain: &Digest) -> String {
        format!("image/{}/layerdb/sha256/{}/cache-id", self.0, chain.hex())
    }

    /// The directory with the layer's files; `None` for a name that leads elsewhere.
    pub(super) fn directory(&self, cache_id: &str) -> Option<String> {
        let is_name = !cache_id.is_empty() && cache_id.bytes().all(|b| b.is_ascii_alphanumeric());
        is_name.then(|| format!("{}/{cache_id}/diff", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_storage_drivers_are_read() {
        let storage = |driver: &str, containerd| Storage {
            driver: driver.into(),
            containerd,
            root: "/data".into(),
        };
        let docker = Layout::of(&storage("overlay2", false)).unwrap();
        assert_eq!(docker.directories(), ("/data".to_owned(), Vec::new()));
        let containerd = Layout::of(&storage("overlayfs", true)).unwrap();
        assert_eq!(
            containerd.directories().0,
            "/data/containerd/daemon/io.containerd.content.v1.content"
        );
        assert_eq!(Layout::of(&storage("btrfs", false)), None);
    }

    #[test]
    fn a_layers_directory_is_one_of_the_drivers() {
        let directory = |id| OverlayPaths("overlay2").directory(id);
        assert_eq!(directory("0af").as_deref(), Some("overlay2/0af/diff"));
        for id in ["", "..", "../../volumes", "a/b", "a\nb", "-a", "$(x)", "a b"] {
            assert_eq!(directory(id), None, "{id:?}");
        }
    }
}
