//! Where an add-on's images come from: the nodes, else the engine, else a
//! registry.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::definition::ImageNames;
use super::error::AddonError;
use crate::context::{Context, RunError};
use crate::engine::Command;
use crate::image;
use crate::load::{self, LoadError, Target};
use crate::node::NodeHandle;

/// In seconds, for all of an image. Without a network a pull fails at once.
const PULL_LIMIT: &str = "600";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Node,
    Engine,
    Registry,
}

/// An image that an installation uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChosenImage {
    pub names: ImageNames,
    /// One of the names.
    pub reference: String,
    pub source: Source,
}

impl ChosenImage {
    /// Whether it is skiff's own build, in place of the official image.
    pub(super) fn is_built(&self) -> bool {
        self.names.built.as_ref() == Some(&self.reference)
    }

    pub(super) fn describe(&self) -> String {
        let built =
            if self.is_built() { " (built by skiff, in place of the official image)" } else { "" };
        let source = match self.source {
            Source::Node => "is already on the nodes",
            Source::Engine => "is loaded from the local engine",
            Source::Registry => "is pulled by the nodes",
        };
        format!("{}{built} {source}", self.reference)
    }
}

/// The images on the nodes that an add-on may run on.
pub(super) struct NodeImages {
    target: Target,
    /// The full names on each node.
    names: Vec<BTreeSet<String>>,
}

impl NodeImages {
    /// Asks these nodes of a cluster for their images.
    ///
    /// # Errors
    /// Fails like [`load::names`].
    pub(super) async fn list(
        ctx: &Context,
        cluster: &str,
        nodes: Vec<String>,
    ) -> Result<NodeImages, AddonError> {
        let target = Target { cluster: cluster.to_owned(), nodes };
        let names = load::names(ctx, &target).await?;
        Ok(NodeImages { target, names })
    }

    /// Whether every node has the image.
    pub(super) fn contain(&self, reference: &str) -> bool {
        let full = image::full_name(reference);
        full.is_ok_and(|full| self.names.iter().all(|names| names.contains(&full)))
    }
}

/// Decides which name of an image is used, and where it comes from. Nothing is
/// transferred yet.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(super) async fn choose(
    ctx: &Context,
    on_nodes: &NodeImages,
    names: &ImageNames,
) -> Result<ChosenImage, RunError> {
    let chosen = |reference: &str, source| ChosenImage {
        names: names.clone(),
        reference: reference.to_owned(),
        source,
    };
    let candidates = || [&names.official].into_iter().chain(&names.built);
    if let Some(found) = candidates().find(|name| on_nodes.contain(name)) {
        return Ok(chosen(found, Source::Node));
    }
    for candidate in candidates() {
        if ctx.interruptible(ctx.engine.image(candidate)).await?.is_some() {
            return Ok(chosen(candidate, Source::Engine));
        }
    }
    Ok(chosen(&names.official, Source::Registry))
}

/// Makes an image available on the nodes.
///
/// # Errors
/// Returns [`AddonError::NoImage`] if a node cannot pull it, or
/// [`AddonError::Load`].
pub(super) async fn transfer(
    ctx: &Context,
    nodes: &NodeImages,
    image: &ChosenImage,
) -> Result<(), AddonError> {
    match image.source {
        Source::Node => Ok(()),
        Source::Engine => {
            let names = std::slice::from_ref(&image.reference);
            Ok(load::docker_images(ctx, &nodes.target, names).await?)
        }
        Source::Registry => {
            let reference = image::full_name(&image.reference).map_err(LoadError::from)?;
            let nodes = nodes.target.nodes.iter();
            let pulls = nodes.map(|node| pull(ctx, node, &reference, &image.names));
            try_join_all(pulls).await.map(drop)
        }
    }
}

async fn pull(
    ctx: &Context,
    node: &str,
    reference: &str,
    names: &ImageNames,
) -> Result<(), AddonError> {
    let script = "hosts=/etc/containerd/certs.d
[ -d $hosts ] && set -- --hosts-dir $hosts \"$@\"
exec timeout \"$0\" ctr --namespace=k8s.io images pull \"$@\" >/dev/null";
    let command = Command::new(["sh", "-c", script, PULL_LIMIT, reference]);
    match NodeHandle::new(ctx, node).run(command).await {
        Err(RunError::Command { output, .. }) => Err(AddonError::NoImage {
            image: names.official.clone(),
            node: node.to_owned(),
            reason: output.lines().last().unwrap_or("no answer").to_owned(),
            built: names.built.clone(),
        }),
        other => Ok(other.map(drop)?),
    }
}
