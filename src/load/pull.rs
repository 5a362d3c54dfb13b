//! Loading what the engine has: nodes pull it, layer by layer, from a registry
//! that this process is meanwhile.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::join_all;

use super::catalog::{Asked, LoadImage};
use super::files::Helper;
use super::node::{NodeState, Offer, Waiting};
use super::oci::Digest;
use super::serve::{Registry, Sent};
use super::store::{self, Store, StoreError};
use crate::context::{Context, RunError};
use crate::engine::Host;

/// A node that is to pull images, named by their identity in the engine.
pub struct Puller {
    pub node: String,
    /// Its way to this host.
    pub gateway: Option<IpAddr>,
    pub waiting: Waiting,
    pub images: Vec<Digest>,
    pub sent: Arc<Sent>,
}

#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("nodes have no way to this process")]
    NoWay,
    #[error("nodes have no way to this process at {0}: {1}")]
    Listen(IpAddr, std::io::Error),
}

/// Images with their names, and what each node has then.
pub type Outcome = (Vec<LoadImage>, Vec<Result<NodeState, RunError>>);

/// Has nodes pull images of the engine, called as `named` says.
///
/// # Errors
/// [`PullError`] when this way is not open, or the work was cancelled.
pub async fn pull(
    ctx: &Context,
    host: &Host,
    asked: &[Asked],
    pullers: Vec<Puller>,
    named: impl FnOnce(Vec<LoadImage>) -> Vec<LoadImage>,
) -> Result<Outcome, PullError> {
    let first = pullers.first().ok_or(PullError::NoWay)?;
    let gateway = first.gateway.filter(|_| host.local).ok_or(PullError::NoWay)?;
    let helper = Helper::of(&first.node);
    let pulled = ctx.scope(async |ctx| {
        let mut store = store::open(ctx, &helper, host, asked).await?;
        store.images = named(std::mem::take(&mut store.images));
        // When it returns the registry is gone, so that pulls under way end.
        serve(ctx, gateway, &host.arch, store, pullers).await
    });
    let pulled = pulled.await;
    helper.remove(ctx);
    pulled
}

async fn serve(
    ctx: &Context,
    gateway: IpAddr,
    architecture: &str,
    store: Store,
    pullers: Vec<Puller>,
) -> Result<Outcome, PullError> {
    let images = store.images.clone();
    let sent = pullers.iter().map(|puller| puller.sent.clone()).collect();
    let registry = Registry::start(gateway, Arc::new(store), sent)
        .await
        .map_err(|error| PullError::Listen(gateway, error))?;
    let address = registry.address;
    let pulls = pullers.into_iter().enumerate().map(|(number, puller)| {
        let wanted = images.iter().filter(|i| puller.images.iter().any(|id| i.is(id)));
        let offer =
            |image: &LoadImage| Offer { image: image.clone(), base: registry.base(number, image) };
        let offers: Vec<Offer> = wanted.map(offer).collect();
        let (waiting, architecture) = (puller.waiting, architecture.to_owned());
        ctx.run_to_completion(async move { waiting.pull(&offers, address, &architecture).await })
    });
    let pulled = join_all(pulls).await;
    Ok((images, pulled))
}
