//! The user's kubeconfig files: where they are, and the entries that skiff adds
//! and removes.
//!
//! Values stay [`serde_json::Value`] so that unknown fields are kept: other
//! programs own most of these files.

mod error;
mod file;
mod lock;
mod merge;
mod paths;

pub(crate) use error::Error;
pub(crate) use file::{check_writable, file_with, merge_into, move_server, remove_cluster};
pub(crate) use merge::for_cluster;
pub(crate) use paths::{read_paths, write_target};
