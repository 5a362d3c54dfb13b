//! Which node image a cluster gets, and how it comes to the engine.

use crate::context::{Context, RunError};
use crate::engine::EngineError;
use crate::node_image;
use crate::plan::Balancer;

/// kind 0.33's default node image, which everybody with a registry can pull.
pub const PUBLISHED: &str =
    "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5";

/// Names the load balancer that is in a node image.
pub const BALANCER_LABEL: &str = "io.skiff.api-balancer";

#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error(transparent)]
    Context(#[from] RunError),
    /// No image is here, and none could be pulled.
    #[error("there is no node image {image} here, and pulling it failed: {reason}")]
    Missing { image: String, reason: String },
}

impl From<EngineError> for ImageError {
    fn from(error: EngineError) -> Self {
        ImageError::Context(error.into())
    }
}

/// The image of nodes that name none, and why it is that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    pub image: String,
    pub why: &'static str,
}

/// The published image if it is here, else one built here, else the published
/// one, to be pulled.
///
/// # Errors
/// The engine's.
pub async fn choose(ctx: &Context) -> Result<Choice, ImageError> {
    let choice = |image: &str, why| Choice { image: image.to_owned(), why };
    if ctx.interruptible(ctx.engine.image(PUBLISHED)).await?.is_some() {
        return Ok(choice(PUBLISHED, "published, already here"));
    }
    let built = node_image::reference(node_image::DEFAULT_VERSION);
    if ctx.interruptible(ctx.engine.image(&built)).await?.is_some() {
        return Ok(choice(&built, "built on this machine"));
    }
    Ok(choice(PUBLISHED, "published, to be pulled"))
}

/// What balances the API servers of a cluster with this node image: what the
/// image has, else what kind takes.
///
/// # Errors
/// The engine's.
pub async fn balancer(ctx: &Context, node_image: &str) -> Result<Balancer, ImageError> {
    let found = ctx.interruptible(ctx.engine.image(node_image)).await?;
    let label = found.as_ref().and_then(|image| image.labels.get(BALANCER_LABEL));
    Ok(match label.map(String::as_str) {
        Some("haproxy") => Balancer::Haproxy { image: node_image.to_owned() },
        _ => Balancer::Envoy,
    })
}

/// Pulls the image unless it is here.
///
/// # Errors
/// [`ImageError::Missing`] with the engine's reason.
pub async fn ensure(ctx: &Context, image: &str) -> Result<(), ImageError> {
    if ctx.interruptible(ctx.engine.image(image)).await?.is_some() {
        return Ok(());
    }
    let step = ctx.progress.step(format!("Pulling {}", friendly(image)));
    let told = |status: String| step.detail(status);
    match ctx.interruptible(ctx.engine.pull_image(image, &told)).await {
        Ok(()) => {
            step.done();
            Ok(())
        }
        Err(RunError::Engine(
            error @ (EngineError::NotFound { .. }
            | EngineError::Other { .. }
            | EngineError::Conflict { .. }),
        )) => {
            Err(ImageError::Missing { image: image.to_owned(), reason: error.message().to_owned() })
        }
        Err(error) => Err(error.into()),
    }
}

/// An image's name without its digest.
pub fn friendly(image: &str) -> &str {
    image.split_once('@').map_or(image, |(name, _)| name)
}
