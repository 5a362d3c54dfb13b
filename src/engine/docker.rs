//! The engine behind Docker's API, through bollard.

mod containers;
mod convert;
mod dial;
mod error;
mod exec;
mod podman;
mod tls;

use std::time::Duration;

use async_trait::async_trait;
use bollard::auth::DockerCredentials;
use bollard::container::LogOutput;
use bollard::query_parameters as query;
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::stream;
use futures_util::{StreamExt, TryStreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;

use self::dial::Dialler;
use super::api::{ByteStream, Command, Engine, ExecOutput};
use super::client_config::ClientConfig;
use super::credentials;
use super::endpoint::Endpoint;
use super::error::{EngineError, Result};
use super::spec::{ContainerSpec, NetworkSpec, Restart};
use super::state::{Container, ContainerState, Host, Image, Network, Product, PullEvent};
use crate::image::full_name;

/// Seconds until the first byte of a response, including the upload of the
/// request.
const TIMEOUT: u64 = 3600;
/// For a connection to a container. Most are on this machine, and answer at once.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// A connection to an engine with Docker's API.
pub struct DockerEngine {
    docker: Docker,
    endpoint: Endpoint,
    product: OnceCell<Product>,
    /// For the credentials of registries.
    client_config: Option<ClientConfig>,
}

impl DockerEngine {
    /// Connects lazily: only the first call shows whether the engine can be
    /// reached.
    ///
    /// # Errors
    /// Returns [`EngineError::Unreachable`] if there is no socket, and
    /// [`EngineError::Endpoint`] if a TLS file cannot be used.
    pub fn connect(endpoint: Endpoint) -> Result<Self> {
        let docker = match &endpoint {
            Endpoint::Unix(path) if !path.exists() => {
                return Err(EngineError::Unreachable {
                    endpoint: endpoint.to_string(),
                    reason: format!("there is no socket {}", path.display()),
                });
            }
            Endpoint::Unix(path) | Endpoint::Pipe(path) => Dialler::local(path).client(TIMEOUT),
            Endpoint::Tcp(address) => {
                Docker::connect_with_http(address, TIMEOUT, API_DEFAULT_VERSION)
            }
            Endpoint::Tls(tls) => Dialler::tls(tls).map_err(EngineError::Endpoint)?.client(TIMEOUT),
            Endpoint::Ssh(ssh) => Dialler::ssh(ssh).client(TIMEOUT),
        };
        match docker {
            Ok(docker) => {
                Ok(DockerEngine { docker, endpoint, product: OnceCell::new(), client_config: None })
            }
            Err(error) => Err(EngineError::Unreachable {
                endpoint: endpoint.to_string(),
                reason: error.to_string(),
            }),
        }
    }

    /// Pulls with the credentials of this configuration.
    pub(crate) fn with_client_config(self, client_config: Option<ClientConfig>) -> Self {
        DockerEngine { client_config, ..self }
    }

    /// Asked once.
    async fn product(&self) -> Result<Product> {
        let ask = async || {
            let version = self.docker.version().await;
            let version = version.map_err(|e| self.failed("reading the engine's version", e))?;
            Ok(if podman::is_podman(&version) { Product::Podman } else { Product::Docker })
        };
        self.product.get_or_try_init(ask).await.copied()
    }

    /// The credentials for an image, and why there are none.
    async fn credentials(&self, image: &str) -> (Option<DockerCredentials>, Option<String>) {
        let Some(config) = &self.client_config else { return (None, None) };
        let name = full_name(image).unwrap_or_default();
        let registry = name.split('/').next().unwrap_or_default();
        match credentials::find(config, registry).await {
            Ok(found) => (found.map(|found| convert::credentials(found, registry)), None),
            Err(reason) => (None, Some(reason)),
        }
    }

    fn failed(&self, what: impl Into<String>, error: bollard::errors::Error) -> EngineError {
        error::classify(&self.endpoint, what.into(), error)
    }
}

#[async_trait]
impl Engine for DockerEngine {
    async fn ping(&self) -> Result<()> {
        match tokio::time::timeout(self.endpoint.ping_limit(), self.docker.ping()).await {
            Ok(answer) => answer.map(drop).map_err(|e| self.failed("asking for an answer", e)),
            Err(_) => Err(EngineError::Unreachable {
                endpoint: self.endpoint.to_string(),
                reason: "it does not answer".into(),
            }),
        }
    }

    async fn host(&self) -> Result<Host> {
        let info = self
            .docker
            .info()
            .await
            .map_err(|e| self.failed("reading the engine's description", e))?;
        Ok(convert::host(info, self.product().await?, self.endpoint.is_local()))
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>> {
        match self
            .docker
            .inspect_image(reference)
            .await
            .map_err(|e| self.failed(format!("inspecting image {reference}"), e))
        {
            Ok(found) => Ok(Some(convert::image(found))),
            Err(EngineError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn image_names(&self) -> Result<Vec<String>> {
        let listed = self.docker.list_images(None::<query::ListImagesOptions>).await;
        let listed = listed.map_err(|e| self.failed("listing images", e))?;
        Ok(listed.into_iter().flat_map(|image| image.repo_tags).collect())
    }

    async fn export_images(&self, references: &[String]) -> Result<ByteStream> {
        let names: Vec<&str> = references.iter().map(String::as_str).collect();
        Ok(self.docker.export_images(&names).map_err(std::io::Error::other).boxed())
    }

    async fn pull_image(
        &self,
        reference: &str,
        on_event: &(dyn Fn(PullEvent) + Sync),
    ) -> Result<()> {
        let options = query::CreateImageOptionsBuilder::new().from_image(reference).build();
        let (credentials, no_credentials) = self.credentials(reference).await;
        let mut responses = self.docker.create_image(Some(options), None, credentials);
        let mut failure = None;
        while let Some(response) = responses.next().await {
            match response {
                Ok(info) => on_event(convert::pull_event(info)),
                Err(error) => failure = Some(self.failed(format!("pulling {reference}"), error)),
            }
        }
        // The end of the stream is sometimes reported as an error although the
        // pull succeeded, so only the presence of the image counts.
        match (self.image(reference).await?, failure) {
            (Some(_), _) => Ok(()),
            (None, failure) => {
                let failure = failure.unwrap_or_else(|| {
                    let what = format!("pulling {reference}");
                    EngineError::other(what, "the image is missing after the pull")
                });
                Err(no_credentials.into_iter().fold(failure, |failure, why| {
                    failure.with_reason(&format!("no credentials: {why}"))
                }))
            }
        }
    }

    async fn import_image(
        &self,
        reference: &str,
        changes: &[String],
        layer: ByteStream,
    ) -> Result<()> {
        let (repo, tag) = reference.rsplit_once(':').unwrap_or((reference, "latest"));
        let mut options =
            query::CreateImageOptionsBuilder::new().from_src("-").repo(repo).tag(tag).build();
        options.changes = changes.to_vec();
        let body = bollard::body_try_stream(layer);
        let mut responses = self.docker.create_image(Some(options), Some(body), None);
        while let Some(response) = responses.next().await {
            response.map_err(|e| self.failed(format!("importing {reference}"), e))?;
        }
        Ok(())
    }

    async fn load_image(&self, reference: &str, archive: ByteStream) -> Result<()> {
        let options = query::ImportImageOptions { quiet: true, ..Default::default() };
        let mut responses = self.docker.import_image_stream(options, archive, None).boxed();
        while let Some(response) = responses.next().await {
            response.map_err(|e| self.failed(format!("loading {reference}"), e))?;
        }
        Ok(())
    }

    async fn remove_image(&self, reference: &str) -> Result<()> {
        let removed =
            self.docker.remove_image(reference, None::<query::RemoveImageOptions>, None).await;
        match removed.map_err(|e| self.failed(format!("removing image {reference}"), e)) {
            Err(EngineError::NotFound { .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    async fn networks(&self, name: &str) -> Result<Vec<Network>> {
        let what = format!("inspecting network {name}");
        let filters = [("name".to_owned(), vec![name.to_owned()])].into();
        let options = query::ListNetworksOptions { filters: Some(filters) };
        let listed =
            self.docker.list_networks(Some(options)).await.map_err(|e| self.failed(&what, e))?;
        let mut found = Vec::new();
        for network in listed.into_iter().filter(|n| n.name.as_deref() == Some(name)) {
            let id = network.id.unwrap_or_default();
            // The list does not count containers.
            match self
                .docker
                .inspect_network(&id, None::<query::InspectNetworkOptions>)
                .await
                .map_err(|e| self.failed(&what, e))
            {
                Ok(inspected) => found.push(convert::network(id, inspected)),
                Err(EngineError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    async fn create_network(&self, spec: &NetworkSpec) -> Result<()> {
        let request = convert::network_request(spec);
        let made = self.docker.create_network(request).await;
        made.map(drop).map_err(|e| self.failed(format!("creating network {}", spec.name), e))
    }

    async fn remove_network(&self, id: &str) -> Result<()> {
        match self
            .docker
            .remove_network(id)
            .await
            .map_err(|e| self.failed(format!("removing network {id}"), e))
        {
            Err(EngineError::NotFound { .. }) => Ok(()),
            other => other,
        }
    }

    async fn containers(&self, labels: &[String]) -> Result<Vec<Container>> {
        let filters = [("label".to_owned(), labels.to_vec())].into();
        let options = query::ListContainersOptions {
            all: true,
            filters: Some(filters),
            ..Default::default()
        };
        let listed = self
            .docker
            .list_containers(Some(options))
            .await
            .map_err(|e| self.failed("listing containers", e))?;
        Ok(listed.into_iter().map(convert::container).collect())
    }

    async fn create_container(&self, spec: &ContainerSpec) -> Result<()> {
        let failed = |e| self.failed(format!("creating container {}", spec.name), e);
        let is_podman = self.product().await? == Product::Podman;
        let request = match is_podman {
            true => podman::with_volumes(&self.docker, spec).await.map_err(failed)?,
            false => spec.clone(),
        };
        let options = query::CreateContainerOptionsBuilder::new().name(&spec.name).build();
        let request = convert::container_request(&request);
        let made = self.docker.create_container(Some(options), request).await;
        if made.is_err() && is_podman {
            // Those of another container with this name are in use, and stay.
            let _ = podman::remove_volumes(&self.docker, &spec.name).await;
        }
        made.map(drop).map_err(failed)
    }

    async fn start_container(&self, name: &str) -> Result<()> {
        let started = self.docker.start_container(name, None::<query::StartContainerOptions>).await;
        started.map_err(|e| self.failed(format!("starting container {name}"), e))
    }

    async fn remove_container(&self, name: &str) -> Result<()> {
        self.remove(name).await
    }

    async fn stop_container(&self, name: &str, limit: Duration) -> Result<()> {
        self.stop(name, limit).await
    }

    async fn pause_container(&self, name: &str) -> Result<()> {
        let paused = self.docker.pause_container(name).await;
        paused.map_err(|e| self.failed(format!("pausing container {name}"), e))
    }

    async fn unpause_container(&self, name: &str) -> Result<()> {
        let unpaused = self.docker.unpause_container(name).await;
        unpaused.map_err(|e| self.failed(format!("unpausing container {name}"), e))
    }

    async fn set_restart(&self, name: &str, restart: Restart) -> Result<()> {
        self.update_restart(name, restart).await
    }

    async fn inspect(&self, name: &str) -> Result<ContainerState> {
        let found =
            self.docker.inspect_container(name, None::<query::InspectContainerOptions>).await;
        found
            .map(convert::inspected)
            .map_err(|e| self.failed(format!("inspecting container {name}"), e))
    }

    async fn inspect_json(&self, name: &str) -> Result<Value> {
        let found =
            self.docker.inspect_container(name, None::<query::InspectContainerOptions>).await;
        let found = found.map_err(|e| self.failed(format!("inspecting container {name}"), e))?;
        serde_json::to_value(found).map_err(|e| EngineError::other("writing JSON", e))
    }

    async fn logs(&self, name: &str, since: i64, follow: bool) -> Result<ByteStream> {
        let options = query::LogsOptions {
            follow,
            since: since.try_into().unwrap_or(i32::MAX),
            stdout: true,
            stderr: true,
            tail: "all".into(),
            ..Default::default()
        };
        let lines = self.docker.logs(name, Some(options));
        Ok(lines.map_ok(LogOutput::into_bytes).map_err(std::io::Error::other).boxed())
    }

    async fn archive(&self, name: &str, path: &str) -> Result<ByteStream> {
        let options = query::DownloadFromContainerOptions { path: path.to_owned() };
        let mut pieces = self.docker.download_from_container(name, Some(options)).boxed();
        // The answer to the request comes with the first piece.
        let first = pieces.next().await.transpose();
        let first = first.map_err(|e| self.failed(format!("reading {path} of {name}"), e))?;
        let first = stream::iter(first.map(Ok));
        Ok(first.chain(pieces.map_err(std::io::Error::other)).boxed())
    }

    async fn is_reachable(&self, address: &str) -> bool {
        let connected = tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(address)).await;
        connected.is_ok_and(|connection| connection.is_ok())
    }

    async fn exec(&self, name: &str, mut command: Command) -> Result<ExecOutput> {
        let stdin = command.stdin.take().map(|text| stream::iter([Ok(text)]).boxed());
        exec::run(&self.docker, &self.endpoint, name, command, stdin).await
    }

    async fn exec_with_stdin(
        &self,
        name: &str,
        command: Command,
        stdin: ByteStream,
    ) -> Result<ExecOutput> {
        exec::run(&self.docker, &self.endpoint, name, command, Some(stdin)).await
    }
}
