//! Images of add-ons that can be built here, for where none can be pulled.

use std::collections::BTreeSet;

use super::{AddonError, catalog};
use crate::builder::{Build, BuildError, BuildOptions, Recipe};
use crate::context::Context;

/// An image with a recipe.
pub struct Buildable {
    /// Its name, which says that it is not the official one.
    pub image: String,
    recipe: Recipe,
}

/// What can be built for these add-ons; without names, for all of them.
///
/// # Errors
/// [`AddonError::Unknown`], [`AddonError::NoRecipe`].
pub fn buildable(names: &[String]) -> Result<Vec<Buildable>, AddonError> {
    if names.is_empty() {
        return Ok(catalog::all().iter().filter_map(of).collect());
    }
    let names: BTreeSet<&String> = names.iter().collect();
    let one = |name: &String| {
        of(&catalog::find(name)?).ok_or_else(|| AddonError::NoRecipe { addon: name.clone() })
    };
    names.into_iter().map(one).collect()
}

fn of(addon: &catalog::Addon) -> Option<Buildable> {
    let image = addon.definition.images.values().find_map(|names| names.built.clone())?;
    let recipe = Recipe {
        what: "add-on image",
        directory: addon.recipe?,
        arguments: Vec::new(),
        labels: Vec::new(),
    };
    Some(Buildable { image, recipe })
}

impl Buildable {
    /// Builds it unless it is there already; whether it did.
    ///
    /// # Errors
    /// That of building.
    pub async fn build(self, ctx: &Context, options: &BuildOptions) -> Result<bool, BuildError> {
        let build = Build::plan(ctx, &self.image, self.recipe, options.clone()).await?;
        if build.is_up_to_date() {
            return Ok(false);
        }
        build.run().await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_makes_one_image_that_says_whose_it_is() {
        let all = buildable(&[]).unwrap();
        assert!(all.len() >= 2);
        assert!(all.iter().all(|one| one.image.starts_with("skiff/")));
        for addon in catalog::all() {
            let built = addon.definition.images.values().filter(|names| names.built.is_some());
            assert_eq!(built.count(), usize::from(addon.recipe.is_some()), "{addon:?}");
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
        assert!(matches!(error, AddonError::NoRecipe { .. }), "{error:?}");
    }
}
