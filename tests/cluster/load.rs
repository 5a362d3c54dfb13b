//! Images get into nodes, only what changed of them, and pods run them: with
//! either image store of the engine.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use skiff::node_image;

use crate::harness::{Lab, SecondEngine, check, eventually, program as skiff, stderr};
use crate::images::{Made, api, layer, load_into_engine, program};
use crate::load_trouble::trouble;

pub(crate) const NAME: &str = "skiff-test-load";

/// A cluster, and what images are made of.
pub(crate) struct Loading {
    pub lab: Lab,
    pub nodes: Vec<String>,
    program: Vec<u8>,
    pods: std::cell::Cell<usize>,
}

impl Loading {
    fn new(lab: Lab, config: &str) -> Loading {
        let config = lab.write("load.yaml", config);
        lab.ok(&["create", "cluster", "--name", NAME, "--config", &config]);
        let nodes = lab.ok(&["get", "nodes", "--name", NAME]);
        let program = program(lab.folder.path());
        let nodes = nodes.lines().map(str::to_owned).collect();
        Loading { lab, nodes, program, pods: 0.into() }
    }

    pub(crate) fn made(&self, tags: &[&str], top: &str) -> Made {
        Made::new(&self.program, tags, top)
    }

    pub(crate) fn give_to_engine(&self, made: &Made) {
        load_into_engine(&self.lab.socket(), self.lab.folder.path(), &made.docker_archive());
    }

    pub(crate) fn run(&self, what: &[&str]) -> Output {
        self.lab.run(&[what, &["--name", NAME]].concat())
    }

    /// Loads from the engine; returns what was said about it.
    pub(crate) fn load(&self, images: &[&str]) -> String {
        let out = self.run(&[&["load", "docker-image"], images].concat());
        assert!(out.status.success(), "{}", stderr(&out));
        assert!(out.stdout.is_empty(), "stdout is data");
        stderr(&out)
    }

    /// Loads an archive from stdin.
    pub(crate) fn load_stdin(&self, archive: &[u8]) -> Output {
        let mut child = self
            .lab
            .command(&["load", "image-archive", "-", "--name", NAME])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // One that is refused early is not read to its end.
        let _ = child.stdin.take().unwrap().write_all(archive);
        child.wait_with_output().unwrap()
    }

    /// A command that cannot see the folder in which the engine keeps images,
    /// as most users cannot; what keeps it from tests' root is a mount.
    fn blind(&self, args: &[&str]) -> Output {
        let plain = self.lab.command(&[args, &["--name", NAME]].concat());
        if std::fs::read_dir(self.engine_folder()).is_err() {
            return self.output(plain);
        }
        let mut command = Command::new("unshare");
        command.args(["-m", "--propagation", "private", "sh", "-c"]);
        command.arg("mount -t tmpfs none \"$0\" && exec \"$@\"").arg(self.engine_folder());
        command.arg(plain.get_program()).args(plain.get_args());
        for (name, value) in plain.get_envs().filter_map(|(name, value)| Some((name, value?))) {
            command.env(name, value);
        }
        self.output(command)
    }

    fn output(&self, mut command: Command) -> Output {
        command.stdin(Stdio::null()).output().unwrap()
    }

    fn engine_is_podman(&self) -> bool {
        let version = api(&self.lab.socket(), "GET", "/version", None);
        String::from_utf8_lossy(&version).contains("Podman Engine")
    }

    fn engine_folder(&self) -> PathBuf {
        let info = api(&self.lab.socket(), "GET", "/info", None);
        let info: Value = serde_json::from_slice(&info).unwrap();
        info["DockerRootDir"].as_str().unwrap().into()
    }

