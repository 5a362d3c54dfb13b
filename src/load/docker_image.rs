//! `load docker-image`: images of the engine.

use futures_util::future::try_join;
use tokio::runtime::Handle;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::containerd::{self, ImageFilter};
use super::error::LoadError;
use super::import;
use super::pull::{self, PullError, PullTarget};
use super::requested;
use super::target::{self, Target, TargetNode};
use super::transfer::{self, Transfer};
use crate::context::{Context, RunError};
use crate::engine::Host;
use crate::image::{Digest, MissingBlobs, Need, PlatformImage, RequestedImage};

/// Loads images of the engine by name, digest or ID.
///
/// # Errors
/// Returns [`LoadError`]. What was complete before the failure stays.
pub(crate) async fn load(
    ctx: &Context,
    target: &Target,
    names: &[String],
) -> Result<(), LoadError> {
    ctx.scope(async |ctx| {
        let images = requested::look_up(ctx, names).await?;
        let host = async { Ok(ctx.interruptible(ctx.engine.host()).await?) };
        let (nodes, host) = try_join(target::nodes(ctx, target, &filter(&images)), host).await?;
        let mut nodes_without = Vec::new();
        for node in nodes {
            nodes_without.extend(add_names(ctx, node, &images).await?);
        }
        let is_needed = |image: &RequestedImage| {
            nodes_without.iter().any(|node| node.images.contains(&image.id))
        };
        let (needed, present): (Vec<_>, Vec<_>) = images.into_iter().partition(is_needed);
        for RequestedImage { argument, id, .. } in present {
            ctx.progress.info(format!(
                "Image: {argument:?} with ID \"{id}\" found to be already present on all nodes."
            ));
        }
        if nodes_without.is_empty() {
            return Ok(());
        }
        let transfers = nodes_without.into_iter().map(|NodeWithout { node, images, missing }| {
            Transfer::begin(ctx, node, images, missing)
        });
        send(ctx, &host, &needed, transfers.collect()).await
    })
    .await
}

fn filter(images: &[RequestedImage]) -> ImageFilter {
    ImageFilter::new(images.iter().flat_map(|i| &i.names), images.iter().map(|i| &i.id))
}

/// A node without the content of some images.
struct NodeWithout {
    node: TargetNode,
    /// IDs in the engine.
    images: Vec<Digest>,
    missing: MissingBlobs,
}

/// Adds missing names on a node; returns the content that it needs. The messages are kind's (kind v0.33.0,
/// `pkg/cmd/kind/load/docker-image/docker-image.go`).
async fn add_names(
    ctx: &Context,
    node: TargetNode,
    images: &[RequestedImage],
) -> Result<Option<NodeWithout>, LoadError> {
    let (mut ids, mut needed) = (Vec::new(), None);
    for image in images {
        let (name, id) = (&image.argument, &image.id);
        match node.report.content.need(image) {
            Need::Nothing => {}
            Need::Names { target, missing } => {
                ctx.progress.info(format!("Image with ID: {id} already present on the node {} but is missing the tag {}. re-tagging...", node.name, missing.join(", ")));
                retag(ctx, &node, image, &target, &missing).await?;
            }
            Need::Content(missing) => {
                ctx.progress.info(format!(
                    "Image: {name:?} with ID \"{id}\" not yet present on node {:?}, loading...",
                    node.name
                ));
                ids.push(id.clone());
                needed = Some(missing);
            }
        }
    }
    Ok(needed.map(|missing| NodeWithout { node, images: ids, missing }))
}

/// Gives an image that a node has more names.
async fn retag(
    ctx: &Context,
    node: &TargetNode,
    image: &RequestedImage,
    target: &Digest,
    names: &[String],
) -> Result<(), LoadError> {
    if let Some(name) = node.report.content.name_of(target) {
        containerd::tag(ctx, &node.name, name, names).await?;
    }
    let filter = filter(std::slice::from_ref(image));
    match containerd::report(ctx, &node.name, &filter).await?.content.need(image) {
        Need::Nothing => Ok(()),
        _ => Err(LoadError::Failed {
            node: node.name.clone(),
            reason: format!("{} does not refer to {target} after re-tagging", names.join(", ")),
            output: String::new(),
        }),
    }
}

/// Gives images the names that were requested, and leaves out other images.
fn with_requested_names(
    requested: &[RequestedImage],
) -> impl Fn(Vec<PlatformImage>) -> Vec<PlatformImage> + Send + 'static {
    let requested = requested.to_vec();
    move |images| {
        let name = |image: PlatformImage| {
            let requested = requested.iter().find(|requested| image.has_id(&requested.id))?;
            Some(PlatformImage { names: requested.names.clone(), ..image })
        };
        images.into_iter().filter_map(name).collect()
    }
}

/// Has nodes pull; nodes that cannot get the engine's export.
async fn send(
    ctx: &Context,
    host: &Host,
    images: &[RequestedImage],
    transfers: Vec<Transfer>,
) -> Result<(), LoadError> {
    let (remaining, reason) = pull(ctx, host, images, transfers).await?;
    if remaining.is_empty() {
        return Ok(());
    }
    ctx.progress.info(format!("{reason}; sending the engine's export instead"));
    transfer::import(ctx, remaining, async |ctx, targets| {
        let arguments: Vec<String> = images.iter().map(|image| image.argument.clone()).collect();
        let export = ctx.interruptible(ctx.engine.export_images(&arguments)).await?;
        let export = SyncIoBridge::new_with_handle(StreamReader::new(export), Handle::current());
        let names = with_requested_names(images);
        let imported = import::import(ctx, Box::new(export), &host.arch, targets, names).await;
        imported.map_err(|error| error.for_archive("the engine's export"))
    })
    .await
}

/// Returns the transfers that did not succeed, and why.
async fn pull(
    ctx: &Context,
    host: &Host,
    images: &[RequestedImage],
    mut transfers: Vec<Transfer>,
) -> Result<(Vec<Transfer>, String), LoadError> {
    let target = |transfer: &mut Transfer| {
        Some(PullTarget {
            node: transfer.node.name.clone(),
            session: transfer.node.session.take()?,
            images: transfer.images.clone(),
            sent: transfer.sent.clone(),
        })
    };
    let targets = transfers.iter_mut().filter_map(target).collect();
    let pull = pull::pull(ctx, host, images, targets, with_requested_names(images));
    match transfer::watch(&transfers, pull).await {
        Ok(outcome) => {
            let (remaining, reason) = transfer::check(ctx, transfers, outcome).await?;
            Ok((remaining, reason.map(|reason| reason.to_string()).unwrap_or_default()))
        }
        Err(PullError::Run(RunError::Cancelled)) => Err(RunError::Cancelled.into()),
        Err(error) => Ok((transfers, error.to_string())),
    }
}

#[cfg(test)]
mod tests;
