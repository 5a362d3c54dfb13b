//! The interface between skiff and a container engine.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use serde_json::Value;

use super::error::Result;
use super::spec::{ContainerSpec, NetworkSpec, Restart};
use super::state::{Container, ContainerState, Host, Image, Network, PullEvent};

/// Bytes in pieces, ending at the first error.
pub type ByteStream = BoxStream<'static, std::io::Result<Bytes>>;
/// What a command writes, and its exit code at the end.
pub type ExecOutput = BoxStream<'static, Result<ExecEvent>>;

/// What skiff needs of a container engine.
///
/// # Errors
/// Every method returns [`EngineError::Unreachable`] or
/// [`EngineError::Permission`] if the engine cannot be used, and the engine's own
/// error as [`EngineError::NotFound`], [`EngineError::Conflict`] or
/// [`EngineError::Other`].
#[async_trait]
pub trait Engine: Send + Sync {
    /// Whether the engine answers at all. Returns [`EngineError::Unreachable`] if it
    /// does not do so within seconds.
    async fn ping(&self) -> Result<()>;
    /// The machine that the engine runs on, and how the engine is set up there.
    async fn host(&self) -> Result<Host>;

    /// `None` if there is no such image.
    async fn image(&self, reference: &str) -> Result<Option<Image>>;
    /// The names of all images, such as `busybox:latest`.
    async fn image_names(&self) -> Result<Vec<String>>;
    /// A tar archive of images with all their layers, as `docker save` writes it.
    async fn export_images(&self, references: &[String]) -> Result<ByteStream>;
    /// Pulls an image; `on_event` gets what the engine reports meanwhile.
    async fn pull_image(
        &self,
        reference: &str,
        on_event: &(dyn Fn(PullEvent) + Sync),
    ) -> Result<()>;
    /// Creates an image of one layer from a tar stream. `changes` are Dockerfile
    /// instructions such as `ENTRYPOINT ["/init"]`.
    async fn import_image(
        &self,
        reference: &str,
        changes: &[String],
        layer: ByteStream,
    ) -> Result<()>;
    /// Loads an image of this name from a tar archive, as `docker save` writes it.
    async fn load_image(&self, reference: &str, archive: ByteStream) -> Result<()>;
    /// Succeeds if there is no such image.
    async fn remove_image(&self, reference: &str) -> Result<()>;

    /// The networks of exactly this name; an engine can have several.
    async fn networks(&self, name: &str) -> Result<Vec<Network>>;
    /// Creates a bridge network.
    async fn create_network(&self, spec: &NetworkSpec) -> Result<()>;
    /// Removes a network by its ID, because names are not unique.
    async fn remove_network(&self, id: &str) -> Result<()>;

    /// Containers, running or not, that have all of these labels
    /// (`KEY` or `KEY=VALUE`).
    async fn containers(&self, labels: &[String]) -> Result<Vec<Container>>;
    /// Creates a container without starting it. Its image must be present.
    async fn create_container(&self, spec: &ContainerSpec) -> Result<()>;
    /// Starts a container. Returns when its process runs, not when it is ready.
    async fn start_container(&self, name: &str) -> Result<()>;
    /// Asks a container to end by its stop signal, and kills it if it has not ended
    /// after `limit`, which is rounded up to seconds. Succeeds if it does not run.
    async fn stop_container(&self, name: &str, limit: Duration) -> Result<()>;
    /// Freezes every process of a container; their memory stays. Returns
    /// [`EngineError::Conflict`] if it is frozen already or does not run.
    async fn pause_container(&self, name: &str) -> Result<()>;
    /// Lets a frozen container go on. Returns [`EngineError::Conflict`] or
    /// [`EngineError::Other`] if it is not frozen.
    async fn unpause_container(&self, name: &str) -> Result<()>;
    /// Changes when the engine starts a container again, whether it runs or not. An
    /// engine that starts nothing by itself ignores it.
    async fn set_restart(&self, name: &str, restart: Restart) -> Result<()>;
    /// Kills a container and removes it with its anonymous volumes. Succeeds if
    /// there is no such container.
    async fn remove_container(&self, name: &str) -> Result<()>;
    /// State, addresses and published ports of a container.
    async fn inspect(&self, name: &str) -> Result<ContainerState>;
    /// The description of a container in the engine's own JSON.
    async fn inspect_json(&self, name: &str) -> Result<Value>;
    /// Everything that the container has written since this moment, in seconds since
    /// 1970 by the engine's clock; with `follow`, also what it goes on to write.
    async fn logs(&self, name: &str, since: i64, follow: bool) -> Result<ByteStream>;
    /// A file of a container, running or not, as a tar archive. If it is a symbolic
    /// link, the archive has the link.
    async fn archive(&self, name: &str, path: &str) -> Result<ByteStream>;
    /// Whether this process can connect to `host:port`, where a container is published
    /// or listens.
    async fn is_reachable(&self, address: &str) -> bool;
    /// Runs a command inside a container.
    async fn exec(&self, name: &str, command: Command) -> Result<ExecOutput>;
    /// Runs a command inside a container with a stream as its stdin;
    /// [`Command::stdin`] is not used. The stream ends at its first error.
    async fn exec_with_stdin(
        &self,
        name: &str,
        command: Command,
        stdin: ByteStream,
    ) -> Result<ExecOutput>;
}

/// A command to run inside a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Command {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// `None`: stdin is empty.
    pub stdin: Option<Bytes>,
}

impl Command {
    /// A command without stdin. The first word is the program.
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Command { argv: argv.into_iter().map(Into::into).collect(), stdin: None }
    }

    /// Sends this text as stdin, and then its end.
    pub fn stdin(mut self, text: impl Into<Bytes>) -> Self {
        self.stdin = Some(text.into());
        self
    }
}

/// `Exit` comes last, exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecEvent {
    /// The next bytes of stdout, not always a full line.
    Stdout(Bytes),
    /// The next bytes of stderr, not always a full line.
    Stderr(Bytes),
    /// The exit status.
    Exit(i64),
}
