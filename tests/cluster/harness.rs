//! One test's surroundings: its own names, kubeconfig and clean-up.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use skiff::context::Context;
use skiff::engine::docker::DockerEngine;
use skiff::engine::endpoint::DockerEnv;
use skiff::engine::{Engine, EngineError};
use skiff::node::NodeHandle;
use skiff::node_image;
use skiff::progress::Progress;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Everything a test makes; dropping it deletes its clusters, passed or failed.
pub(crate) struct Lab {
    pub folder: TempDir,
    clusters: Vec<String>,
    /// Another engine than the usual one.
    engine: Option<SecondEngine>,
}

/// A second engine; it ends with this.
pub(crate) struct SecondEngine {
    kind: &'static str,
    pub socket: PathBuf,
}

const ENGINE_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engine.sh");

impl SecondEngine {
    /// `kind` is one of `tests/engine.sh`.
    pub(crate) fn start(kind: &'static str) -> SecondEngine {
        let out =
            Command::new(ENGINE_SCRIPT).args(["start", kind]).stderr(Stdio::inherit()).output();
        let out = out.unwrap();
        assert!(out.status.success(), "the second engine did not start");
        SecondEngine { kind, socket: String::from_utf8_lossy(&out.stdout).trim().into() }
    }
}

impl Drop for SecondEngine {
    fn drop(&mut self) {
        let _ = Command::new(ENGINE_SCRIPT).args(["stop", self.kind]).status();
    }
}

pub(crate) fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/skiff");
    assert!(program.exists(), "run these by tests/run.sh, which builds {}", program.display());
    program
}

impl Lab {
    /// `clusters` are the names the test will use; what an earlier, killed run
    /// left of them is removed.
    pub(crate) fn new(clusters: &[&str]) -> Lab {
        Lab::with(None, clusters)
    }

    /// The same on a second engine.
    pub(crate) fn on(engine: SecondEngine, clusters: &[&str]) -> Lab {
        Lab::with(Some(engine), clusters)
    }

    fn with(engine: Option<SecondEngine>, clusters: &[&str]) -> Lab {
        let lab = Lab {
            folder: tempfile::tempdir().unwrap(),
            clusters: clusters.iter().map(|c| c.to_string()).collect(),
            engine,
        };
        lab.delete_all();
        lab
    }

    /// Where the engine answers.
    pub(crate) fn socket(&self) -> PathBuf {
        let usual = std::env::var("DOCKER_HOST").unwrap_or_default();
        let usual = usual.strip_prefix("unix://").unwrap_or("/run/docker.sock").into();
        self.engine.as_ref().map_or(usual, |engine| engine.socket.clone())
    }

    /// Stops the second engine cleanly, and starts it again.
    pub(crate) fn restart_engine(&self) {
        let engine = self.engine.as_ref().expect("the usual engine is others' too");
        let mut restart = Command::new(ENGINE_SCRIPT);
        let status = restart.args(["restart", engine.kind]).stdout(Stdio::null()).status();
        assert!(status.unwrap().success(), "the second engine did not start again");
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// skiff; clusters get the image built here, whatever else there is.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = match &self.engine {
            Some(_) => Command::new(ENGINE_SCRIPT),
            None => Command::new(program()),
        };
        if let Some(engine) = &self.engine {
            command.args(["run", engine.kind]).arg(program());
            command.env("DOCKER_HOST", format!("unix://{}", engine.socket.display()));
        }
        command.args(args);
        if args.starts_with(&["create", "cluster"]) && !args.contains(&"--image") {
            command.args(["--image", &node_image::reference(node_image::DEFAULT_VERSION)]);
        }
        command
            .env("KUBECONFIG", self.kubeconfig())
            .env_remove("KIND_CLUSTER_NAME")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs skiff, which must succeed; returns stdout.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert!(out.status.success(), "skiff {args:?}: {}\n{}", out.status, stderr(&out));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The cluster's own kubectl.
    pub(crate) fn kubectl(&self, cluster: &str, args: &[&str]) -> String {
        self.ok(&[&["kubectl", "--name", cluster, "--"], args].concat())
    }

    pub(crate) fn json(&self, cluster: &str, args: &[&str]) -> Value {
        serde_json::from_str(&self.kubectl(cluster, &[args, &["-o", "json"]].concat())).unwrap()
    }

