//! Add-ons: software installed on top of a cluster, from the catalog, from a
//! directory of the user's own, or from a manifest.
//!
//! Deciding and doing are separate. [`definition`], [`settings`] and [`stages`]
//! turn an add-on's directory into stages, without effects. [`prepare`] finds out
//! what they depend on in the cluster. [`installation`] applies the objects and
//! waits for the conditions that the add-on declares. What was installed is
//! remembered in the cluster itself, in a [`record`]: it can be checked and
//! removed without the directory it came from.

mod catalog;
mod certificate;
mod check;
mod cluster_state;
mod content;
mod definition;
mod download;
mod error;
mod image_build;
mod images;
mod install;
mod installation;
mod manifest;
mod ownership;
mod package;
mod pods;
mod prepare;
mod preview;
mod record;
mod remove;
mod setting;
mod settings;
mod stages;
mod status;
mod template;

pub use catalog::{Addon, all, find};
pub use error::AddonError;
pub use image_build::{Buildable, buildable};
pub use install::install;
pub use manifest::{Manifest, fetch};
pub use package::{DEFAULT_TIMEOUT, InstallOptions, Package};
pub use preview::preview;
pub use remove::remove;
pub use settings::Assignment;
pub use status::{Installed, State, installed, status};

#[cfg(test)]
mod tests;
