//! The throw-away builder: a recipe runs in a Debian container of the engine, and
//! the file system that it leaves becomes an image.
//!
//! `builder/shared/` has what recipes share; its README explains recipes.

mod base;
mod build;
mod error;
mod recipe;

pub use build::{Build, BuildOptions};
pub use error::BuildError;
pub use recipe::Recipe;
