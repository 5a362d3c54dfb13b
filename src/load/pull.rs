//! Loads images of the engine by having nodes pull them, layer by layer, from a
//! registry in this process.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::join_all;

use super::containerd::{PullSession, PullSource};
use super::outcome::{Outcome, Sent};
use super::registry::{Registry, RegistryPort};
use super::store::{self, EngineImages, StoreError};
use crate::context::Context;
use crate::engine::Host;
use crate::image::{Digest, PlatformImage, RequestedImage};

/// A node that pulls images.
pub(super) struct PullTarget {
    pub node: String,
    /// The address by which it reaches this host.
    pub gateway: Option<IpAddr>,
    pub session: PullSession,
    /// IDs in the engine.
    pub images: Vec<Digest>,
    pub sent: Arc<Sent>,
}

/// Why no node can pull.
#[derive(Debug, thiserror::Error)]
pub(super) enum PullError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("nodes cannot reach this host")]
    Unreachable,
    #[error("nodes cannot reach this host at {0}: {1}")]
    Listen(IpAddr, std::io::Error),
}

/// Has nodes pull images of the engine. `rename` gives them their names.
///
/// # Errors
/// Returns [`PullError`] if nothing can be pulled at all, or if the load was
/// cancelled. That a node failed is part of the outcome.
pub(super) async fn pull(
    ctx: &Context,
    host: &Host,
    requested: &[RequestedImage],
    targets: Vec<PullTarget>,
    rename: impl FnOnce(Vec<PlatformImage>) -> Vec<PlatformImage>,
) -> Result<Outcome, PullError> {
    let first = targets.first().ok_or(PullError::Unreachable)?;
    let gateway = first.gateway.filter(|_| host.local).ok_or(PullError::Unreachable)?;
    let node = first.node.clone();
    // Before the images are opened, which is work in vain if nodes do not reach this host.
    let port =
        RegistryPort::open(gateway).await.map_err(|error| PullError::Listen(gateway, error))?;
    store::with_images(ctx, host, &node, requested, async |ctx, mut store| {
        store.images = rename(std::mem::take(&mut store.images));
        // When it returns the registry is gone, so pulls still under way end.
        Ok(serve(ctx, port, &host.arch, store, targets).await)
    })
    .await
}

async fn serve(
    ctx: &Context,
    port: RegistryPort,
    architecture: &str,
    store: EngineImages,
    targets: Vec<PullTarget>,
) -> Outcome {
    let images = store.images.clone();
    let sent = targets.iter().map(|target| target.sent.clone()).collect();
    let registry = Registry::start(port, Arc::new(store), sent);
    let address = registry.address;
    let pulls = targets.into_iter().enumerate().map(|(number, target)| {
        let needed = images.iter().filter(|i| target.images.iter().any(|id| i.has_id(id)));
        let source = |image: &PlatformImage| {
            let url = registry.url(number, image);
            PullSource { image: image.clone(), url }
        };
        let sources: Vec<PullSource> = needed.map(source).collect();
        let (session, architecture) = (target.session, architecture.to_owned());
        ctx.run_to_completion(async move { session.pull(&sources, address, &architecture).await })
    });
    let reports = join_all(pulls).await;
    Outcome { images, reports }
}
