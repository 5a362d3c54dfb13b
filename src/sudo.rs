//! What is made under sudo in a directory of the user who called it is that user's.
//!
//! Where sudo keeps `HOME`, root makes the kubeconfig and the caches in the home of
//! the user, who could neither read nor change them afterwards.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::environment;
use crate::platform::{self, Readers};

/// The user who called sudo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    uid: u32,
    gid: u32,
}

impl Caller {
    /// `None` if sudo did not start this process (`SUDO_UID` and `SUDO_GID`; sudo(8)).
    pub(crate) fn of_process() -> Option<Caller> {
        let id = |name| environment::variable(name)?.parse().ok();
        Some(Caller { uid: id("SUDO_UID")?, gid: id("SUDO_GID")? })
    }

    pub(crate) fn uid(self) -> u32 {
        self.uid
    }

    /// The caller who gets what is new at `path`, if one does.
    fn of(path: &Path) -> Option<Caller> {
        Caller::of_process().filter(|caller| caller.gets(path))
    }

    /// Whether a file that is new at `path` becomes the caller's: one of the
    /// directories that it is in belongs to the caller.
    pub(crate) fn gets(self, path: &Path) -> bool {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let nearest = absolute.ancestors().skip(1).find_map(|above| above.canonicalize().ok());
        let mut above = nearest.iter().flat_map(|nearest| nearest.ancestors());
        above.any(|directory| platform::owner(directory) == Some(self.uid))
    }
}

/// Creates a directory and those above it, which everybody may read; new ones are the
/// caller's where [`Caller::gets`] says so.
///
/// # Errors
/// Fails if a directory cannot be created.
pub(crate) fn create_directories(path: &Path) -> io::Result<()> {
    create(path, Readers::Everybody)
}

/// As [`create_directories`], for directories that only their owner may read.
///
/// # Errors
/// Fails if a directory cannot be created.
pub(crate) fn create_private_directories(path: &Path) -> io::Result<()> {
    create(path, Readers::Owner)
}

fn create(path: &Path, readers: Readers) -> io::Result<()> {
    let is_missing = |directory: &&Path| !directory.as_os_str().is_empty() && !directory.exists();
    let missing: Vec<PathBuf> =
        path.ancestors().take_while(is_missing).map(Path::to_owned).collect();
    platform::create_directories(path, readers)?;
    if let Some(Caller { uid, gid }) = Caller::of(path) {
        missing.iter().for_each(|directory| platform::give_directory(directory, uid, gid));
    }
    Ok(())
}

/// Gives a new file, which is going to be at `path`, to the caller where
/// [`Caller::gets`] says so.
pub(crate) fn hand_over(file: &File, path: &Path) {
    if let Some(Caller { uid, gid }) = Caller::of(path) {
        platform::give_file(file, uid, gid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_in_a_directory_of_the_caller_is_the_callers() {
        let directory = tempfile::tempdir().unwrap();
        let own = Caller { uid: platform::owner(directory.path()).unwrap(), gid: 0 };
        let other = Caller { uid: own.uid + 12345, ..own };
        for path in ["config", ".kube/config", ".kube/deep/config"] {
            let path = directory.path().join(path);
            assert!(own.gets(&path) && !other.gets(&path), "{}", path.display());
        }
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/", &link).unwrap();
        let root = Caller { uid: platform::owner(Path::new("/")).unwrap(), gid: 0 };
        assert!(root.gets(&link.join("config")));
        assert_eq!(own.gets(&link.join("config")), own.uid == root.uid, "a link leads elsewhere");
    }
}
