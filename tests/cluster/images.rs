//! Images made for tests, and the engine's API to hand them over.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

pub(crate) use crate::support::archive::digest;
use crate::support::archive::tar;

/// An image of one program and a file that it prints.
pub(crate) struct Made {
    pub tags: Vec<String>,
    /// What `/top` holds, in the topmost layer.
    pub top: String,
    pub layers: Vec<Vec<u8>>,
}

impl Made {
    pub(crate) fn new(program: &[u8], tags: &[&str], top: &str) -> Made {
        let layers =
            vec![layer("show", program), layer("middle", b"x"), layer("top", top.as_bytes())];
        Made { tags: tags.iter().map(|t| t.to_string()).collect(), top: top.to_owned(), layers }
    }

    pub(crate) fn config(&self) -> Vec<u8> {
        json!({
            "os": "linux",
            "architecture": arch(),
            "config": {"Cmd": ["/show"]},
            "rootfs": {
                "type": "layers",
                "diff_ids": self.layers.iter().map(|l| digest(l)).collect::<Vec<_>>()
            },
        })
        .to_string()
        .into_bytes()
    }

    /// As `docker save` wrote it for years, which every engine loads.
    pub(crate) fn docker_archive(&self) -> Vec<u8> {
        let names: Vec<String> = (0..self.layers.len()).map(|n| format!("{n}/layer.tar")).collect();
        let manifest = json!([{"Config": "config.json", "RepoTags": self.tags, "Layers": names}]);
        let mut entries: Vec<(String, Vec<u8>)> =
            names.into_iter().zip(self.layers.clone()).collect();
        entries.push(("config.json".into(), self.config()));
        entries.push(("manifest.json".into(), manifest.to_string().into_bytes()));
        tar(&entries)
    }

    pub(crate) fn manifest(&self) -> String {
        let layer = |layer: &Vec<u8>| described("layer.v1.tar", layer);
        json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described("config.v1+json", &self.config()),
            "layers": self.layers.iter().map(layer).collect::<Vec<_>>(),
        })
        .to_string()
    }

    /// An OCI layout whose index names a second platform that is not in it;
    /// also returns the digest of that index.
    pub(crate) fn one_platform_of_two(&self) -> (Vec<u8>, String) {
        let config = self.config();
        let manifest = self.manifest();
        let mut here = described("manifest.v1+json", manifest.as_bytes());
        here["platform"] = json!({"os": "linux", "architecture": arch()});
        let mut absent = described("manifest.v1+json", b"nowhere");
        absent["platform"] = json!({"os": "linux", "architecture": "s390x"});
        let both = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [absent, here],
        })
        .to_string();
        let mut root = described("index.v1+json", both.as_bytes());
        root["annotations"] =
            json!({"io.containerd.image.name": format!("docker.io/{}", self.tags[0])});
        let index = json!({"schemaVersion": 2, "manifests": [root]}).to_string();
        let blob = |bytes: &[u8]| (format!("blobs/sha256/{}", &digest(bytes)[7..]), bytes.to_vec());
        let mut entries: Vec<(String, Vec<u8>)> = self.layers.iter().map(|l| blob(l)).collect();
        entries.extend([blob(&config), blob(manifest.as_bytes()), blob(both.as_bytes())]);
        entries.push(("index.json".into(), index.into_bytes()));
        entries.push(("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
        (tar(&entries), digest(both.as_bytes()))
    }
}

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn described(kind: &str, bytes: &[u8]) -> Value {
    json!({
        "mediaType": format!("application/vnd.oci.image.{kind}"),
        "digest": digest(bytes),
        "size": bytes.len(),
    })
}

fn arch() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

/// A layer of one executable file.
pub(crate) fn layer(name: &str, text: &[u8]) -> Vec<u8> {
    tar(&[(name, text)])
}

/// Calls the engine's API, which must succeed.
pub(crate) fn api(socket: &Path, method: &str, path: &str, body: Option<&Path>) -> Vec<u8> {
    let mut command = Command::new("curl");
    command.args(["-fsS", "-X", method, "--unix-socket"]).arg(socket);
    if let Some(body) = body {
        command.args(["-H", "Content-Type: application/x-tar", "-T"]).arg(body);
    }
    let out =
        command.arg(format!("http://engine{path}")).stderr(Stdio::inherit()).output().unwrap();
    assert!(out.status.success(), "{method} {path}");
    out.stdout
}

pub(crate) fn load_into_engine(socket: &Path, folder: &Path, archive: &[u8]) {
    let file = folder.join("engine.tar");
    std::fs::write(&file, archive).unwrap();
    let said = api(socket, "POST", "/images/load?quiet=1", Some(&file));
    let said = String::from_utf8_lossy(&said);
    assert!(!said.contains("error"), "{said}");
}

/// A program that needs nothing else in its image: prints `/top`.
pub(crate) fn program(folder: &Path) -> Vec<u8> {
    let source = folder.join("show.c");
    let text = "#include <stdio.h>\nint main(void) { FILE *f = fopen(\"/top\", \"r\"); int c; \
                while (f && (c = getc(f)) != EOF) putchar(c); return f ? 0 : 1; }\n";
    std::fs::write(&source, text).unwrap();
    let made = folder.join("show");
    let cc = Command::new("cc").args(["-static", "-Os", "-o"]).args([&made, &source]).status();
    assert!(cc.unwrap().success(), "cc is needed to make images");
    std::fs::read(made).unwrap()
}
