//! Where an add-on's images come from: the nodes, the engine, a registry; in
//! this order.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::AddonError;
use super::definition::ImageNames;
use crate::context::{Context, RunError};
use crate::engine::Command;
use crate::image;
use crate::load::{self, Target};
use crate::node::NodeHandle;

/// For the whole image; without a network it fails at once.
const PULL_LIMIT: &str = "600";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Node,
    Engine,
    Registry,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub reference: String,
    /// A build of ours in the official image's place.
    pub built: bool,
    pub source: Source,
}

impl Choice {
    pub fn describe(&self) -> String {
        let kind = if self.built { ", a build of ours in the official image's place" } else { "" };
        let from = match self.source {
            Source::Node => "is on the nodes already",
            Source::Engine => "is loaded from the local engine",
            Source::Registry => "is pulled by the nodes",
        };
        format!("{}{kind}: {from}", self.reference)
    }
}

/// What the nodes in question have, by image name; for several add-ons.
pub struct Shelf {
    names: Vec<BTreeSet<String>>,
}

impl Shelf {
    /// # Errors
    /// [`load::LoadError`].
    pub async fn look(ctx: &Context, target: &Target) -> Result<Shelf, AddonError> {
        Ok(Shelf { names: load::names(ctx, target).await? })
    }

    /// Whether all nodes have it.
    pub fn has(&self, reference: &str) -> bool {
        let full = image::full_name(reference);
        full.is_ok_and(|full| self.names.iter().all(|names| names.contains(&full)))
    }
}

/// Decides which image is taken from where; nothing is moved yet.
///
/// # Errors
/// The engine's.
pub async fn choose(
    ctx: &Context,
    shelf: &Shelf,
    names: &ImageNames,
) -> Result<Choice, AddonError> {
    let built = names.built.iter().map(|name| (name, true));
    let candidates: Vec<_> = [(&names.official, false)].into_iter().chain(built).collect();
    let choice =
        |(name, built): (&String, bool), source| Choice { reference: name.clone(), built, source };
    if let Some(found) = candidates.iter().find(|(name, _)| shelf.has(name)) {
        return Ok(choice(*found, Source::Node));
    }
    for candidate in &candidates {
        if in_engine(ctx, candidate.0).await? {
            return Ok(choice(*candidate, Source::Engine));
        }
    }
    Ok(choice(candidates[0], Source::Registry))
}

/// # Errors
/// The engine's.
pub async fn in_engine(ctx: &Context, reference: &str) -> Result<bool, RunError> {
    Ok(ctx.interruptible(ctx.engine.image(reference)).await?.is_some())
}

/// Brings an image to the nodes.
///
/// # Errors
/// [`AddonError::NoImage`] if no registry hands it out, or that of loading.
pub async fn supply(
    ctx: &Context,
    target: &Target,
    names: &ImageNames,
    choice: &Choice,
) -> Result<(), AddonError> {
    match choice.source {
        Source::Node => Ok(()),
        Source::Engine => {
            Ok(load::docker_images(ctx, target, std::slice::from_ref(&choice.reference)).await?)
        }
        Source::Registry => {
            let reference = image::full_name(&choice.reference).map_err(load::LoadError::from)?;
            let pulls = target.nodes.iter().map(|node| pull(ctx, node, &reference, names));
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
