//! Templates of manifests, and the values they can use.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::certificate::Certificate;
use super::settings::Settings;

/// The values, by the names that templates use.
#[derive(Debug, Default, Serialize)]
pub(super) struct TemplateValues {
    pub settings: Settings,
    /// The chosen references, by the keys of the definition.
    pub images: BTreeMap<String, String>,
    /// Whether these are skiff's own builds, by the same keys.
    pub built: BTreeMap<String, bool>,
    /// The node that the add-on is placed on; `None` without a placement.
    pub node: Option<String>,
    pub certificates: BTreeMap<String, Certificate>,
}

/// Fills in a template.
///
/// # Errors
/// Returns a sentence if the template is invalid or uses a value that does not
/// exist.
pub(super) fn render(template: &str, values: &TemplateValues) -> Result<String, String> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("tojson", minijinja::filters::tojson);
    environment.render_str(template, values).map_err(|e| e.to_string())
}
