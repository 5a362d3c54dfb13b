//! Loads images into nodes and sends only what a node does not have
//! ([`crate::image::need`] decides that).
//!
//! There are two ways. After either one, every node is checked:
//!
//! - [`pull`]: nodes pull from a [`registry`] in this process, which reads layers
//!   where the engine keeps them ([`store`]). The cost depends only on what a node
//!   needs, and each node runs one command: it reports, pulls and reports again
//!   ([`containerd`]).
//! - [`import`]: an archive (a file, stdin, or the engine's export) is read once
//!   and sent to all nodes, to each without the blobs that it has ([`fan_out`]).
//!   This works everywhere, and is used where pulling fails.
//!
//! Measured on 2 cores, one node, 20 layers of 123 MB: kind's way (export to a
//! file, `ctr images import`) takes 60 s, first time or not. Most of that is
//! content on its way through containerd's API (a single blob costs 12 times the
//! processor time of hashing it); a pull, done by the daemon itself, takes 16 s
//! for everything and under a second for one small layer.

mod containerd;
mod docker_image;
mod error;
mod fan_out;
#[cfg(test)]
pub(crate) mod fixtures;
mod image_archive;
mod import;
mod node_images;
mod outcome;
mod pull;
mod registry;
mod requested;
mod store;
mod target;
mod transfer;

pub(crate) use docker_image::load as docker_images;
pub(crate) use error::LoadError;
pub(crate) use image_archive::load as image_archives;
pub(crate) use node_images::{ListedImage, list, names, remove};
pub(crate) use target::Target;

#[cfg(test)]
mod tests;
