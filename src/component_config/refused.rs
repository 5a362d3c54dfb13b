//! What the components of a node image do not take.

use crate::cluster::Place;
use crate::components::Component;

/// The components of this version do not take what the definition sets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Kubernetes {version} does not accept {} of the cluster definition", count(.refusals.len()))]
pub(crate) struct Refused {
    /// Such as `v1.37.2`.
    pub version: String,
    /// At least one.
    pub refusals: Vec<Refusal>,
}

/// One thing that a component does not take.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Refusal {
    /// The field that sets it, if that can be told.
    pub place: Option<Place>,
    pub component: Component,
    /// The component's own words.
    pub words: String,
    /// What was probably meant, such as a flag without its dashes.
    pub similar: Option<String>,
}

fn count(settings: usize) -> String {
    match settings {
        1 => "a setting".to_owned(),
        several => format!("{several} settings"),
    }
}
