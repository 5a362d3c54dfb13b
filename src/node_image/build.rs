//! `build node-image`: a node image from Debian packages and Go modules, where
//! none can be pulled.

use include_dir::{Dir, include_dir};

use super::PUBLISHED;
use crate::builder::{Build, BuildError, BuildOptions, Recipe, UpToDate};
use crate::context::Context;
use crate::labels;
use crate::pull::{self, PullError};

static FILES: Dir = include_dir!("$CARGO_MANIFEST_DIR/node-image");

/// Kubernetes versions with a recipe, newest first.
pub(crate) fn versions() -> Vec<String> {
    let found = FILES.get_dir("versions").into_iter().flat_map(|dir| dir.files());
    let mut names: Vec<String> =
        found.filter_map(|f| Some(f.path().file_name()?.to_str()?.to_owned())).collect();
    names.sort_by(|a, b| b.cmp(a));
    names
}

/// What `build node-image` builds.
pub(crate) struct NodeImageOptions {
    /// A Kubernetes version with a recipe, such as `v1.37.2`.
    pub version: String,
    /// The image's name.
    pub image: String,
    /// Architecture, package mirror, and whether an up-to-date image is built again.
    pub build: BuildOptions,
    /// Use the published image instead if the engine has it or can pull it.
    pub prefer_pull: bool,
}

/// What `build node-image` did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The image is new.
    Built,
    /// The image exists and was built from the same recipe.
    UpToDate(UpToDate),
    /// The published image is used instead.
    Published,
}

/// Why there is no node image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NodeImageError {
    /// The recipe failed, or the engine did.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Only the versions of [`versions`] can be built.
    #[error("there is no recipe for Kubernetes {version}; available: {}", versions().join(", "))]
    UnknownVersion {
        /// As the user wrote it.
        version: String,
    },
}

/// Builds a node image unless it is up to date.
///
/// # Errors
/// Returns [`NodeImageError::UnknownVersion`] for a version without a recipe, or
/// [`NodeImageError::Build`] if the recipe fails.
pub(crate) async fn build(
    ctx: &Context,
    options: &NodeImageOptions,
) -> Result<Outcome, NodeImageError> {
    let version = &options.version;
    if !versions().contains(version) {
        return Err(NodeImageError::UnknownVersion { version: version.clone() });
    }
    let recipe = Recipe {
        what: "node image",
        directory: &FILES,
        arguments: vec![version.clone()],
        labels: vec![
            (labels::KUBERNETES, version.clone()),
            (labels::API_BALANCER, labels::HAPROXY.into()),
        ],
    };
    let build = Build::plan(ctx, &options.image, recipe, options.build.clone()).await?;
    if let Some(present) = build.up_to_date() {
        return Ok(Outcome::UpToDate(present));
    }
    if options.prefer_pull && published(ctx).await? {
        return Ok(Outcome::Published);
    }
    build.run().await?;
    Ok(Outcome::Built)
}

/// Whether the engine has the published image or can pull it.
async fn published(ctx: &Context) -> Result<bool, BuildError> {
    match pull::ensure(ctx, PUBLISHED).await {
        Ok(()) => Ok(true),
        Err(PullError::Failed { reason, .. }) => {
            ctx.progress.info(format!(
                "{} cannot be pulled ({reason}); building an image instead",
                pull::without_digest(PUBLISHED)
            ));
            Ok(false)
        }
        Err(PullError::Run(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::DEFAULT_VERSION;
    use super::*;

    #[test]
    fn every_version_has_its_parts() {
        assert!(versions().contains(&DEFAULT_VERSION.to_owned()));
        for version in versions() {
            assert!(FILES.get_file(format!("kubernetes/{version}/go.sum")).is_some(), "{version}");
        }
    }
}
