//! What is installed, and whether it works.

use futures_util::future::try_join_all;
use serde::Serialize;

use super::AddonError;
use super::kube::Kube;
use super::record::Record;
use super::settings::Settings;
use crate::context::{Context, RunError};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Works,
    Broken,
    /// The installation did not come to its end.
    Incomplete,
}

/// An add-on in a cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Installed {
    pub name: String,
    pub version: String,
    /// Where a manifest came from that is not of the catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    pub state: State,
    /// What does not hold of what should, in words.
    pub missing: Vec<String>,
    pub images: Vec<String>,
    pub settings: Settings,
}

/// The names and versions of what is installed.
///
/// # Errors
/// [`AddonError`].
pub async fn installed(ctx: &Context, cluster: &str) -> Result<Vec<(String, String)>, AddonError> {
    let records = Record::all(&Kube::find(ctx, cluster).await?).await?;
    Ok(records.into_iter().map(|record| (record.name, record.version)).collect())
}

/// Looks at all conditions of what is installed; of these only, if some are named.
///
/// # Errors
/// [`AddonError`].
pub async fn status(
    ctx: &Context,
    cluster: &str,
    names: &[String],
) -> Result<Vec<Installed>, AddonError> {
    let kube = Kube::find(ctx, cluster).await?;
    let records = Record::all(&kube).await?;
    let wanted = records.into_iter().filter(|r| names.is_empty() || names.contains(&r.name));
    Ok(try_join_all(wanted.map(|record| look(&kube, record))).await?)
}

async fn look(kube: &Kube, record: Record) -> Result<Installed, RunError> {
    let seen = try_join_all(record.checks.iter().map(|check| check.missing(kube))).await?;
    let missing: Vec<String> = seen.into_iter().flatten().collect();
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
