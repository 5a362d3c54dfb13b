//! What is installed, and whether it works.

use futures_util::future::try_join_all;
use serde::Serialize;

use super::cluster_state;
use super::error::AddonError;
use super::record::Record;
use super::settings::Settings;
use crate::context::{Context, RunError};
use crate::kube::KubeClient;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Works,
    Broken,
    /// The installation did not finish.
    Incomplete,
}

/// An add-on in a cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Installed {
    pub name: String,
    pub version: String,
    /// The path or URL of a manifest; `None` for an add-on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    pub state: State,
    /// The conditions that do not hold, in words.
    pub missing: Vec<String>,
    pub images: Vec<String>,
    pub settings: Settings,
}

/// The names and versions of what is installed.
///
/// # Errors
/// Fails if the cluster cannot be reached.
pub(crate) async fn installed(
    ctx: &Context,
    cluster: &str,
) -> Result<Vec<(String, String)>, AddonError> {
    let (kube, _) = cluster_state::connect(ctx, cluster).await?;
    let records = Record::all(&kube).await?;
    Ok(records.into_iter().map(|record| (record.name, record.version)).collect())
}

/// Checks every condition of what is installed, or of these add-ons only if
/// some are named.
///
/// # Errors
/// Fails if the cluster cannot be reached.
pub(crate) async fn status(
    ctx: &Context,
    cluster: &str,
    names: &[String],
) -> Result<Vec<Installed>, AddonError> {
    let (kube, nodes) = cluster_state::connect(ctx, cluster).await?;
    let records = Record::all(&kube).await?;
    let wanted = records.into_iter().filter(|r| names.is_empty() || names.contains(&r.name));
    Ok(try_join_all(wanted.map(|record| check(ctx, &kube, &nodes, record))).await?)
}

async fn check(
    ctx: &Context,
    kube: &KubeClient,
    nodes: &[String],
    record: Record,
) -> Result<Installed, RunError> {
    let checks = record.checks.iter().map(|check| check.missing(ctx, kube, nodes));
    let missing: Vec<String> = try_join_all(checks).await?.into_iter().flatten().collect();
    let state = match (record.complete, missing.is_empty()) {
        (false, _) => State::Incomplete,
        (true, true) => State::Works,
        (true, false) => State::Broken,
    };
    Ok(Installed {
        name: record.name,
        version: record.version,
        manifest: record.manifest,
        state,
        missing,
        images: record.images.into_values().collect(),
        settings: record.settings,
    })
}
