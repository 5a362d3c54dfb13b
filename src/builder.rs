//! The throw-away builder: a recipe runs in a Debian container of the engine, and
//! the file system that it leaves becomes an image.
//!
//! `builder/shared/` has what recipes share; its README explains recipes.

mod archive;
mod base;
mod build;
mod error;
mod freshness;
mod recipe;
mod stages;

pub(crate) use build::{Build, BuildOptions, UpToDate};
pub(crate) use error::BuildError;
pub(crate) use freshness::is_old;
pub(crate) use recipe::Recipe;

#[cfg(test)]
mod tests;
