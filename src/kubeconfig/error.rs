//! What can go wrong with a kubeconfig.

use std::io;
use std::path::PathBuf;

/// An error of reading or changing a kubeconfig. The file is unchanged; only writing
/// to one that is a mount point may leave a part of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "cannot determine the kubeconfig file: neither --kubeconfig, KUBECONFIG nor HOME is set"
    )]
    Home,
    #[error("cannot read kubeconfig {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not a kubeconfig: {reason}", path.display())]
    Parse { path: PathBuf, reason: String },
    #[error(
        "kubeconfig is locked: {} was created {age} s ago",
        path.display()
    )]
    Locked {
        /// The lock file itself.
        path: PathBuf,
        /// Seconds since it was created.
        age: u64,
    },
    #[error("interrupted while {} was locked", path.display())]
    Interrupted {
        /// The kubeconfig.
        path: PathBuf,
    },
    #[error("cannot write kubeconfig {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the cluster's admin kubeconfig is not valid: {0}")]
    Admin(String),
}
