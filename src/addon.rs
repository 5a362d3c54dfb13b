//! Add-ons: software installed on top of a cluster, from the catalog, from a
//! directory of the user's own, or from a manifest.
//!
//! Deciding and doing are separate. [`definition`], [`settings`] and [`stages`]
//! turn an add-on's directory into stages, without effects. [`prepare`] finds out
//! what they depend on in the cluster. [`installation`] applies the objects and
//! waits for the conditions that the add-on declares. What was installed is
//! remembered in the cluster itself, in a [`record`]: it can be checked and
//! removed without the directory it came from. [`vulnerability`] knows what is wrong
//! with the images.

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
mod vulnerability;

pub(crate) use catalog::{all, find};
pub(crate) use error::AddonError;
pub(crate) use image_build::buildable;
pub(crate) use install::install;
pub(crate) use manifest::fetch;
pub(crate) use package::{DEFAULT_TIMEOUT, InstallOptions, Package};
pub(crate) use preview::preview;
pub(crate) use remove::remove;
pub(crate) use settings::Assignment;
pub(crate) use status::{Installed, State, installed, status};
pub(crate) use vulnerability::known_issues;

#[cfg(test)]
mod tests;
