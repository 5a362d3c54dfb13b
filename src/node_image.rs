//! Node images: which one a cluster gets, and building one.

mod build;

pub(crate) use build::{NodeImageError, NodeImageOptions, Outcome, build, versions};

use crate::context::{Context, RunError};
use crate::labels;
use crate::plan::ApiBalancer;

/// kind's default node image, published on Docker Hub
/// (kind v0.33.0, `pkg/apis/config/defaults/image.go`).
pub(crate) const PUBLISHED: &str =
    "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5";

/// The Kubernetes version that is built unless another one is named.
pub const DEFAULT_VERSION: &str = "v1.37.2";

/// The default name of a node image that skiff built.
pub fn reference(version: &str) -> String {
    format!("skiff/node:{version}")
}

/// The image of nodes without an image of their own, and why it was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// A name such as [`PUBLISHED`].
    pub image: String,
    /// A phrase for messages, such as `built on this machine`.
    pub reason: &'static str,
}

/// Chooses the published image if the engine has it, else one that skiff built,
/// else the published one, which must be pulled.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(crate) async fn choose(ctx: &Context) -> Result<Choice, RunError> {
    let choice = |image: &str, reason| Choice { image: image.to_owned(), reason };
    if ctx.interruptible(ctx.engine.image(PUBLISHED)).await?.is_some() {
        return Ok(choice(PUBLISHED, "published, already here"));
    }
    let built = reference(DEFAULT_VERSION);
    if ctx.interruptible(ctx.engine.image(&built)).await?.is_some() {
        return Ok(choice(&built, "built on this machine"));
    }
    Ok(choice(PUBLISHED, "published, to be pulled"))
}

/// What balances the API servers of a cluster with this node image: a program
/// in the image, else the image that kind uses
/// (kind v0.33.0, `pkg/cluster/internal/loadbalancer/const.go`).
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(crate) async fn api_balancer(ctx: &Context, node_image: &str) -> Result<ApiBalancer, RunError> {
    let found = ctx.interruptible(ctx.engine.image(node_image)).await?;
    let label = found.as_ref().and_then(|image| image.labels.get(labels::API_BALANCER));
    Ok(match label.map(String::as_str) {
        Some(labels::HAPROXY) => ApiBalancer::Haproxy { image: node_image.to_owned() },
        _ => ApiBalancer::Envoy,
    })
}
