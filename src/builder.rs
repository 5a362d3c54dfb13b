//! The throw-away builder: a recipe runs in a Debian container of the engine, and
//! the file system that it leaves becomes an image.
//!
//! `builder/shared/` is what recipes have in common, and says what they are.

mod base;
mod recipe;
mod run;

use crate::context::{Context, RunError};
use crate::engine::{EngineError, Image};
use crate::labels;
use crate::text;

pub use recipe::Recipe;

#[derive(Debug, Clone, Default)]
pub struct Options {
    /// As in GOARCH; `None`: the engine's.
    pub arch: Option<String>,
    /// Where Debian packages come from, instead of Debian's own mirror.
    pub mirror: Option<String>,
    /// Build even when the image is up to date.
    pub force: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("the engine runs on {host}; an image for {wanted} has to be built on such a machine")]
    OtherArchitecture { host: String, wanted: String },
    #[error("no Debian to build in: {reason}")]
    NoBase { reason: String },
    #[error("building the {what} failed: {last}")]
    Failed { what: &'static str, last: String, output: String },
}

impl From<EngineError> for BuildError {
    fn from(error: EngineError) -> Self {
        BuildError::Run(error.into())
    }
}

/// One image to be built.
pub struct Build<'a> {
    ctx: &'a Context,
    image: String,
    recipe: Recipe,
    options: Options,
    arch: String,
    digest: String,
    present: Option<Image>,
}

impl<'a> Build<'a> {
    /// Looks at what is there of `image`; nothing is built yet.
    ///
    /// # Errors
    /// The engine's, or that of another architecture than its own.
    pub async fn plan(
        ctx: &'a Context,
        image: &str,
        recipe: Recipe,
        options: Options,
    ) -> Result<Build<'a>, BuildError> {
        let host = ctx.interruptible(ctx.engine.host()).await?;
        let arch = options.arch.clone().unwrap_or_else(|| host.arch.clone());
        if arch != host.arch {
            return Err(BuildError::OtherArchitecture { host: host.arch, wanted: arch });
        }
        let digest = recipe.digest(&arch, options.mirror.as_deref());
        let present = ctx.interruptible(ctx.engine.image(image)).await?;
        Ok(Build { ctx, image: image.to_owned(), recipe, options, arch, digest, present })
    }

    /// There is nothing to do.
    pub fn is_up_to_date(&self) -> bool {
        let current = |image: &Image| image.labels.get(labels::RECIPE) == Some(&self.digest);
        !self.options.force && self.present.as_ref().is_some_and(current)
    }

    /// Builds it, in the place of the image before.
    ///
    /// # Errors
    /// No base to build in, or the failing step's output.
    pub async fn run(self) -> Result<(), BuildError> {
        let base = base::ensure(self.ctx, self.options.mirror.as_deref()).await?;
        let suffix = text::random_hex(4).map_err(RunError::from)?;
        let builder = format!("skiff-build-{suffix}");
        let built = self.ctx.scope(async |ctx| self.run_in(ctx, &builder, &base).await).await;
        let removed = self.ctx.engine.remove_container(&builder).await;
        built?;
        removed?;
        if let Some(old) = &self.present
            && let Err(error) = self.ctx.engine.remove_image(&old.id).await
        {
            // A container may still be running it.
            self.ctx.progress.debug(1, format!("the image before stays: {error}"));
        }
        Ok(())
    }
}
