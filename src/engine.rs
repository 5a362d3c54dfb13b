//! The container engine, as far as skiff needs one.
//!
//! [`Engine`] is the seam between deciding and doing: [`docker`] speaks to a
//! real engine, and a fake one in tests fails wherever it is told to.

pub mod client_config;
pub mod docker;
pub mod endpoint;
#[cfg(test)]
pub mod fake;
mod spec;

pub use spec::{ContainerSpec, NetworkSpec, Publish};

use std::collections::BTreeMap;
use std::net::IpAddr;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use serde_json::Value;

pub type Result<T> = std::result::Result<T, EngineError>;
pub type ByteStream = BoxStream<'static, std::io::Result<Bytes>>;
/// What a command says while it runs.
pub type ExecOutput = BoxStream<'static, Result<ExecEvent>>;

#[async_trait]
pub trait Engine: Send + Sync {
    async fn host(&self) -> Result<Host>;

    async fn image(&self, reference: &str) -> Result<Option<Image>>;
    /// The names of all images, such as `busybox:latest`.
    async fn image_names(&self) -> Result<Vec<String>>;
    /// An archive of images with all their layers, as `docker save` writes it.
    async fn export_images(&self, references: &[String]) -> Result<ByteStream>;
    /// Pulls; `on_status` gets what the engine reports meanwhile.
    async fn pull_image(&self, reference: &str, on_status: &(dyn Fn(String) + Sync)) -> Result<()>;
    /// Makes an image of one layer from a tar stream. `changes` are
    /// Dockerfile instructions such as `ENTRYPOINT ["/init"]`.
    async fn import_image(
        &self,
        reference: &str,
        changes: &[String],
        layer: ByteStream,
    ) -> Result<()>;

    /// One that is gone is no error.
    async fn remove_image(&self, reference: &str) -> Result<()>;

    /// The networks of exactly this name: an engine may hold several.
    async fn networks(&self, name: &str) -> Result<Vec<Network>>;
    async fn create_network(&self, spec: &NetworkSpec) -> Result<()>;
    async fn remove_network(&self, id: &str) -> Result<()>;

    /// Containers, running or not, that carry all of these labels
    /// (`KEY` or `KEY=VALUE`).
    async fn containers(&self, labels: &[String]) -> Result<Vec<Container>>;
    async fn create_container(&self, spec: &ContainerSpec) -> Result<()>;
    async fn start_container(&self, name: &str) -> Result<()>;
    /// Kills and removes it with its anonymous volumes; one that is gone is no error.
    async fn remove_container(&self, name: &str) -> Result<()>;
    /// Addresses and published ports of a container.
    async fn inspect(&self, name: &str) -> Result<ContainerState>;
    /// The engine's own JSON of a container.
    async fn inspect_json(&self, name: &str) -> Result<Value>;
    /// What the container wrote since it was made, and while `follow`, goes on writing.
    async fn logs(&self, name: &str, follow: bool) -> Result<ByteStream>;
    /// Runs a command inside a container.
    async fn exec(&self, name: &str, command: Command) -> Result<ExecOutput>;
    /// Runs a command inside a container with a stream as its stdin (its own
    /// `stdin` is not used). An error in the stream ends it early.
    async fn exec_with_stdin(
        &self,
        name: &str,
        command: Command,
        stdin: ByteStream,
    ) -> Result<ExecOutput>;
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    pub argv: Vec<String>,
    pub stdin: Option<Bytes>,
}

impl Command {
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Command { argv: argv.into_iter().map(Into::into).collect(), stdin: None }
    }

    pub fn stdin(mut self, text: impl Into<Bytes>) -> Self {
        self.stdin = Some(text.into());
        self
    }
}

/// What a command says; `Exit` comes last, exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecEvent {
    Stdout(Bytes),
    Stderr(Bytes),
    Exit(i64),
}

/// The machine the engine runs on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    pub cgroup_v1: bool,
    pub rootless: bool,
    pub cgroup_controllers: CgroupControllers,
    pub userns_remap: bool,
    /// `/dev/mapper` must be seen in nodes: the storage is btrfs, zfs, xfs or devicemapper
    /// (kind v0.33.0, `pkg/cluster/internal/providers/docker/util.go`, `mountDevMapper`).
    pub needs_dev_mapper: bool,
    /// As in GOARCH: `amd64`, `arm64`.
    pub arch: String,
    /// The engine's host is this host, so its ports can be tried here.
    pub local: bool,
    pub storage: Storage,
    pub description: Value,
}

/// Which cgroup controllers the engine can use to limit its containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CgroupControllers {
    pub cpu: bool,
    pub memory: bool,
    pub pids: bool,
}

/// How and where the engine keeps images.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Storage {
    /// Such as `overlay2`.
    pub driver: String,
    /// Images are in containerd's store instead of Docker's own.
    pub containerd: bool,
    /// A folder of the engine's host.
    pub root: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// In Docker's own store the configuration's digest, in containerd's that
    /// of the manifest or index.
    pub id: String,
    pub labels: BTreeMap<String, String>,
    pub tags: Vec<String>,
    /// Digests of the uncompressed layers, lowest first.
    pub layers: Vec<String>,
    /// Bytes, as the engine counts them: an export may be a little longer.
    pub size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    pub id: String,
    pub containers: usize,
    pub subnets: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub running: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerState {
    pub running: bool,
    pub exit_code: Option<i64>,
    pub addresses: Vec<IpAddr>,
    /// Container port such as `6443/tcp` to the host's address and port.
    pub ports: BTreeMap<String, (String, u16)>,
    pub labels: BTreeMap<String, String>,
    pub image_id: String,
}

#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    #[error("no container engine answers at {endpoint}: {reason}")]
    Unreachable { endpoint: String, reason: String },
    #[error("no permission to use the container engine at {endpoint}")]
    Permission { endpoint: String },
    #[error("cannot find out which engine to use: {0}")]
    Endpoint(String),
    /// Something of that name is there already.
    #[error("{what}: {message}")]
    Conflict { what: String, message: String },
    #[error("{what}: {message}")]
    NotFound { what: String, message: String },
    #[error("{what}: {message}")]
    Other { what: String, message: String },
}

impl EngineError {
    pub fn other(what: impl Into<String>, message: impl ToString) -> Self {
        EngineError::Other { what: what.into(), message: message.to_string() }
    }

    /// The engine's own words, without what was being done.
    pub fn message(&self) -> &str {
        match self {
            EngineError::Conflict { message, .. }
            | EngineError::NotFound { message, .. }
            | EngineError::Other { message, .. } => message,
            EngineError::Unreachable { reason, .. } => reason,
            EngineError::Permission { .. } | EngineError::Endpoint(_) => "",
        }
    }
}
