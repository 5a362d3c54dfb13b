//! Random archives: each is read or refused, never a panic, never much memory,
//! and whatever is read is what its digests say.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use skiff::image::archive::{self, BlobSink};
use skiff::image::{Digest, PlatformImage};

use crate::support::archive::{digest, sha256};
use crate::support::random::Random;

/// Bytes; the whole run needs less, whatever it reads.
const SWOLLEN: u64 = 160 << 20;
const NAMES: &[&str] = &[
    "index.json",
    "manifest.json",
    "oci-layout",
    "repositories",
    "./index.json",
    "../index.json",
    "/etc/passwd",
    "a/../../b",
    "blobs/sha256/../../..",
    "blobs/sha256/",
    "blobs/sha256/00",
    "0/layer.tar",
    "1/layer.tar",
    "config.json",
    "",
    ".",
    "\u{e9}",
];
const VALUES: &[&str] = &[
    "null",
    "[]",
    "{}",
    "0",
    "-1",
    "18446744073709551616",
    "\"\"",
    "\"sha256:\"",
    "\"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"",
    "\"../../etc/passwd\"",
    "\"config.json\"",
    "\"0/layer.tar\"",
    "[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]",
    "\"application/vnd.oci.image.index.v1+json\"",
    "true",
];
const SIZES: &[u64] = &[0, 1, 511, 512, 4 << 20, u32::MAX as u64, u64::MAX >> 1, u64::MAX];
/// Kinds of entries: files, links, folders, devices, long names, what applies to others.
const KINDS: &[u8] = b"\x000123456LKxgSM?";

#[derive(Clone)]
struct Entry {
    name: String,
    kind: u8,
    link: String,
    bytes: Vec<u8>,
    /// What its header says, if that is not so.
    size: Option<u64>,
}

fn file(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Entry {
    Entry { name: name.into(), kind: b'0', link: String::new(), bytes: bytes.into(), size: None }
}

fn blob(bytes: &[u8]) -> Entry {
    file(format!("blobs/sha256/{}", sha256(bytes)), bytes)
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({
        "mediaType": format!("application/vnd.oci.image.{kind}"),
        "digest": digest(bytes),
        "size": bytes.len(),
    })
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn config(layers: &[Vec<u8>]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers.iter().map(|l| digest(l)).collect();
    json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": diff_ids}})
        .to_string()
        .into_bytes()
}

/// In the form `docker save` had for years, with a link for a layer that is there twice.
fn docker(layers: &[Vec<u8>], compressed: bool) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (at, layer) in layers.iter().enumerate() {
        let bytes = if compressed { gzip(layer) } else { layer.clone() };
        entries.push(file(format!("{at}/layer.tar"), bytes));
    }
    if let [.., before, last] = layers
        && before == last
    {
        let target = format!("../{}/layer.tar", layers.len() - 2);
        let entry = entries.last_mut().unwrap();
        (entry.kind, entry.link, entry.bytes) = (b'2', target, Vec::new());
    }
    let names: Vec<String> = (0..layers.len()).map(|at| format!("{at}/layer.tar")).collect();
    let manifest =
        json!([{"Config": "config.json", "RepoTags": ["app:1", "b/c:2"], "Layers": names}]);
    entries.push(file("config.json", config(layers)));
    entries.push(file("manifest.json", manifest.to_string()));
    entries
}

/// An OCI layout; `nested` has an index of two platforms, one of which is absent.
fn oci(layers: &[Vec<u8>], nested: bool) -> Vec<Entry> {
    let config = config(layers);
    let described: Vec<Value> = layers.iter().map(|l| descriptor("layer.v1.tar", l)).collect();
    let manifest = json!({
        "schemaVersion": 2,
        "config": descriptor("config.v1+json", &config),
        "layers": described,
    })
    .to_string();
    let mut entries: Vec<Entry> = layers.iter().map(|layer| blob(layer)).collect();
    entries.extend([blob(&config), blob(manifest.as_bytes())]);
    let mut root = descriptor("manifest.v1+json", manifest.as_bytes());
    if nested {
        let absent = descriptor("manifest.v1+json", b"nowhere");
        let both = json!({"schemaVersion": 2, "manifests": [absent, root]}).to_string();
        entries.push(blob(both.as_bytes()));
        root = descriptor("index.v1+json", both.as_bytes());
    }
    root["annotations"] = json!({"io.containerd.image.name": "docker.io/library/app:1"});
    let index = json!({"schemaVersion": 2, "manifests": [root]}).to_string();
    entries.extend([file("index.json", index), file("oci-layout", "{}")]);
    entries
}

fn corpus() -> Vec<Vec<Entry>> {
    let (small, large) = (b"a layer".to_vec(), vec![7; 70_000]);
    vec![
        docker(&[small.clone(), large.clone()], false),
        docker(&[large.clone(), large.clone()], false),
        docker(&[small.clone(), large.clone()], true),
        oci(&[small.clone(), large.clone()], false),
        oci(std::slice::from_ref(&small), true),
        // As `docker save` does it now: both.
        [oci(std::slice::from_ref(&large), false), docker(&[large], false)].concat(),
        oci(&[], false),
    ]
}

/// A JSON text with one of its values changed.
fn changed(text: &[u8], random: &mut Random) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    serde_json::from_str::<Value>(text).ok()?;
    let starts: Vec<usize> = text
        .char_indices()
        .filter(|(_, c)| "\"[{0123456789".contains(*c))
        .map(|(at, _)| at)
        .collect();
    let at = *starts.get(random.below(starts.len()))?;
    let end = match serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>().next() {
        Some(Ok(value)) => at + value.to_string().len(),
        _ => at,
    };
    let end = end.min(text.len());
    let new = random.of(VALUES);
    Some(format!("{}{new}{}", text.get(..at)?, text.get(end..)?).into_bytes())
}

