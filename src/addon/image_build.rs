//! Images of add-ons that skiff can build, for use without a registry.

use std::collections::BTreeSet;

use super::catalog::{self, Addon};
use super::error::AddonError;
use crate::builder::{Build, BuildError, BuildOptions, Recipe, UpToDate};
use crate::context::Context;

/// An image that can be built.
pub(crate) struct Buildable {
    /// Its name, which differs from that of the official image.
    pub image: String,
    recipe: Recipe,
}

/// The images that can be built for these add-ons; without names, for all of them.
///
/// # Errors
/// Returns [`AddonError::Unknown`] for a name that no add-on has, or
/// [`AddonError::NotBuildable`] for an add-on without a recipe.
pub(crate) fn buildable(names: &[String]) -> Result<Vec<Buildable>, AddonError> {
    if names.is_empty() {
        return Ok(catalog::all().iter().filter_map(image_of).collect());
    }
    let names: BTreeSet<&String> = names.iter().collect();
    let one = |name: &String| {
        image_of(&catalog::find(name)?)
            .ok_or_else(|| AddonError::NotBuildable { addon: name.clone() })
    };
    names.into_iter().map(one).collect()
}

fn image_of(addon: &Addon) -> Option<Buildable> {
    let image = addon.definition.images.values().find_map(|names| names.built.clone())?;
    let recipe = Recipe {
        what: "add-on image",
        directory: addon.image_source?,
        arguments: Vec::new(),
        labels: Vec::new(),
    };
    Some(Buildable { image, recipe })
}

impl Buildable {
    /// Builds the image, and returns nothing, unless it is up to date.
    ///
    /// # Errors
    /// Returns [`BuildError`] if the build fails.
    pub(crate) async fn build(
        self,
        ctx: &Context,
        options: &BuildOptions,
    ) -> Result<Option<UpToDate>, BuildError> {
        let build = Build::plan(ctx, &self.image, self.recipe, options.clone()).await?;
        let present = build.up_to_date();
        if present.is_none() {
            build.run().await?;
        }
        Ok(present)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_image_has_a_name_of_skiffs_own() {
        let all = buildable(&[]).unwrap();
        assert!(all.len() >= 2);
        assert!(all.iter().all(|one| one.image.starts_with("skiff/")));
        for addon in catalog::all() {
            let built = addon.definition.images.values().filter(|names| names.built.is_some());
            assert_eq!(built.count(), usize::from(addon.image_source.is_some()), "{addon:?}");
        }
    }

    #[test]
    fn names_choose() {
        let chosen = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            buildable(&names).map(|found| found.into_iter().map(|b| b.image).collect::<Vec<_>>())
        };
        let twice = chosen(&["metrics-server", "metrics-server"]).unwrap();
        assert_eq!(twice, ["skiff/metrics-server:v0.9.0"]);
        let error = chosen(&["metric-server"]).unwrap_err();
        assert!(
            matches!(&error, AddonError::Unknown { similar, .. } if similar == &["metrics-server"]),
            "{error:?}"
        );
        let error = chosen(&[concat!(env!("CARGO_MANIFEST_DIR"), "/configs/hello")]).unwrap_err();
        assert!(matches!(error, AddonError::NotBuildable { .. }), "{error:?}");
    }
}
