//! Small images and archives for tests.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;

use super::digest::Digest;
use super::documents::PlatformImage;
use super::oci::{self, Descriptor, Index, NAME_ANNOTATION};
use super::platform::Platform;
use super::reference::Reference;

/// Names and contents of an archive's files.
pub(crate) type Entries = Vec<(String, Vec<u8>)>;

/// An image of these layers, called `docker.io/library/app:1`.
pub(crate) fn image(layers: &[&[u8]]) -> PlatformImage {
    PlatformImage {
        names: vec![Reference::parse("app:1").unwrap()],
        root: Descriptor::of(oci::MANIFEST, b"manifest"),
        platform: Platform::default(),
        config: Digest::of(&config(layers)),
        layers: layers.iter().map(|layer| Descriptor::of(oci::LAYER, layer)).collect(),
        diff_ids: layers.iter().map(|layer| Digest::of(layer)).collect(),
    }
}

pub(crate) fn tar_of(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in entries {
        let mut header = tar::Header::new_gnu();
        // Written directly: the library refuses names that lead outside.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, &text[..]).unwrap();
    }
    archive.into_inner().unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

pub(crate) fn config(layers: &[&[u8]]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
    json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": diff_ids}})
        .to_string()
        .into_bytes()
}

pub(crate) fn blob(bytes: &[u8]) -> (String, Vec<u8>) {
    (Digest::of(bytes).blob_path(), bytes.to_vec())
}

/// The `index.json` that gives `root` a name.
pub(crate) fn index(root: &Descriptor, name: &str) -> (String, Vec<u8>) {
    let named = Descriptor {
        annotations: [(NAME_ANNOTATION.to_owned(), name.to_owned())].into(),
        ..root.clone()
    };
    ("index.json".into(), serde_json::to_vec(&Index::new(vec![named])).unwrap())
}

/// An OCI layout with one image: layers, configuration, manifest, `index.json`,
/// `oci-layout`.
pub(crate) fn oci_layout(layers: &[&[u8]]) -> Entries {
    let config = config(layers);
    let described = layers.iter().map(|layer| Descriptor::of(oci::LAYER, layer)).collect();
    let manifest = oci::manifest(Descriptor::of(oci::CONFIG, &config), described);
    let mut entries: Entries = layers.iter().map(|layer| blob(layer)).collect();
    entries.extend([blob(&config), blob(&manifest)]);
    entries.push(index(&Descriptor::of(oci::MANIFEST, &manifest), "docker.io/library/app:1"));
    entries.push(("oci-layout".into(), b"{}".to_vec()));
    entries
}

/// The same image in the form that `docker save` had before version 25, with
/// two names.
pub(crate) fn docker_archive(layers: &[&[u8]]) -> Entries {
    let names: Vec<String> = (0..layers.len()).map(|n| format!("l{n}/layer.tar")).collect();
    let manifest =
        json!([{"Config": "c.json", "RepoTags": ["app:1", "team/app:2"], "Layers": names}]);
    let mut entries: Entries =
        names.into_iter().zip(layers.iter().map(|layer| layer.to_vec())).collect();
    entries.push(("c.json".into(), config(layers)));
    entries.push(("manifest.json".into(), manifest.to_string().into_bytes()));
    entries
}