fn mutate(entries: &mut Vec<Entry>, other: &[Entry], random: &mut Random) {
    if entries.is_empty() {
        return entries.extend_from_slice(other);
    }
    let (at, to) = (random.below(entries.len()), random.below(entries.len()));
    match random.below(12) {
        0 => entries.swap(at, to),
        1 => drop(entries.remove(at)),
        2 => entries.insert(to, entries[at].clone()),
        3 => entries[at].name = random.of(NAMES).to_owned(),
        4 => entries[at].name = entries[to].name.clone(),
        5 => entries[at].bytes = entries[to].bytes.clone(),
        6 => entries[at].size = Some(SIZES[random.below(SIZES.len())]),
        7 => {
            entries[at].kind = KINDS[random.below(KINDS.len())];
            entries[at].link = random.of(NAMES).to_owned();
        }
        8 if !other.is_empty() => entries.insert(to, other[random.below(other.len())].clone()),
        9 => entries[at].bytes.push(b' '),
        // A document that is another one, and is called so.
        10 => {
            if let Some(text) = changed(&entries[at].bytes, random) {
                let name = entries[at].name.replace(&sha256(&entries[at].bytes), &sha256(&text));
                (entries[at].name, entries[at].bytes) = (name, text);
            }
        }
        _ => {
            if let Some(text) = changed(&entries[at].bytes, random) {
                entries[at].bytes = text;
            }
        }
    }
}

