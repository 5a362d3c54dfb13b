//! The throw-away builder: a recipe runs in a Debian container of the engine, and
//! the file system that it leaves becomes an image.
//!
//! `builder/shared/` has what recipes share; its README explains recipes.

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
    #[error("the engine runs on {host}; an image for {wanted} must be built on a {wanted} machine")]
    OtherArchitecture { host: String, wanted: String },
    #[error("no Debian image to build in: {reason}")]
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
    /// Compares `image` with the recipe; nothing is built yet.
    ///
    /// # Errors
    /// [`BuildError::OtherArchitecture`], or the engine's error.
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

    /// Whether the image is what the recipe would build.
    pub fn is_up_to_date(&self) -> bool {
        let current = |image: &Image| image.labels.get(labels::RECIPE) == Some(&self.digest);
        !self.options.force && self.present.as_ref().is_some_and(current)
    }

    /// Builds the image, which replaces one of the same name.
    ///
    /// # Errors
    /// [`BuildError::NoBase`], or [`BuildError::Failed`] with the output.
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
            // A container may still use it.
            self.ctx.progress.debug(1, format!("the old image stays: {error}"));
        }
        Ok(())
    }
}
