//! The documents of an image: indexes, manifests and configurations.
//!
//! The formats are the OCI image specification's; Docker's own differ in media
//! types only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::media_type::MediaType;
use super::platform::Platform;

/// Media type of [`Manifest`].
pub const MANIFEST: MediaType = MediaType::known("application/vnd.oci.image.manifest.v1+json");
/// Media type of [`Index`].
pub const INDEX: MediaType = MediaType::known("application/vnd.oci.image.index.v1+json");
/// Media type of [`Config`].
pub const CONFIG: MediaType = MediaType::known("application/vnd.oci.image.config.v1+json");
/// Media type of a layer without compression.
pub const LAYER: MediaType = MediaType::known("application/vnd.oci.image.layer.v1.tar");
/// Media type of a layer with gzip.
pub const GZIP_LAYER: MediaType = MediaType::known("application/vnd.oci.image.layer.v1.tar+gzip");
/// Docker's media type of [`Manifest`].
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's media type of [`Index`].
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Media type of bytes of which nothing else is known.
pub const BYTES: MediaType = MediaType::known("application/octet-stream");
/// An image's full name in an index (containerd's own annotation).
pub const NAME_ANNOTATION: &str = "io.containerd.image.name";
/// The specification's own annotation for a name; often only a tag.
pub const REF_NAME_ANNOTATION: &str = "org.opencontainers.image.ref.name";

/// What a document says of a blob that it refers to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Such as [`MANIFEST`]; empty if it is not stated.
    #[serde(default)]
    pub media_type: MediaType,
    /// Names the blob and is the checksum of its bytes.
    pub digest: Digest,
    /// In bytes, as stored: a compressed layer's compressed size.
    #[serde(default)]
    pub size: u64,
    /// What an index says of a manifest. Usually `None` for other blobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Such as [`NAME_ANNOTATION`] in the index of an archive.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Refers to these bytes.
    pub fn of(media_type: MediaType, bytes: &[u8]) -> Descriptor {
        Descriptor::new(media_type, Digest::of(bytes), bytes.len() as u64)
    }

    /// Refers to a blob of `size` bytes.
    pub fn new(media_type: MediaType, digest: Digest, size: u64) -> Descriptor {
        Descriptor { media_type, digest, size, platform: None, annotations: BTreeMap::new() }
    }
}

/// An image for one platform: its configuration and its layers, lowest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`MANIFEST`] or Docker's own; empty if it is not stated.
    #[serde(default)]
    pub media_type: MediaType,
    /// Refers to the image's [`Config`].
    pub config: Descriptor,
    /// Refers to the layers, lowest first.
    #[serde(default)]
    pub layers: Vec<Descriptor>,
}

/// The JSON text of a manifest.
pub fn manifest(config: Descriptor, layers: Vec<Descriptor>) -> Vec<u8> {
    let manifest = Manifest { schema_version: 2, media_type: MANIFEST, config, layers };
    serde_json::to_vec(&manifest).expect("plain data")
}

/// Manifests of several platforms, or of several images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// [`INDEX`] or Docker's own; empty if it is not stated.
    #[serde(default)]
    pub media_type: MediaType,
    /// Refers to manifests, or to further indexes.
    pub manifests: Vec<Descriptor>,
}

impl Index {
    /// Refers to these manifests.
    pub fn new(manifests: Vec<Descriptor>) -> Index {
        Index { schema_version: 2, media_type: INDEX, manifests }
    }
}

/// The part of an image's configuration that is used here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// Fields of the document itself, not an object in it.
    #[serde(flatten)]
    pub platform: Platform,
    /// The layers, by their uncompressed content.
    pub rootfs: RootFs,
}

/// The layers as the configuration lists them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RootFs {
    /// Digests of the uncompressed layers, lowest first.
    #[serde(default)]
    pub diff_ids: Vec<Digest>,
}

/// The document that an image's name refers to.
pub enum Root {
    /// Of several platforms.
    Index(Index),
    /// Of one platform.
    Manifest(Manifest),
}

impl Root {
    /// Recognised by its fields: media types are often left out. `None` if it is
    /// neither, or if its fields or its media type are those of both: it would be
    /// one image here and another one in a node (CVE-2021-41190).
    pub fn parse(bytes: &[u8]) -> Option<Root> {
        let document: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        let has = |field: &str| document.get(field).is_some();
        let stated = document.get("mediaType").and_then(serde_json::Value::as_str);
        let is_one_of =
            |types: [&str; 2]| stated.is_none_or(|t| t.is_empty() || types.contains(&t));
        match (has("config") || has("layers"), has("manifests")) {
            (true, false) if is_one_of([MANIFEST.as_str(), DOCKER_MANIFEST]) => {
                serde_json::from_slice(bytes).map(Root::Manifest).ok()
            }
            (false, true) if is_one_of([INDEX.as_str(), DOCKER_INDEX]) => {
                serde_json::from_slice(bytes).map(Root::Index).ok()
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_and_indexes_are_recognised_without_media_types() {
        let digest = Digest::of(b"x");
        let index = format!(r#"{{"schemaVersion":2,"manifests":[{{"digest":"{digest}"}}]}}"#);
        let manifest = format!(r#"{{"schemaVersion":2,"config":{{"digest":"{digest}"}}}}"#);
        assert!(matches!(Root::parse(index.as_bytes()), Some(Root::Index(_))));
        assert!(matches!(Root::parse(manifest.as_bytes()), Some(Root::Manifest(_))));
        assert!(Root::parse(b"[]").is_none() && Root::parse(b"{}").is_none());
        let typed = |text: &str, kind: &str| {
            text.replacen('{', &format!(r#"{{"mediaType":"{kind}","#), 1).into_bytes()
        };
        let is_manifest = |kind| Root::parse(&typed(&manifest, kind)).is_some();
        let is_index = |kind| Root::parse(&typed(&index, kind)).is_some();
        for (kind, of_manifest, of_index) in [
            (MANIFEST.as_str(), true, false),
            (DOCKER_MANIFEST, true, false),
            (INDEX.as_str(), false, true),
            (DOCKER_INDEX, false, true),
            ("", true, true),
            ("text/plain", false, false),
            ("text/plain\\r\\nx: y", false, false),
        ] {
            assert_eq!((is_manifest(kind), is_index(kind)), (of_manifest, of_index), "{kind}");
        }
        let both =
            format!(r#"{{"schemaVersion":2,"manifests":[],"config":{{"digest":"{digest}"}}}}"#);
        assert!(Root::parse(both.as_bytes()).is_none());
    }
}
