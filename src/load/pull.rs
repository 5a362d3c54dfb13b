//! Loading what the engine has: nodes pull it, layer by layer, from a registry
//! that this process is meanwhile.

use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::join_all;

use super::catalog::LoadImage;
use super::node::{self, NodeState};
use super::oci::Digest;
use super::serve::{Registry, Sent};
use super::store::{self, Store, StoreError, Wanted};
use crate::engine::Host;
use crate::work::{Work, WorkError};

/// A node, and which images it is to pull, by their identity in the engine.
pub struct Puller {
    pub node: String,
    pub state: Arc<NodeState>,
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

/// Images with their names, and for each node how it went.
pub type Outcome = (Vec<LoadImage>, Vec<Result<(), WorkError>>);

/// Has nodes pull images of the engine, called as `named` says.
///
/// # Errors
/// [`PullError`] when this way is not open, or the work was cancelled.
pub async fn pull(
    work: &Work,
    host: &Host,
    wanted: &[Wanted],
    pullers: &[Puller],
    named: impl FnOnce(Vec<LoadImage>) -> Vec<LoadImage>,
) -> Result<Outcome, PullError> {
    let first = pullers.first().ok_or(PullError::NoWay)?;
    let gateway = first.state.gateway.filter(|_| host.local).ok_or(PullError::NoWay)?;
    let random = getrandom::u32().unwrap_or_default();
    let helper = format!("skiff-load-{random:08x}");
    let pulled = async {
        let inspected = work.interruptible(work.engine.inspect(&first.node)).await;
        let image = inspected.map_err(StoreError::Work)?.image_id;
        let mut store = store::open(work, &helper, &image, host, wanted).await?;
        store.images = named(std::mem::take(&mut store.images));
        serve(work, gateway, &host.arch, store, pullers).await
    };
    let pulled = pulled.await;
    // The registry is gone by now, so that pulls under way come to their end.
    work.settle().await;
    let alone = work.undisturbed();
    work.beside(async move {
        if let Err(error) = alone.engine.remove_container(&helper).await {
            alone.progress.warn(format!("container {helper} could not be removed: {error}"));
        }
    });
    pulled
}

async fn serve(
    work: &Work,
    gateway: IpAddr,
    architecture: &str,
    store: Store,
    pullers: &[Puller],
) -> Result<Outcome, PullError> {
    let images = store.images.clone();
    let sent = pullers.iter().map(|puller| puller.sent.clone()).collect();
    let registry = Registry::start(gateway, Arc::new(store), sent)
        .await
        .map_err(|error| PullError::Listen(gateway, error))?;
    let pulls = pullers.iter().enumerate().map(|(number, puller)| {
        let base = registry.base(number);
        let images = &images;
        async move {
            for image in images.iter().filter(|i| puller.images.iter().any(|id| i.is(id))) {
                let command = node::pull(&base, image, architecture, &puller.state.snapshotter);
                let (alone, node) = (work.undisturbed(), puller.node.clone());
                work.whole(async move { alone.run(&node, command).await }).await?;
            }
            Ok(())
        }
    });
    Ok((images.clone(), join_all(pulls).await))
}