    pub(crate) fn apply(&self, cluster: &str, manifest: &str) {
        let file = self.folder.path().join("manifest.yaml");
        std::fs::write(&file, manifest).unwrap();
        self.kubectl(cluster, &["apply", "-f", file.to_str().unwrap()]);
    }

    /// Runs a shell command in a pod; whether it worked, and what it wrote.
    pub(crate) fn in_pod(&self, cluster: &str, pod: &str, script: &str) -> (bool, String) {
        let out = self
            .run(&["kubectl", "--name", cluster, "--", "exec", pod, "--", "/bin/sh", "-c", script]);
        (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned() + &stderr(&out))
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn delete_all(&self) {
        for cluster in &self.clusters {
            let _ = self.run(&["delete", "cluster", "--name", cluster]);
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for cluster in &self.clusters {
                let out = self.run(&[
                    "kubectl",
                    "--name",
                    cluster,
                    "--",
                    "get",
                    "nodes,pods,events",
                    "-A",
                    "-o",
                    "wide",
                ]);
                eprintln!("--- {cluster}\n{}", String::from_utf8_lossy(&out.stdout));
            }
        }
        self.delete_all();
    }
}

pub(crate) fn stderr(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// What is warned about, but for what this host cannot help.
pub(crate) fn warnings(out: &Output) -> Vec<String> {
    let lines = stderr(out);
    let warnings = lines.lines().filter(|line| line.starts_with("WARNING"));
    warnings.filter(|line| !line.contains("cgroup v1")).map(str::to_owned).collect()
}

/// Waits until `done` gives something.
pub(crate) fn eventually<T>(
    what: &str,
    seconds: u64,
    mut done: impl FnMut() -> Result<T, String>,
) -> T {
    let until = Instant::now() + Duration::from_secs(seconds);
    loop {
        match done() {
            Ok(value) => return value,
            Err(reason) if Instant::now() > until => panic!("{what}: {reason}"),
            Err(_) => std::thread::sleep(Duration::from_millis(300)),
        }
    }
}

pub(crate) fn check(what: &str) {
    println!("    ok: {what}");
}

/// Asks the engine itself, past the program under test.
pub(crate) fn with_engine<T>(ask: impl AsyncFnOnce(&dyn Engine) -> Result<T, EngineError>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let engine = DockerEngine::connect(DockerEnv::of_process().endpoint().unwrap()).unwrap();
    runtime.block_on(ask(&engine)).unwrap()
}

/// The engine's own program; returns its stdout.
pub(crate) fn docker(args: &[&str]) -> String {
    let out = Command::new("docker").args(args).output().unwrap();
    assert!(out.status.success(), "docker {args:?}: {}", stderr(&out));
    String::from_utf8_lossy(&out.stdout).into_owned()
}

/// Runs a shell script in a node; returns its stdout.
pub(crate) fn in_node(node: &str, script: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let engine = DockerEngine::connect(DockerEnv::of_process().endpoint().unwrap()).unwrap();
    let ctx = Context::new(Arc::new(engine), Progress::silent(), CancellationToken::new());
    runtime
        .block_on(
            NodeHandle::new(&ctx, node).run(skiff::engine::Command::new(["sh", "-c", script])),
        )
        .unwrap()
}

fn labelled(label: String) -> Vec<String> {
    let found = with_engine(async |engine| engine.containers(&[label]).await);
    found.into_iter().map(|container| container.name).collect()
}

/// The containers of a cluster, running or not.
pub(crate) fn containers_of(cluster: &str) -> Vec<String> {
    labelled(format!("io.x-k8s.kind.cluster={cluster}"))
}

/// The containers in which node images are being built.
pub(crate) fn builders() -> Vec<String> {
    let ours = labelled("io.skiff.created-by".to_owned());
    ours.into_iter().filter(|name| name.starts_with("skiff-build-")).collect()
}

pub(crate) fn has_image(reference: &str) -> bool {
    with_engine(async |engine| engine.image(reference).await).is_some()
}

/// Empty for an image that is not there.
pub(crate) fn image_id(reference: &str) -> String {
    with_engine(async |engine| engine.image(reference).await)
        .map_or(String::new(), |image| image.id)
}

/// A name that is looked up in the lists that skiff itself prints.
pub(crate) fn clusters() -> Vec<String> {
    let out = Command::new(program()).args(["get", "clusters"]).output().unwrap();
    String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect()
}
