//! A registry in this process, for the time of one load; nodes pull from it.
//!
//! Pulling is by far the cheapest way into containerd (measured with 20 layers
//! of 123 MB: 12 s and 9 s of processor time, `ctr images import` 60 s and
//! more), because the daemon itself reads from the network, unpacks while it
//! reads, and asks only for layers that it does not have. Nothing is kept in
//! memory or on disk: each request reads its layer where the engine keeps it.
//!
//! Nobody but the nodes of the load is answered: it listens only where nodes reach
//! this host ([`port`]), and each node has a secret, which counts only from that
//! node's addresses. What clients do wrong ends their own connection
//! ([`connections`]).

mod connections;
mod port;
mod request;
mod server;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::task::JoinHandle;

use super::store::EngineImages;
use crate::context::RunError;
use crate::image::PlatformImage;
use crate::secret;
use crate::text::NoRandom;

pub(super) use port::{PortError, RegistryPort};
pub(super) use server::Client;

use server::Server;

/// Answers until it is dropped.
pub(super) struct Registry {
    pub address: SocketAddr,
    server: Arc<Server>,
    task: JoinHandle<()>,
}

impl Registry {
    /// Answers these clients at `port`.
    ///
    /// # Errors
    /// Fails if the system has no random numbers.
    pub(super) fn start(
        port: RegistryPort,
        store: EngineImages,
        clients: Vec<Client>,
    ) -> Result<Registry, NoRandom> {
        let RegistryPort { listener, address } = port;
        let server = Arc::new(Server::new(store, clients)?);
        let incoming = connections::incoming(listener);
        let task = tokio::spawn(connections::answer_all(incoming, server.clone()));
        Ok(Registry { address, server, task })
    }

    /// The URL at which the node with this number finds an image, by any tag.
    pub(super) fn url(&self, node: usize, image: &PlatformImage) -> String {
        format!("http://{}{}", self.address, self.server.base(node, image))
    }

    /// An error of a node. What `ctr` writes may contain the URL that it pulled from.
    pub(super) fn conceal(&self, mut error: RunError) -> RunError {
        if let RunError::Command { output, .. } = &mut error {
            for secret in &self.server.secrets {
                *output = output.replace(secret.reveal(), secret::MASK);
            }
        }
        error
    }
}

impl Drop for Registry {
    /// Ends connections, too: a node's pull then fails, and containerd cleans up.
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