    /// A pod on every node runs the image, which must print `top`.
    pub(crate) fn runs(&self, image: &str, policy: &str, top: &str) {
        let mut pods = Vec::new();
        for node in &self.nodes {
            let pod = format!("image-{}", self.pods.replace(self.pods.get() + 1));
            self.lab.apply(
                NAME,
                &format!(
                    "apiVersion: v1
kind: Pod
metadata: {{name: {pod}}}
spec:
  nodeName: {node}
  restartPolicy: Never
  tolerations: [{{operator: Exists}}]
  containers: [{{name: show, image: \"{image}\", imagePullPolicy: {policy}}}]
"
                ),
            );
            pods.push(pod);
        }
        for pod in pods {
            eventually(&format!("{image} runs"), 60, || {
                let found = self.lab.json(NAME, &["get", "pod", &pod]);
                match found["status"]["phase"].as_str() {
                    Some("Succeeded") => Ok(()),
                    _ => Err(found["status"].to_string()),
                }
            });
            assert_eq!(self.lab.kubectl(NAME, &["logs", &pod]), top, "{image}");
        }
    }

    /// Runs a command in the first node.
    pub(crate) fn in_node(&self, script: &str) -> String {
        let socket = self.lab.socket();
        let body = self.lab.folder.path().join("exec.json");
        let create = serde_json::json!({"AttachStdout": true, "Cmd": ["sh", "-c", script]});
        std::fs::write(&body, create.to_string()).unwrap();
        let path = format!("/containers/{}/exec", self.nodes[0]);
        let made: Value = serde_json::from_slice(&json_post(&socket, &path, &body)).unwrap();
        std::fs::write(&body, r#"{"Detach": false, "Tty": true}"#).unwrap();
        let path = format!("/exec/{}/start", made["Id"].as_str().unwrap());
        String::from_utf8_lossy(&json_post(&socket, &path, &body)).into_owned()
    }

    pub(crate) fn helpers(&self) -> Vec<Value> {
        let found = api(&self.lab.socket(), "GET", "/containers/json?all=true", None);
        let found: Vec<Value> = serde_json::from_slice(&found).unwrap();
        let is_helper = |c: &Value| {
            c["Names"][0].as_str().is_some_and(|name| {
                name.strip_prefix("/skiff-load-").is_some_and(|rest| {
                    rest.len() == 8 && rest.bytes().all(|b| b.is_ascii_hexdigit())
                })
            })
        };
        found.into_iter().filter(is_helper).collect()
    }

    pub(crate) fn blobs(&self) -> usize {
        self.in_node("ctr -n k8s.io content ls -q").lines().count()
    }
}

fn json_post(socket: &std::path::Path, path: &str, body: &std::path::Path) -> Vec<u8> {
    let out = std::process::Command::new("curl")
        .args(["-fsS", "-X", "POST", "-H", "Content-Type: application/json", "--unix-socket"])
        .arg(socket)
        .args(["-d", &format!("@{}", body.display()), &format!("http://engine{path}")])
        .output()
        .unwrap();
    assert!(out.status.success(), "{path}: {}", stderr(&out));
    out.stdout
}

const ONE_NODE: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";
const TWO_NODES: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{role: control-plane}, {role: worker}]\n";

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn images_are_loaded_from_dockers_own_store() {
    let loading = Loading::new(Lab::new(&[NAME]), TWO_NODES);
    names_and_changes(&loading);
    ways_to_layers(&loading);
    archives(&loading);
    refusals(&loading);
    interruption(&loading);
    trouble(&loading);
    lists_and_deletion(&loading);
    a_stopped_node(&loading);
    clean_up(&loading);
}

/// What every engine can do, whatever its store: `tests/run.sh engines` runs it
/// on each of them.
#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn images_are_loaded_from_any_engine() {
    let loading = Loading::new(Lab::new(&[NAME]), ONE_NODE);
    names_and_changes(&loading);
    if loading.engine_is_podman() {
        exports_of_podman(&loading);
    } else {
        ways_to_layers(&loading);
    }
    archives(&loading);
    lists_and_deletion(&loading);
    clean_up(&loading);
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn images_are_loaded_from_containerds_store() {
    let image = node_image::reference(node_image::DEFAULT_VERSION);
    let image = api(&Lab::new(&[]).socket(), "GET", &format!("/images/{image}/get"), None);
    let engine = SecondEngine::start("containerd");
    let lab = Lab::on(engine, &[NAME]);
    load_into_engine(&lab.socket(), lab.folder.path(), &image);
    let loading = Loading::new(lab, ONE_NODE);
    names_and_changes(&loading);
    ways_to_layers(&loading);

    let made = loading.made(&["skiff-test/platforms:1"], "one of two\n");
    let (archive, index) = made.one_platform_of_two();
    load_into_engine(&loading.lab.socket(), loading.lab.folder.path(), &archive);
    let said = loading.load(&["skiff-test/platforms:1"]);
    assert!(said.contains(" sent, "), "{said}");
    loading.runs("skiff-test/platforms:1", "Never", &made.top);
    check("an image of two platforms, one of which is absent");
    let exact = format!("skiff-test/platforms@{index}");
    loading.load(&[&exact]);
    loading.runs(&exact, "IfNotPresent", &made.top);
    check("a digest reference");

    // Outside the engine's network nodes cannot reach skiff, as with an engine
    // in a virtual machine.
    let made = loading.made(&["skiff-test/far:1"], "far away\n");
    loading.give_to_engine(&made);
    let out = std::process::Command::new(skiff())
        .args(["load", "docker-image", "skiff-test/far:1", "--name", NAME])
        .env("DOCKER_HOST", format!("unix://{}", loading.lab.socket().display()))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", stderr(&out));
    assert!(stderr(&out).contains("export instead"), "{}", stderr(&out));
    assert!(stderr(&out).contains("1 of 3 layers"), "{}", stderr(&out));
    loading.runs("skiff-test/far:1", "Never", &made.top);
    check("nodes that cannot reach skiff get the export, without what they have");
}

fn names_and_changes(loading: &Loading) {
    let first = loading.made(&["skiff-test/app:1"], "first\n");
    loading.give_to_engine(&first);
    let said = loading.load(&["skiff-test/app:1"]);
    for node in &loading.nodes {
        assert!(said.contains(&format!("{node}: ")), "{said}");
    }
    assert!(said.contains("3 of 3 layers"), "{said}");
    loading.runs("skiff-test/app:1", "Never", &first.top);
    loading.runs("docker.io/skiff-test/app:1", "IfNotPresent", &first.top);
    check("a pod on every node runs a loaded image, never pulling or if not present");

    let said = loading.load(&["skiff-test/app:1"]);
    assert!(said.contains("already present on all nodes") && !said.contains(" sent"), "{said}");
    check("an image that is there is not sent again");

    let second = loading.made(&["skiff-test/app:1", "skiff-test/other:2"], "second\n");
    loading.give_to_engine(&second);
    let said = loading.load(&["skiff-test/app:1"]);
    assert!(said.contains("1 of 3 layers; 2 were there already"), "{said}");
    loading.runs("skiff-test/app:1", "Never", &second.top);
    check("the same tag with new content sends the layer that changed");

    let said = loading.load(&["skiff-test/other:2"]);
    assert!(said.contains("re-tagging") && !said.contains(" sent"), "{said}");
    loading.runs("skiff-test/other:2", "Never", &second.top);
    check("another tag of it is given without sending anything");

    let both = loading.made(&["skiff-test/one:1", "skiff-test/two:1"], "several tags\n");
    let third = loading.made(&["skiff-test/three:1"], "several images\n");
    loading.give_to_engine(&both);
    loading.give_to_engine(&third);
    let out = loading.run(&[
        "-q",
        "load",
        "docker-image",
        "skiff-test/one:1",
        "skiff-test/two:1",
        "skiff-test/three:1",
    ]);
    assert!(out.status.success() && out.stderr.is_empty(), "{}", stderr(&out));
    loading.runs("skiff-test/two:1", "Never", &both.top);
    loading.runs("skiff-test/three:1", "Never", &third.top);
    check("several images and tags in one call, silently with -q");
    assert!(loading.helpers().is_empty(), "{:?}", loading.helpers());
    check("no helper container stays");
}

/// Layers are read where the engine keeps them: by skiff itself, or if it may
/// not, from an export if that is small, or through a helper container.
fn ways_to_layers(loading: &Loading) {
    let small = loading.made(&["skiff-test/small:1"], "small\n");
    let mut large = loading.made(&["skiff-test/wide:1"], "large\n");
    large.layers.insert(0, layer("noise", &noise(40)));
    loading.give_to_engine(&small);
    loading.give_to_engine(&large);
    let (small_name, large_name) = ("skiff-test/small:1", "skiff-test/wide:1");
    let load = |name| ["-v", "1", "load", "docker-image", name];
    let loaded = |out: Output, name: &str, way: &str, top: &str| {
        let said = stderr(&out);
        assert!(out.status.success() && said.contains(way), "{way}: {said}");
        assert!(!said.contains("export instead"), "{said}");
        loading.runs(name, "Never", top);
        assert!(loading.helpers().is_empty());
        assert!(loading.run(&["delete", "image", name]).status.success());
    };
    loaded(loading.blind(&load(small_name)), small_name, "held in memory", &small.top);
    loaded(loading.blind(&load(large_name)), large_name, "through container", &large.top);
    let way = match std::fs::read_dir(loading.engine_folder()) {
        Ok(_) => "read in /",
        Err(_) => "through container",
    };
    loaded(loading.run(&load(large_name)), large_name, way, &large.top);
    check("layers are read in the engine's folder, from its export, or through a helper");
}

/// Podman's store is not read: a small image is exported into memory, a large one
/// to the nodes.
fn exports_of_podman(loading: &Loading) {
    let small = loading.made(&["skiff-test/small:1"], "small\n");
    let mut large = loading.made(&["skiff-test/wide:1"], "large\n");
    large.layers.insert(0, layer("noise", &noise(40)));
    for (made, name, way) in [
        (small, "skiff-test/small:1", "held in memory"),
        (large, "skiff-test/wide:1", "sending the engine's export instead"),
    ] {
        loading.give_to_engine(&made);
        let out = loading.run(&["-v", "1", "load", "docker-image", name]);
        assert!(out.status.success() && stderr(&out).contains(way), "{way}: {}", stderr(&out));
        loading.runs(name, "Never", &made.top);
    }
    check("Podman's images are exported, small ones into memory");
}

fn archives(loading: &Loading) {
    let made = loading.made(&["skiff-test/docker-archive:1"], "docker archive\n");
    let file = loading.lab.folder.path().join("image.tar");
    std::fs::write(&file, made.docker_archive()).unwrap();
    let out = loading.run(&["load", "image-archive", file.to_str().unwrap()]);
    assert!(out.status.success(), "{}", stderr(&out));
    loading.runs("skiff-test/docker-archive:1", "Never", &made.top);
    check("an archive of docker save, from a file");

    let made = loading.made(&["skiff-test/oci:1"], "oci layout\n");
    let (layout, _) = made.one_platform_of_two();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&layout).unwrap();
    let out = loading.load_stdin(&gzip.finish().unwrap());
    assert!(out.status.success(), "{}", stderr(&out));
    assert!(stderr(&out).contains("1 of 3 layers"), "{}", stderr(&out));
    loading.runs("skiff-test/oci:1", "Never", &made.top);
    check("an OCI layout, compressed, from stdin, without the layers that are there");

    let made = loading.made(&["skiff-test/zstd:1"], "zstd\n");
    let archive = made.docker_archive();
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let out = loading.load_stdin(&ruzstd::encoding::compress_to_vec(&archive[..], level));
    assert!(out.status.success(), "{}", stderr(&out));
    loading.runs("skiff-test/zstd:1", "Never", &made.top);
    check("an archive of docker save, compressed with zstd");

    let mut large = loading.made(&["skiff-test/cut:1"], "cut\n");
    large.layers.insert(1, layer("noise", &noise(3)));
    let whole = large.docker_archive();
    let before = loading.blobs();
    let cut = loading.load_stdin(&whole[..whole.len() / 2]);
    let mut wrong = large.one_platform_of_two().0;
    let at = wrong.len() / 2;
    wrong[at] ^= 1;
    let wrong = loading.load_stdin(&wrong);
    let none = loading.load_stdin(b"no archive at all");
    for (out, words) in [(cut, "cut short"), (wrong, "has the content of"), (none, "not an image")]
    {
        assert_eq!(out.status.code(), Some(6));
        assert!(stderr(&out).contains(words), "{}", stderr(&out));
    }
    eventually("nothing of it stays in the node", 60, || match loading.blobs() {
        now if now <= before => Ok(()),
        now => Err(format!("{before} blobs before, {now} after")),
    });
    assert!(!loading.lab.ok(&["get", "images", "--name", NAME]).contains("skiff-test/cut"));
    check("damaged archives are refused and leave nothing");
}

fn refusals(loading: &Loading) {
    let refused = |code: i32, args: &[&str], words: &[&str]| {
        let out = loading.run(args);
        assert_eq!(out.status.code(), Some(code), "{args:?}");
        for word in words {
            assert!(stderr(&out).contains(word), "{args:?}: {word:?} is not in {}", stderr(&out));
        }
    };
    refused(
        6,
        &["load", "docker-image", "skiff-test/ap:1"],
        &["image: \"skiff-test/ap:1\" not present locally", "skiff-test/app:1", "docker pull"],
    );
    refused(
        2,
        &["load", "docker-image", "skiff-test/app:1", "--nodes", "nobody"],
        &["unknown node: \"nobody\"", &loading.nodes[0]],
    );
    refused(6, &["delete", "image", "skiff-test/nothing:1"], &["is not on any node"]);
    let out = loading.lab.run(&["load", "docker-image", "skiff-test/app:1", "--name", "nowhere"]);
    assert!(stderr(&out).contains("no nodes found for cluster \"nowhere\""), "{}", stderr(&out));
    check("what cannot be is said with what to do");
}

/// So many megabytes that do not compress within a block.
pub(crate) fn noise(megabytes: usize) -> Vec<u8> {
    let block: Vec<u8> =
        (0..1_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    block.repeat(megabytes)
}

/// Ctrl-C while layers go over: the node is as before, and the next load works.
fn interruption(loading: &Loading) {
    let mut large = loading.made(&["skiff-test/large:1"], "large\n");
    large.layers.insert(0, layer("noise", &noise(400)));
    loading.give_to_engine(&large);
    let child = loading.lab.spawn(&["load", "docker-image", "skiff-test/large:1", "--name", NAME]);
    eventually("the layer is on its way", 30, || {
        let active = loading.in_node("ctr -n k8s.io content active");
        if active.lines().count() > 1 { Ok(()) } else { Err(active) }
    });
    let killed =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.unwrap().success());
    let out = child.wait_with_output().unwrap();
    assert_eq!(out.status.code(), Some(130), "{}", stderr(&out));
    assert!(loading.helpers().is_empty());
    let left = loading.in_node("ls /run | grep skiff-load; pgrep -a ctr");
    assert!(left.trim().is_empty(), "{left}");
    // A fast node may have had all of it before.
    let partly = loading
        .in_node("ctr -n k8s.io images check | grep skiff-test/large | grep -v ' complete ('");
    assert!(partly.trim().is_empty(), "{partly}");
    eventually("what had arrived is dropped", 60, || {
        let active = loading.in_node("ctr -n k8s.io content active");
        if active.lines().count() <= 1 { Ok(()) } else { Err(active) }
    });
    check("Ctrl-C leaves nothing on nodes and no helper");
    loading.load(&["skiff-test/large:1"]);
    loading.runs("skiff-test/large:1", "Never", &large.top);
    check("and the next load works");
}

fn lists_and_deletion(loading: &Loading) {
    let listed = loading.lab.ok(&["get", "images", "--name", NAME]);
    let line = listed.lines().find(|line| line.contains("docker.io/skiff-test/two:1")).unwrap();
    assert!(line.contains("sha256:") && line.contains(" MiB") || line.contains(" KiB"), "{line}");
    assert!(loading.nodes.iter().all(|node| line.contains(node)), "{line}");
    let out = loading.run(&["delete", "image", "skiff-test/two:1"]);
    assert!(out.status.success(), "{}", stderr(&out));
    let listed = loading.lab.ok(&["get", "images", "--name", NAME]);
    assert!(
        !listed.contains("skiff-test/two:1") && listed.contains("skiff-test/one:1"),
        "{listed}"
    );
    loading.run(&["delete", "image", "skiff-test/one:1"]);
    let listed = loading.lab.ok(&["get", "images", "--name", NAME]);
    assert!(!listed.contains("skiff-test/one"), "{listed}");
    check("images are listed and deleted");
}

fn a_stopped_node(loading: &Loading) {
    let worker = loading.nodes.last().unwrap();
    api(&loading.lab.socket(), "POST", &format!("/containers/{worker}/kill"), None);
    let out = loading.run(&["load", "docker-image", "skiff-test/app:1"]);
    let (is_stopped, hint) =
        (format!("{worker} is stopped"), format!("skiff start cluster --name {NAME}"));
    assert!(stderr(&out).contains(&is_stopped) && stderr(&out).contains(&hint), "{}", stderr(&out));
    check("a node that is stopped is named");
}

/// The engine is shared; what tests put there goes.
fn clean_up(loading: &Loading) {
    let socket = loading.lab.socket();
    let images = api(&socket, "GET", "/images/json", None);
    let images: Vec<Value> = serde_json::from_slice(&images).unwrap();
    for tag in images.iter().flat_map(|image| image["RepoTags"].as_array().into_iter().flatten()) {
        let tag = tag.as_str().unwrap();
        if tag.starts_with("skiff-test/") {
            api(&socket, "DELETE", &format!("/images/{tag}?force=true"), None);
        }
    }
}
