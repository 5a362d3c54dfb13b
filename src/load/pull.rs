//! Loads images of the engine by having nodes pull them, layer by layer, from a
//! registry in this process.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::{join_all, try_join_all};

use super::containerd::{PullSession, PullSource};
use super::outcome::{Outcome, Sent};
use super::registry::{Client, PortError, Registry, RegistryPort};
use super::store::{self, EngineImages, StoreError};
use crate::context::{Context, RunError};
use crate::engine::Host;
use crate::image::{Digest, PlatformImage, RequestedImage};

/// A node that pulls images.
pub(super) struct PullTarget {
    pub node: String,
    pub session: PullSession,
    /// IDs in the engine.
    pub images: Vec<Digest>,
    pub sent: Arc<Sent>,
}

/// Why no node can pull.
#[derive(Debug, thiserror::Error)]
pub(super) enum PullError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Store(StoreError),
    #[error("nodes cannot reach this host")]
    Unreachable,
    #[error(transparent)]
    Port(#[from] PortError),
}

impl From<StoreError> for PullError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Run(error) => PullError::Run(error),
            other => PullError::Store(other),
        }
    }
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
    let first = targets.first().filter(|_| host.local).ok_or(PullError::Unreachable)?;
    let node = first.node.clone();
    // Before the images are opened, which is work in vain if nodes do not reach this host.
    let Addresses { gateways, clients } = addresses(ctx, &targets).await?;
    let port = RegistryPort::open(&gateways).await?;
    store::with_images(ctx, host, &node, requested, async |ctx, mut store| {
        store.images = rename(std::mem::take(&mut store.images));
        // When it returns the registry is gone, so pulls still under way end.
        serve(ctx, port, clients, &host.arch, store, targets).await
    })
    .await
}

/// Who reaches whom, as the engine says it. What nodes say of it is not asked for:
/// whoever has taken over a node could choose where this process listens.
struct Addresses {
    /// By which the first node reaches this host.
    gateways: Vec<IpAddr>,
    clients: Vec<Client>,
}

async fn addresses(ctx: &Context, targets: &[PullTarget]) -> Result<Addresses, RunError> {
    let states = targets.iter().map(|target| ctx.interruptible(ctx.engine.inspect(&target.node)));
    let states = try_join_all(states).await?;
    let gateways = states.first().map(|state| state.gateways.clone()).unwrap_or_default();
    let clients = states
        .into_iter()
        .zip(targets)
        .map(|(state, target)| Client { addresses: state.addresses, sent: target.sent.clone() });
    Ok(Addresses { gateways, clients: clients.collect() })
}

async fn serve(
    ctx: &Context,
    port: RegistryPort,
    clients: Vec<Client>,
    architecture: &str,
    store: EngineImages,
    targets: Vec<PullTarget>,
) -> Result<Outcome, PullError> {
    let images = store.images.clone();
    let registry = Registry::start(port, store, clients).map_err(RunError::from)?;
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
    let reports = join_all(pulls).await.into_iter();
    let reports = reports.map(|report| report.map_err(|e| registry.conceal(e))).collect();
    Ok(Outcome { images, reports })
}
