use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Counts what it is given.
#[derive(Default)]
struct Counted {
    blobs: usize,
    bytes: u64,
    promised: u64,
}

impl Sink for Counted {
    fn begin(&mut self, _: Option<&Digest>, size: u64) -> io::Result<()> {
        self.blobs += 1;
        self.promised += size;
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

pub type Entries = Vec<(String, Vec<u8>)>;

pub fn tar_of(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in entries {
        let mut header = tar::Header::new_gnu();
        // Written directly: the library refuses names that lead out.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, &text[..]).unwrap();
    }
    archive.into_inner().unwrap()
}

pub fn config(layers: &[&[u8]]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
    json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": diff_ids}})
        .to_string()
        .into_bytes()
}

fn blob(bytes: &[u8]) -> (String, Vec<u8>) {
    (format!("blobs/sha256/{}", Digest::of(bytes).hex()), bytes.to_vec())
}

fn index(root: &Descriptor, name: &str) -> (String, Vec<u8>) {
    let named = Descriptor {
        annotations: [(NAME_ANNOTATION.to_owned(), name.to_owned())].into(),
        ..root.clone()
    };
    ("index.json".into(), serde_json::to_vec(&Index::new(vec![named])).unwrap())
}

/// An OCI layout with one image.
pub fn oci_layout(layers: &[&[u8]]) -> Entries {
    let config = config(layers);
    let described = layers.iter().map(|layer| Descriptor::of(oci::LAYER, layer)).collect();
    let manifest = oci::manifest(Descriptor::of(oci::CONFIG, &config), described);
    let mut entries: Entries = layers.iter().map(|layer| blob(layer)).collect();
    entries.extend([blob(&config), blob(&manifest)]);
    entries.push(index(&Descriptor::of(oci::MANIFEST, &manifest), "docker.io/library/app:1"));
    entries.push(("oci-layout".into(), b"{}".to_vec()));
    entries
}

/// In the form `docker save` had before version 25.
fn docker_archive(layers: &[&[u8]]) -> Entries {
    let names: Vec<String> = (0..layers.len()).map(|n| format!("l{n}/layer.tar")).collect();
    let manifest =
        json!([{"Config": "c.json", "RepoTags": ["app:1", "team/app:2"], "Layers": names}]);
    let mut entries: Entries =
        names.into_iter().zip(layers.iter().map(|layer| layer.to_vec())).collect();
    entries.push(("c.json".into(), config(layers)));
    entries.push(("manifest.json".into(), manifest.to_string().into_bytes()));
    entries
}

fn load(bytes: &[u8]) -> Result<(Vec<LoadImage>, Vec<Bytes>), ArchiveError> {
    read(bytes, &mut Counted::default())?.images("amd64")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

const LAYERS: [&[u8]; 2] = [b"lower layer", b"upper layer"];

#[test]
fn all_forms_hold_the_same_image() {
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
fn blobs_go_by_whole() {
    let mut counted = Counted::default();
    read(&tar_of(&oci_layout(&LAYERS))[..], &mut counted).unwrap();
    assert_eq!((counted.blobs, counted.bytes), (4, counted.promised));
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
fn of_several_platforms_the_complete_one_is_taken() {
    let entries = oci_layout(&LAYERS);
    let (name, manifest) = &entries[3];
    assert!(name.starts_with("blobs/"));
    let mut here = Descriptor::of(oci::MANIFEST, manifest);
    here.platform =
        Some(oci::Platform { os: "linux".into(), architecture: "amd64".into(), variant: None });
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
    assert!(matches!(refused, ArchiveError::Catalog(CatalogError::NoPlatform(_))), "{refused}");
}

#[test]
fn what_is_wrong_is_named() {
    let good = oci_layout(&LAYERS);
    let without =
        |name: &str| -> Entries { good.iter().filter(|(n, _)| n != name).cloned().collect() };
    let mut swapped = good.clone();
    swapped[0].1 = b"something else".to_vec();
    let mut docker = docker_archive(&LAYERS);
    docker[0].1 = b"something else".to_vec();
    let whole = tar_of(&good);
    let large = tar_of(&oci_layout(&[&[7; 4096]]));
    let with = |name: &str, text: &[u8]| {
        let mut entries = good.clone();
        entries.insert(0, (name.to_owned(), text.to_vec()));
        tar_of(&entries)
    };
    for (what, bytes, words) in [
        ("empty", vec![], "no archive"),
        ("no archive", vec![b'x'; 2048], "no archive"),
        ("short text", b"hello".to_vec(), "no archive"),
        ("cut in a blob", large[..2048].to_vec(), "cut short"),
        ("cut between entries", whole[..1024].to_vec(), "no image"),
        ("cut gzip", gzip(&whole)[..200].to_vec(), "cut short"),
        ("cut zstd", zstd(&whole)[..200].to_vec(), "cut short"),
        ("no index", tar_of(&without("index.json")), "no image"),
        ("no layer", tar_of(&without(&good[0].0)), "missing"),
        ("no manifest", tar_of(&without(&good[3].0)), "missing"),
        ("wrong digest", tar_of(&swapped), "has the content of"),
        ("wrong layer", tar_of(&docker), "has the content of"),
        ("traversal", with("../../etc/passwd", b"x"), "leads out"),
        ("absolute", with("/etc/passwd", b"x"), "leads out"),
        ("no JSON", tar_of(&[("index.json".into(), b"[".to_vec())]), "cannot be read"),
        ("no images", tar_of(&[("manifest.json".into(), b"[]".to_vec())]), "no image"),
        (
            "names nothing",
            tar_of(&[("manifest.json".into(), br#"[{"Config":"c.json"}]"#.to_vec())]),
            "does not hold",
        ),
    ] {
        match load(&bytes) {
            Ok(_) => panic!("{what} was accepted"),
            Err(error) => assert!(error.to_string().contains(words), "{what}: {error}"),
        }
    }
}

#[test]
fn endless_names_and_entries_are_not_kept() {
    let mut header = tar::Header::new_gnu();
    header.set_path("././@LongLink").unwrap();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(1 << 40);
    header.set_cksum();
    let endless = header.as_bytes().chain(io::repeat(b'x'));
    let refused = read(endless, &mut Counted::default()).unwrap_err();
    assert!(refused.to_string().contains("too long"), "{refused}");

    let empty = &tar_of(&[("x".into(), vec![])])[..512];
    let many = empty.repeat(ENTRIES_LIMIT + 1);
    let refused = read(&many[..], &mut Counted::default()).unwrap_err();
    assert!(refused.to_string().contains("entries"), "{refused}");
}

/// Some bytes of an archive, changed.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let whole = [
        tar_of(&oci_layout(&LAYERS)),
        gzip(&tar_of(&docker_archive(&LAYERS))),
        zstd(&tar_of(&docker_archive(&LAYERS))),
    ];
    (
        0..whole.len(),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        any::<prop::sample::Index>(),
    )
        .prop_map(move |(which, changes, cut)| {
            let mut bytes = whole[which].clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(cut.index(bytes.len() * 2));
            bytes
        })
}

proptest! {
    /// Whatever comes in, an image that is accepted is the one it says it is.
    #[test]
    fn damage_is_refused_or_does_no_harm(bytes in damaged()) {
        let mut counted = Counted::default();
        if let Ok((images, _)) = read(&bytes[..], &mut counted).and_then(|c| c.images("amd64")) {
            prop_assert_eq!(counted.bytes, counted.promised);
            for image in images {
                let layers: Vec<Digest> = LAYERS.iter().map(|layer| Digest::of(layer)).collect();
                prop_assert_eq!(image.diff_ids, layers);
            }
        }
    }

    #[test]
    fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        prop_assert!(load(&bytes).is_err());
    }
}
