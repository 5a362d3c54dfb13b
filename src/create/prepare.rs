//! What is done in throw-away containers before there are nodes.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::error::CreateError;
use crate::component_config::{self, Checked, Refused};
use crate::context::{Context, RunError};
use crate::kubeadm::UnknownField;
use crate::plan::SettledCluster;
use crate::provision::helper;
use crate::provision::inotify::{self, Limits};

/// Raises the limits of inotify, where those that there are do not reach those that are
/// needed (`limits`, in this order), and has the programs of every node
/// image check what the definition sets of components. Mostly neither is necessary.
/// Returns the fields that have no effect, each with a node.
///
/// # Errors
/// Returns [`Refused`] with everything that components do not accept,
/// the reason why a patch does not apply, or the error of raising the limits.
pub(super) async fn prepare(
    ctx: &Context,
    settled: &SettledCluster,
    limits: Option<(Limits, Limits)>,
) -> Result<Vec<(UnknownField, String)>, CreateError> {
    let images: BTreeSet<&str> =
        settled.cluster.nodes.iter().filter_map(|node| node.image.as_deref()).collect();
    let limits = limits.filter(|(now, needed)| now.are_below(*needed));
    let first = images.first().copied();
    let checks = images.into_iter().map(|image| {
        let limits = limits.filter(|_| Some(image) == first);
        of_image(ctx, settled, image, limits)
    });
    let checked = try_join_all(checks).await?;
    let version = checked.iter().map(|checked| &checked.version).find(|v| !v.is_empty());
    let version = version.cloned().unwrap_or_default();
    let mut refusals = Vec::new();
    let mut unknown = Vec::new();
    for checked in checked {
        refusals.extend(checked.refusals);
        unknown.extend(checked.unknown);
    }
    refusals.sort();
    refusals.dedup();
    match refusals.is_empty() {
        true => Ok(unknown),
        false => Err(Refused { version, refusals }.into()),
    }
}

async fn of_image(
    ctx: &Context,
    settled: &SettledCluster,
    image: &str,
    limits: Option<(Limits, Limits)>,
) -> Result<Checked, CreateError> {
    let SettledCluster { cluster, host, .. } = settled;
    let checks = component_config::is_needed(cluster, image);
    if !checks && limits.is_none() {
        return Ok(Checked::default());
    }
    let done = helper::run(ctx, host, image, limits.is_some(), async |container| {
        if let Some((_, needed)) = limits {
            inotify::ensure_in(container, needed).await?;
        }
        match checks {
            true => Ok(component_config::check(container, cluster, image, host.rootless).await?),
            false => Ok(Checked::default()),
        }
    });
    match done.await {
        // The nodes will show whether the engine cannot run such an image.
        Err(CreateError::Run(RunError::Engine(error))) => {
            match limits {
                None => ctx.progress.debug(1, format!("components cannot be asked: {error}")),
                Some((now, needed)) if now.suffices_for_boot() => {
                    ctx.progress.warn(now.advice(needed, Some(&error.to_string())));
                }
                Some(_) => return Err(RunError::from(error).into()),
            }
            Ok(Checked::default())
        }
        done => done,
    }
}
