//! One test's surroundings: its own names, kubeconfig and clean-up.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Everything a test makes; dropping it deletes its clusters, passed or failed.
pub struct Lab {
    pub folder: TempDir,
    clusters: Vec<String>,
    /// Another engine than the usual one.
    engine: Option<ContainerdEngine>,
}

/// A second engine, which keeps images in containerd's store; it ends with this.
pub struct ContainerdEngine {
    pub socket: PathBuf,
}

const ENGINE_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/containerd-engine.sh");

impl ContainerdEngine {
    pub fn start() -> ContainerdEngine {
        let out = Command::new(ENGINE_SCRIPT).arg("start").stderr(Stdio::inherit()).output();
        let out = out.unwrap();
        assert!(out.status.success(), "the second engine did not start");
        ContainerdEngine { socket: String::from_utf8_lossy(&out.stdout).trim().into() }
    }
}

impl Drop for ContainerdEngine {
    fn drop(&mut self) {
        let _ = Command::new(ENGINE_SCRIPT).arg("stop").status();
    }
}

pub fn program() -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/release/skiff");
    assert!(program.exists(), "run these by tests/run.sh, which builds {}", program.display());
    program
}

impl Lab {
    /// `clusters` are the names the test will use; what an earlier, killed run
    /// left of them is removed.
    pub fn new(clusters: &[&str]) -> Lab {
        Lab::with(None, clusters)
    }

    /// The same on a second engine.
    pub fn on(engine: ContainerdEngine, clusters: &[&str]) -> Lab {
        Lab::with(Some(engine), clusters)
    }

    fn with(engine: Option<ContainerdEngine>, clusters: &[&str]) -> Lab {
        let lab = Lab {
            folder: tempfile::tempdir().unwrap(),
            clusters: clusters.iter().map(|c| c.to_string()).collect(),
            engine,
        };
        lab.delete_all();
        lab
    }

    /// Where the engine answers.
    pub fn socket(&self) -> PathBuf {
        let usual = std::env::var("DOCKER_HOST").unwrap_or_default();
        let usual = usual.strip_prefix("unix://").unwrap_or("/run/docker.sock").into();
        self.engine.as_ref().map_or(usual, |engine| engine.socket.clone())
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = match &self.engine {
            Some(_) => Command::new(ENGINE_SCRIPT),
            None => Command::new(program()),
        };
        if let Some(engine) = &self.engine {
            command.args([Path::new("run"), &program()]);
            command.env("DOCKER_HOST", format!("unix://{}", engine.socket.display()));
        }
        command
            .args(args)
            .env("KUBECONFIG", self.kubeconfig())
            .env_remove("KIND_CLUSTER_NAME")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs skiff, which must succeed; returns stdout.
    pub fn ok(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert!(out.status.success(), "skiff {args:?}: {}\n{}", out.status, stderr(&out));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    pub fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The cluster's own kubectl.
    pub fn kubectl(&self, cluster: &str, args: &[&str]) -> String {
        self.ok(&[&["kubectl", "--name", cluster, "--"], args].concat())
    }

    pub fn json(&self, cluster: &str, args: &[&str]) -> Value {
        serde_json::from_str(&self.kubectl(cluster, &[args, &["-o", "json"]].concat())).unwrap()
    }

    pub fn apply(&self, cluster: &str, manifest: &str) {
        let file = self.folder.path().join("manifest.yaml");
        std::fs::write(&file, manifest).unwrap();
        self.kubectl(cluster, &["apply", "-f", file.to_str().unwrap()]);
    }

    /// Runs a shell command in a pod; whether it worked, and what it wrote.
    pub fn in_pod(&self, cluster: &str, pod: &str, script: &str) -> (bool, String) {
        let out = self
            .run(&["kubectl", "--name", cluster, "--", "exec", pod, "--", "/bin/sh", "-c", script]);
        (out.status.success(), String::from_utf8_lossy(&out.stdout).into_owned() + &stderr(&out))
    }

    pub fn write(&self, name: &str, text: &str) -> String {
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

pub fn stderr(out: &Output) -> String {
    String::from_utf8_lossy(&out.stderr).into_owned()
}

/// Waits until `done` gives something.
pub fn eventually<T>(what: &str, seconds: u64, mut done: impl FnMut() -> Result<T, String>) -> T {
    let until = Instant::now() + Duration::from_secs(seconds);
    loop {
        match done() {
            Ok(value) => return value,
            Err(reason) if Instant::now() > until => panic!("{what}: {reason}"),
            Err(_) => std::thread::sleep(Duration::from_millis(300)),
        }
    }
}

pub fn check(what: &str) {
    println!("    ok: {what}");
}

/// The engine's containers with a label, by the docker-compatible API.
pub fn containers_of(cluster: &str) -> Vec<String> {
    let lab = TempDir::new().unwrap();
    let out = Command::new(program())
        .args(["get", "nodes", "--name", cluster])
        .env("KUBECONFIG", lab.path().join("none"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", stderr(&out));
    String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect()
}

/// A name that is looked up in the lists that skiff itself prints.
pub fn clusters() -> Vec<String> {
    let out = Command::new(program()).args(["get", "clusters"]).output().unwrap();
    String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect()
}
