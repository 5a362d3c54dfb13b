use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::image::digest::Digest;
use crate::image::documents::{DocumentError, PlatformImage};
use crate::image::fixtures::{
    Entries, blob, config, docker_archive, gzip, index, oci_layout, tar_of,
};
use crate::image::oci::{self, Descriptor, Index};
use crate::image::platform::Platform;

/// Counts what it receives.
#[derive(Default)]
struct Counted {
    blobs: usize,
    bytes: u64,
    announced: u64,
}

impl BlobSink for Counted {
    fn begin(&mut self, _: Option<&Digest>, size: u64) -> io::Result<()> {
        self.blobs += 1;
        self.announced += size;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

fn load(bytes: &[u8]) -> Result<(Vec<PlatformImage>, Vec<Bytes>), ArchiveError> {
    read(bytes, &mut Counted::default())?.images("amd64")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

const LAYERS: [&[u8]; 2] = [b"lower layer", b"upper layer"];

#[test]
fn all_forms_contain_the_same_image() {
    for (form, entries) in [("oci", oci_layout(&LAYERS)), ("docker", docker_archive(&LAYERS))] {
        let plain = tar_of(&entries);
        for (packed, bytes) in
            [("plain", plain.clone()), ("gzip", gzip(&plain)), ("zstd", zstd(&plain))]
        {
            let (images, made) = load(&bytes).unwrap_or_else(|e| panic!("{form} {packed}: {e}"));
            let [image] = &images[..] else { panic!("{form} {packed}") };
            let digests: Vec<Digest> = LAYERS.iter().map(|layer| Digest::of(layer)).collect();
            assert_eq!(image.diff_ids, digests);
            assert_eq!(image.layers.iter().map(|l| l.digest.clone()).collect::<Vec<_>>(), digests);
            assert_eq!(image.config, Digest::of(&config(&LAYERS)));
            assert_eq!(image.platform.to_string(), "linux/amd64");
            assert_eq!(image.names[0].to_string(), "docker.io/library/app:1");
            // Docker's own form has no manifest.
            assert_eq!(made.len(), usize::from(form == "docker"));
            assert_eq!(image.names.len(), if form == "docker" { 2 } else { 1 });
        }
    }
}

#[test]
fn blobs_are_passed_on_in_full() {
    let mut counted = Counted::default();
    read(&tar_of(&oci_layout(&LAYERS))[..], &mut counted).unwrap();
    assert_eq!((counted.blobs, counted.bytes), (4, counted.announced));
}

#[test]
fn links_of_old_archives_are_followed() {
    let mut archive = tar::Builder::new(Vec::new());
    let entries = docker_archive(&[LAYERS[0], LAYERS[0]]);
    for (name, text) in &entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        if name == "l1/layer.tar" {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, name, "../l0/layer.tar").unwrap();
        } else {
            header.set_size(text.len() as u64);
            archive.append_data(&mut header, name, &text[..]).unwrap();
        }
    }
    let (images, _) = load(&archive.into_inner().unwrap()).unwrap();
    assert_eq!(images[0].layers[0].digest, images[0].layers[1].digest);
}

#[test]
fn the_complete_platform_is_chosen() {
    let entries = oci_layout(&LAYERS);
    let (name, manifest) = &entries[3];
    assert!(name.starts_with("blobs/"));
    let mut here = Descriptor::of(oci::MANIFEST, manifest);
    here.platform = Some(Platform::linux("amd64"));
    let absent = Descriptor::of(oci::MANIFEST, b"another platform, not in the archive");
    let nested = serde_json::to_vec(&Index::new(vec![absent.clone(), here])).unwrap();
    let mut entries: Entries = entries.into_iter().filter(|(n, _)| n != "index.json").collect();
    let root = Descriptor::of(oci::INDEX, &nested);
    entries.extend([blob(&nested), index(&root, "docker.io/library/app:1")]);
    let (images, _) = load(&tar_of(&entries)).unwrap();
    assert_eq!(images[0].root, root);
    assert_eq!(images[0].config, Digest::of(&config(&LAYERS)));

    let nothing = serde_json::to_vec(&Index::new(vec![absent])).unwrap();
    let root = Descriptor::of(oci::INDEX, &nothing);
    let refused = load(&tar_of(&[blob(&nothing), index(&root, "app:1")])).unwrap_err();
    assert!(matches!(refused, ArchiveError::Documents(DocumentError::NoPlatform(_))), "{refused}");
}

#[test]
fn errors_name_what_is_wrong() {
    let good = oci_layout(&LAYERS);
    let without =
        |name: &str| -> Entries { good.iter().filter(|(n, _)| n != name).cloned().collect() };
    let mut swapped = good.clone();
    swapped[0].1 = b"something else".to_vec();
    let mut docker = docker_archive(&LAYERS);
    docker[0].1 = b"something else".to_vec();
    let complete = tar_of(&good);
    let large = tar_of(&oci_layout(&[&[7; 4096]]));
    let with = |name: &str, text: &[u8]| {
        let mut entries = good.clone();
        entries.insert(0, (name.to_owned(), text.to_vec()));
        tar_of(&entries)
    };
    for (what, bytes, words) in [
        ("empty", vec![], "not an image archive"),
        ("no archive", vec![b'x'; 2048], "not an image archive"),
        ("short text", b"hello".to_vec(), "not an image archive"),
        ("cut in a blob", large[..2048].to_vec(), "cut short"),
        ("cut between entries", complete[..1024].to_vec(), "no image"),
        ("cut gzip", gzip(&complete)[..200].to_vec(), "cut short"),
        ("cut zstd", zstd(&complete)[..200].to_vec(), "cut short"),
        ("no index", tar_of(&without("index.json")), "no image"),
        ("no layer", tar_of(&without(&good[0].0)), "missing"),
        ("no manifest", tar_of(&without(&good[3].0)), "missing"),
        ("wrong digest", tar_of(&swapped), "has the content of"),
        ("wrong layer", tar_of(&docker), "has the content of"),
        ("traversal", with("../../etc/passwd", b"x"), "leads outside"),
        ("absolute", with("/etc/passwd", b"x"), "leads outside"),
        ("no JSON", tar_of(&[("index.json".into(), b"[".to_vec())]), "invalid index.json"),
        ("no images", tar_of(&[("manifest.json".into(), b"[]".to_vec())]), "no image"),
        (
            "names nothing",
            tar_of(&[("manifest.json".into(), br#"[{"Config":"c.json"}]"#.to_vec())]),
            "does not contain",
        ),
    ] {
        match load(&bytes) {
            Ok(_) => panic!("{what} was accepted"),
            Err(error) => assert!(error.to_string().contains(words), "{what}: {error}"),
        }
    }
}

#[test]
fn endless_names_and_entries_are_refused() {
    let mut header = tar::Header::new_gnu();
    header.set_path("././@LongLink").unwrap();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(1 << 40);
    header.set_cksum();
    let endless = header.as_bytes().chain(io::repeat(b'x'));
    let refused = read(endless, &mut Counted::default()).unwrap_err();
    assert!(refused.to_string().contains("header too large"), "{refused}");

    let empty = &tar_of(&[("x".into(), vec![])])[..512];
    let many = empty.repeat(ENTRIES_LIMIT + 1);
    let refused = read(&many[..], &mut Counted::default()).unwrap_err();
    assert!(refused.to_string().contains("entries"), "{refused}");
}

/// Some bytes of an archive, changed.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let complete = [
        tar_of(&oci_layout(&LAYERS)),
        gzip(&tar_of(&docker_archive(&LAYERS))),
        zstd(&tar_of(&docker_archive(&LAYERS))),
    ];
    (
        0..complete.len(),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        any::<prop::sample::Index>(),
    )
        .prop_map(move |(which, changes, cut)| {
            let mut bytes = complete[which].clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(cut.index(bytes.len() * 2));
            bytes
        })
}

proptest! {
    /// An image that is accepted has the content that its digests state.
    #[test]
    fn a_damaged_archive_is_refused_or_harmless(bytes in damaged()) {
        let mut counted = Counted::default();
        if let Ok((images, _)) = read(&bytes[..], &mut counted).and_then(|c| c.images("amd64")) {
            prop_assert_eq!(counted.bytes, counted.announced);
            for image in images {
                let layers: Vec<Digest> = LAYERS.iter().map(|layer| Digest::of(layer)).collect();
                prop_assert_eq!(image.diff_ids, layers);
            }
        }
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        prop_assert!(load(&bytes).is_err());
    }
}
