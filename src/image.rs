//! Container images as data: names, documents, archives, and what a node still
//! needs of an image. Nothing here talks to an engine or to a node.
//!
//! - [`reference`] reads image names and completes them.
//! - [`digest`], [`platform`], [`media_type`] and [`oci`] are the OCI image specification's
//!   vocabulary; [`documents`] finds an image in a set of such documents.
//! - [`archive`] reads archives (`docker save`, OCI layouts) in one pass.
//! - [`tar_split`] reads how Docker takes a layer's archive apart.
//! - [`node_content`] is what a node has, [`need`] decides what it still needs.

pub mod archive;
pub mod digest;
pub mod documents;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod media_type;
pub(crate) mod need;
pub(crate) mod node_content;
pub mod oci;
pub mod platform;
pub mod reference;
pub(crate) mod tar_split;

pub use digest::Digest;
pub use documents::{Documents, PlatformImage};
pub(crate) use need::{MissingBlobs, Need, RequestedImage};
pub(crate) use node_content::{NodeContent, NodeImage, NodeImageName};
pub use platform::Platform;
pub use reference::{InvalidReference, Reference, full_name, similar_names};
