//! What is done with containers that exist, and takes more than a request.

use std::time::Duration;

use bollard::models::ContainerUpdateBody;
use bollard::query_parameters as query;

use super::{DockerEngine, convert, podman};
use crate::engine::error::{EngineError, Result};
use crate::engine::spec::Restart;
use crate::engine::state::Product;

impl DockerEngine {
    pub(super) async fn stop(&self, name: &str, limit: Duration) -> Result<()> {
        let seconds = limit.as_millis().div_ceil(1000).try_into().unwrap_or(i32::MAX);
        let options = query::StopContainerOptions { t: Some(seconds), ..Default::default() };
        let stopped = self.docker.stop_container(name, Some(options)).await;
        stopped.map_err(|e| self.failed(format!("stopping container {name}"), e))
    }

    /// Podman has no daemon that starts containers again when it starts.
    pub(super) async fn update_restart(&self, name: &str, restart: Restart) -> Result<()> {
        if self.product().await? == Product::Podman {
            return Ok(());
        }
        let policy = Some(convert::restart_policy(restart));
        let update = ContainerUpdateBody { restart_policy: policy, ..Default::default() };
        let updated = self.docker.update_container(name, update).await;
        updated.map_err(|e| self.failed(format!("changing the restart policy of {name}"), e))
    }

    pub(super) async fn remove(&self, name: &str) -> Result<()> {
        let options = query::RemoveContainerOptions { force: true, v: true, ..Default::default() };
        let what = format!("removing container {name}");
        loop {
            match self
                .docker
                .remove_container(name, Some(options.clone()))
                .await
                .map_err(|e| self.failed(&what, e))
            {
                Ok(()) | Err(EngineError::NotFound { .. }) => break,
                // Another removal is in progress; wait until it is done.
                Err(EngineError::Conflict { message, .. })
                    if message.contains("already in progress") =>
                {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                other => return other,
            }
        }
        match self.product().await? {
            Product::Docker => Ok(()),
            Product::Podman => {
                let removed = podman::remove_volumes(&self.docker, name).await;
                removed.map_err(|e| self.failed(format!("removing the volumes of {name}"), e))
            }
        }
    }
}
