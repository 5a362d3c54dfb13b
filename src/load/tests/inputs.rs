//! Images, engines and nodes that mean harm: what usual ones say, with a few texts
//! replaced.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::random::Random;
use crate::engine::{Host, Image, Storage};
use crate::image::fixtures::{Entries, blob, gzip, tar_of};
use crate::image::{Digest, Reference, oci};
use crate::load::fixtures::Report;

/// The only layer of every image.
const LAYER: &[u8] = b"the only layer";
/// Bytes; too many to be held in memory.
const LARGE: u64 = 1 << 40;

/// What replaces a text, or is put behind it.
const HOSTILE: &[&str] = &[
    " ",
    "\n",
    "\0",
    "\r\nx: y",
    "-",
    "--local",
    "--platform=linux/arm64",
    " --all-platforms linux/amd64 registry.k8s.io/kube-proxy:v1.37.2",
    "\nhttp://attacker.example/v2 --all-platforms linux/amd64 registry.k8s.io/kube-proxy:v1.37.2",
    "\0daemon\0linux/amd64\x001\0registry.k8s.io/kube-proxy:v1.37.2\0",
    "registry.k8s.io/kube-proxy:v1.37.2",
    "registry.k8s.io/pause:3.10.2 other",
    "\"",
    "\"||name~=\".*\"",
    ",target.digest~=.",
    "$(touch /tmp/x)",
    "`id`",
    "; reboot #",
    "*",
    "../../../etc/passwd",
    "/etc/passwd",
    "\u{1b}]0;x\u{7}\u{1b}[2J",
    "\u{202e}gnp",
    "é",
    "",
    "sha256:0",
    "docker.io/library/app@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "[x]:1/app",
    "application/vnd.oci.image.index.v1+json",
    "\nBOUNDARY blobs\n",
    "arm64",
    "v9",
];

/// One input: the documents of an image, an engine's answers, a node's answers.
pub(super) struct Input {
    pub host: Host,
    pub image: Image,
    /// What the engine exports, or a file.
    pub archive: Vec<u8>,
    /// What nodes report, in turn.
    pub reports: Vec<Report>,
    /// The engine's directory, as a container sees it.
    pub files: Vec<u8>,
    /// Every text in the archive that is an image name, in full.
    pub names: BTreeSet<String>,
}

/// Hands out texts, a few of them hostile.
struct Texts<'r> {
    random: &'r mut Random,
    /// How many texts were asked for.
    asked: usize,
    /// The numbers of those that are hostile.
    hostile: Vec<usize>,
    said: Vec<String>,
}

impl Texts<'_> {
    fn text(&mut self, usual: impl Into<String>) -> String {
        let (usual, number) = (usual.into(), self.asked);
        self.asked += 1;
        let text = match self.hostile.contains(&number) {
            false => usual,
            true => match (self.random.of(HOSTILE), self.random.below(3)) {
                (word, 0) => word.to_owned(),
                (word, 1) => format!("{word}{usual}"),
                (word, _) => format!("{usual}{word}"),
            },
        };
        self.said.push(text.clone());
        text
    }

    fn descriptor(&mut self, usual: &oci::Descriptor) -> Value {
        let digest = self.text(usual.digest.to_string());
        json!({
            "mediaType": self.text(usual.media_type.as_str()),
            "digest": digest,
            "size": usual.size,
            "annotations": {self.text("a"): self.text("b")},
        })
    }
}

/// The next input.
pub(super) fn input(random: &mut Random) -> Input {
    let hostile = (0..random.below(5)).map(|_| random.below(60)).collect();
    let (is_docker, is_nested) = (random.below(3) == 0, random.below(3) == 0);
    let mut texts = Texts { random, asked: 0, hostile, said: Vec::new() };
    let config = config(&mut texts);
    let (entries, root) = match is_docker {
        true => docker(&mut texts, &config),
        false => layout(&mut texts, &config, is_nested),
    };
    let names = texts.said.iter().filter_map(|text| Reference::parse(text).ok());
    let names = names.map(|name| name.to_string()).collect();
    let entries: Entries =
        entries.into_iter().map(|(name, bytes)| (short(&name).to_owned(), bytes)).collect();
    let id = Digest::of(&config);
    let reports = (0..4).map(|_| report(&mut texts, &id, &root)).collect();
    let files = files(&mut texts, &config);
    let size = if texts.random.below(4) == 0 { LARGE } else { 0 };
    let image = Image {
        id: texts.text(id.to_string()),
        layers: vec![texts.text(Digest::of(LAYER).to_string())],
        tags: vec![texts.text("app:1")],
        size,
        ..Image::default()
    };
    Input { host: host(&mut texts), image, archive: tar_of(&entries), reports, files, names }
}

fn config(texts: &mut Texts) -> Vec<u8> {
    let mut config = json!({
        "os": texts.text("linux"),
        "architecture": texts.text("amd64"),
        "rootfs": {"type": texts.text("layers"), "diff_ids": [Digest::of(LAYER).to_string()]},
        "config": {"Labels": {texts.text("a"): texts.text("b")}, "Env": [texts.text("A=b")]},
    });
    if texts.random.below(2) == 0 {
        config["variant"] = json!(texts.text("v1"));
    }
    config.to_string().into_bytes()
}

