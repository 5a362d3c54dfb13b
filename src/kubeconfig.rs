//! The user's kubeconfig files: where they are, what skiff adds and removes.
//!
//! Values stay [`serde_json::Value`] so that nothing unknown is lost: other
//! programs own most of these files.

mod file;
mod lock;
mod merge;
mod paths;

use std::io;
use std::path::PathBuf;

pub use file::{merge_into, remove_cluster, writable};
pub use merge::{for_cluster, merge, remove};
pub use paths::{read_paths, write_target};

/// What can go wrong with a kubeconfig. Files stay untouched in every case.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no place for the kubeconfig: neither --kubeconfig, KUBECONFIG nor HOME is set")]
    Home,
    #[error("cannot read kubeconfig {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not a kubeconfig: {reason}", path.display())]
    Parse { path: PathBuf, reason: String },
    #[error(
        "kubeconfig is locked: {} was made {age} s ago; if no other program is using it, remove it",
        path.display()
    )]
    Locked {
        /// The lock file itself.
        path: PathBuf,
        /// Seconds since it was made.
        age: u64,
    },
    #[error("cannot write kubeconfig {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the cluster's admin kubeconfig is unusable: {0}")]
    Admin(String),
}
