//! Software bills of materials, in CycloneDX's JSON: of this program, and of the
//! images that it builds.
//!
//! That of the program is made from the `Cargo.lock` that it was built with. That of
//! an image is a file in it, which the recipe writes (`builder/shared/sbom.sh`).

mod built_image;
mod program;

pub(crate) use built_image::of_image;
pub(crate) use program::of_program;

use crate::context::RunError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum SbomError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("the engine has no image {0}")]
    NoImage(String),
    #[error("image {0} has no software bill of materials")]
    None(String),
    #[error("the software bill of materials of image {image} cannot be read: {reason}")]
    Unreadable { image: String, reason: String },
}
