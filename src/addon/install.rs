//! Installing several packages at the same time.

use futures_util::future::join_all;

use super::cluster_state::ClusterState;
use super::error::AddonError;
use super::installation::Installation;
use super::package::{InstallOptions, Package};
use super::prepare;
use crate::context::{Context, RunError};

/// Installs packages at the same time; each is done when it works. An installed
/// package is changed to what the options say.
///
/// # Errors
/// Returns the first failure. The other packages are installed nevertheless; their
/// failures are warnings.
pub(crate) async fn install(
    ctx: &Context,
    cluster: &str,
    packages: &[Package],
    options: &InstallOptions,
) -> Result<(), AddonError> {
    let state = ClusterState::read(ctx, cluster).await?;
    let installs = packages.iter().map(|package| async {
        let step = ctx.progress.step(format!("Installing {} 🧩", package.title()));
        let prepared = prepare::package(&state, package, &options.set).await?;
        Installation { state: &state, options, step: &step }.run(prepared).await?;
        step.done();
        Ok::<_, AddonError>(())
    });
    let mut failures = join_all(installs).await.into_iter().filter_map(Result::err);
    let Some(first) = failures.next() else { return Ok(()) };
    for other in failures.filter(|e| !matches!(e, AddonError::Run(RunError::Cancelled))) {
        ctx.progress.warn(other.to_string());
    }
    Err(first)
}