fn layout(texts: &mut Texts, config: &[u8], is_nested: bool) -> (Entries, Digest) {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": texts.text(oci::MANIFEST.as_str()),
        "config": texts.descriptor(&oci::Descriptor::of(oci::CONFIG, config)),
        "layers": [texts.descriptor(&oci::Descriptor::of(oci::LAYER, LAYER))],
    })
    .to_string();
    let mut entries: Entries = vec![blob(LAYER), blob(config), blob(manifest.as_bytes())];
    let mut root = oci::Descriptor::of(oci::MANIFEST, manifest.as_bytes());
    if is_nested {
        let mut child = texts.descriptor(&root);
        child["platform"] = json!({
            "os": texts.text("linux"),
            "architecture": texts.text("amd64"),
            "variant": texts.text("v1"),
        });
        let index = json!({
            "schemaVersion": 2,
            "mediaType": texts.text(oci::INDEX.as_str()),
            "manifests": [child],
        })
        .to_string();
        entries.push(blob(index.as_bytes()));
        root = oci::Descriptor::of(oci::INDEX, index.as_bytes());
    }
    let mut named = texts.descriptor(&root);
    named["annotations"] = json!({
        oci::NAME_ANNOTATION: texts.text("docker.io/library/app:1"),
        oci::REF_NAME_ANNOTATION: texts.text("1"),
    });
    let index = json!({"schemaVersion": 2, "manifests": [named]}).to_string();
    entries.push((texts.text("index.json"), index.into_bytes()));
    entries.push((texts.text("oci-layout"), b"{}".to_vec()));
    (entries, root.digest)
}

fn docker(texts: &mut Texts, config: &[u8]) -> (Entries, Digest) {
    let manifest = json!([{
        "Config": texts.text("c.json"),
        "RepoTags": [texts.text("app:1"), texts.text("team/app:2")],
        "Layers": [texts.text("l0/layer.tar")],
    }]);
    let root = oci::manifest(
        oci::Descriptor::of(oci::CONFIG, config),
        vec![oci::Descriptor::of(oci::LAYER, LAYER)],
    );
    let entries = vec![
        (texts.text("l0/layer.tar"), LAYER.to_vec()),
        (texts.text("c.json"), config.to_vec()),
        ("manifest.json".to_owned(), manifest.to_string().into_bytes()),
    ];
    (entries, Digest::of(&root))
}

fn report(texts: &mut Texts, id: &Digest, root: &Digest) -> Report {
    let name = if texts.random.below(2) == 0 { "app:1" } else { "old:1" };
    let mut report = Report {
        configuration: format!(
            "plugins.'io.containerd.cri.v1.images'.snapshotter = {}",
            json!(texts.text("overlayfs"))
        ),
        ..Report::default()
    };
    if texts.random.below(3) > 0 {
        let mut line = |name: &str| {
            let (name, target) = (texts.text(name), texts.text(root.to_string()));
            let (number, unit) = (texts.text("1.0"), texts.text("MiB"));
            format!("{name} {} {target} {number} {unit} -\n", texts.text("type"))
        };
        report.images = line(&format!("docker.io/library/{name}")) + &line(&id.to_string());
        report.blobs = [root, id].map(|blob| texts.text(blob.to_string())).join("\n");
        report.snapshots = format!("{} Committed", texts.text(Digest::of(LAYER).to_string()));
    }
    report
}

/// What `tar` writes in the reader container.
fn files(texts: &mut Texts, config: &[u8]) -> Vec<u8> {
    let layer = format!("image/overlay2/layerdb/sha256/{}", Digest::of(LAYER).hex());
    let line = json!({"type": 1, "name": texts.text("etc/hosts"), "size": 4}).to_string();
    let files = [
        (
            format!("image/overlay2/imagedb/content/sha256/{}", Digest::of(config).hex()),
            config.to_vec(),
        ),
        (format!("{layer}/tar-split.json.gz"), gzip(line.as_bytes())),
        (format!("{layer}/cache-id"), texts.text("0af").into_bytes()),
    ];
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, name, &text[..]).unwrap();
    }
    archive.into_inner().unwrap()
}

fn host(texts: &mut Texts) -> Host {
    let storage = Storage {
        driver: texts.text("overlay2"),
        containerd: texts.random.below(8) == 0,
        // No directory of this machine.
        root: format!("/nowhere/{}", texts.text("docker")),
    };
    let arch = texts.text("amd64");
    Host { arch, local: texts.random.below(4) > 0, storage, ..Host::default() }
}

/// As much of a name as a tar header has room for.
fn short(name: &str) -> &str {
    let end = (0..=name.len().min(100)).rev().find(|end| name.is_char_boundary(*end));
    &name[..end.unwrap_or(0)]
}