fn tar_of(entries: &[Entry]) -> Vec<u8> {
    let mut archive = Vec::new();
    for entry in entries {
        let mut header = tar::Header::new_gnu();
        let old = header.as_old_mut();
        let (name, link) = (entry.name.as_bytes(), entry.link.as_bytes());
        old.name[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
        old.linkname[..link.len().min(100)].copy_from_slice(&link[..link.len().min(100)]);
        old.linkflag = [entry.kind];
        header.set_mode(0o644);
        header.set_size(entry.size.unwrap_or(entry.bytes.len() as u64));
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(&entry.bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// Bytes changed, left out, put in, cut off.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    match random.below(4) {
        0 => bytes.truncate(at),
        1 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
        2 if !bytes.is_empty() => drop(bytes.remove(at)),
        _ => bytes.insert(at.min(bytes.len()), random.below(256) as u8),
    }
}

fn archive(corpus: &[Vec<Entry>], random: &mut Random) -> Vec<u8> {
    let mut entries = corpus[random.below(corpus.len())].clone();
    for _ in 0..random.below(4) {
        mutate(&mut entries, &corpus[random.below(corpus.len())], random);
    }
    let mut bytes = tar_of(&entries);
    if random.below(4) == 0 {
        damage(&mut bytes, random);
    }
    // Compressing takes far longer than reading.
    match random.below(16) {
        0 | 1 => bytes = gzip(&bytes),
        2 => bytes = zstd(&bytes),
        _ => return bytes,
    }
    if random.below(3) == 0 {
        damage(&mut bytes, random);
    }
    bytes
}

/// The blobs that went by.
#[derive(Default)]
struct Seen(Vec<Vec<u8>>);

impl BlobSink for Seen {
    fn begin(&mut self, _: Option<&Digest>, _: u64) -> io::Result<()> {
        self.0.push(Vec::new());
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.last_mut().unwrap().extend_from_slice(bytes);
        Ok(())
    }
}

/// Whether it was read; what was read must be what its digests say.
fn check(bytes: &[u8]) -> bool {
    let mut seen = Seen::default();
    let Ok(contents) = archive::read(bytes, &mut seen) else { return false };
    let Ok((images, made)) = contents.images("amd64") else { return false };
    let blobs = seen.0.into_iter().chain(made.iter().map(|document| document.to_vec()));
    let blobs: BTreeMap<String, Vec<u8>> = blobs.map(|blob| (digest(&blob), blob)).collect();
    assert!(!images.is_empty());
    images.iter().for_each(|image| is_itself(image, &blobs));
    true
}

fn is_itself(image: &PlatformImage, blobs: &BTreeMap<String, Vec<u8>>) {
    // Text that nobody looks at need not be UTF-8, as in Go.
    let document = |digest: &str| -> Value {
        serde_json::from_str(&String::from_utf8_lossy(&blobs[digest])).unwrap()
    };
    let mut manifests = vec![document(&image.root.digest.to_string())];
    let children = manifests[0]["manifests"].as_array().cloned().unwrap_or_default();
    let here = children.iter().filter_map(|child| child["digest"].as_str());
    manifests.extend(here.filter(|digest| blobs.contains_key(*digest)).map(document));
    let layers: Vec<String> = image.layers.iter().map(|layer| layer.digest.to_string()).collect();
    let names = |manifest: &Value| -> bool {
        let named = manifest["layers"].as_array().cloned().unwrap_or_default();
        let same =
            named.iter().map(|l| l["digest"].as_str()).eq(layers.iter().map(|l| Some(&l[..])));
        same && manifest["config"]["digest"] == image.config.to_string()
    };
    assert!(manifests.iter().any(names), "its manifest names other layers");
    assert!(layers.iter().all(|layer| blobs.contains_key(layer)), "a layer is not there");
    let config = document(&image.config.to_string());
    let diff_ids = config["rootfs"]["diff_ids"].as_array().cloned().unwrap_or_default();
    let said = diff_ids.iter().map(|id| id.as_str().unwrap().to_owned());
    assert!(said.eq(image.diff_ids.iter().map(Digest::to_string)));
    assert_eq!(diff_ids.len(), layers.len());
}

/// Returns how many archives were read.
fn run(seed: u64, count: usize) -> usize {
    let (corpus, mut random, mut read) = (corpus(), Random(seed), 0);
    for round in 0..count {
        let bytes = archive(&corpus, &mut random);
        match catch_unwind(AssertUnwindSafe(|| check(&bytes))) {
            Ok(accepted) => read += usize::from(accepted),
            Err(_) => {
                let file = std::env::temp_dir().join("skiff-fuzz-archive");
                std::fs::write(&file, &bytes).unwrap();
                panic!("seed {seed}, round {round}: {}", file.display());
            }
        }
    }
    read
}

/// The most memory this process ever had.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[test]
fn any_archive_is_what_it_says_or_refused() {
    let count = std::env::var("FUZZ").map_or(6_000, |text| text.parse().unwrap());
    for (at, entries) in corpus().iter().enumerate() {
        assert!(check(&tar_of(entries)), "archive {at} as it is");
    }
    let read: usize = std::thread::scope(|scope| {
        let threads = [1, 2].map(|seed| scope.spawn(move || run(seed, count / 2)));
        threads.into_iter().map(|thread| thread.join().expect("no archive panics")).sum()
    });
    assert!((count / 20..count * 3 / 4).contains(&read), "{read} of {count} were read");
}

/// Little that becomes much when it is decompressed.
#[test]
fn what_swells_is_not_kept() {
    for (kind, byte) in [(b'0', b'{'), (b'L', b'x'), (b'K', b'x'), (b'x', b'1'), (b'5', 0)] {
        let entry = Entry { kind, size: Some(SWOLLEN), ..file("blobs/x", "") };
        let header = gzip(&tar_of(&[entry])[..512]);
        // Parts of gzip follow each other as what they hold does.
        let filler = gzip(&vec![byte; 1 << 20]).repeat(SWOLLEN as usize >> 20);
        let _ = archive::read(&[header, filler].concat()[..], &mut Dropped);
    }
    let peak = peak_kb();
    assert!(peak << 10 < SWOLLEN, "{peak} kB");
}

struct Dropped;

impl BlobSink for Dropped {
    fn begin(&mut self, _: Option<&Digest>, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}
