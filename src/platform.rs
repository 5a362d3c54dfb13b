//! What differs between Linux, macOS and Windows: the only place that uses the
//! parts of the libraries that just one of them has.

mod home;
#[cfg(unix)]
#[path = "platform/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "platform/windows.rs"]
mod system;

use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use home::home;
pub(crate) use system::{
    Signals, become_program, copy_owner, entry_owner, file_owner, free_space, give_directory,
    give_file, is_shared, is_sticky, make_executable, open_pipe, owner, path_of_bytes, private,
    private_directory, stamp, user,
};

/// Whether this is Windows.
pub(crate) const IS_WINDOWS: bool = cfg!(windows);

/// A program to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// At this path.
    File(PathBuf),
    /// With this content, in no file.
    InMemory(Vec<u8>),
}

/// Who may look into a new directory. Only its owner may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    Everybody,
    Owner,
}

/// Creates a directory and its parents.
///
/// # Errors
/// Returns the system's error if one of them cannot be created.
pub(crate) fn create_directories(path: &Path, readers: Readers) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    system::restrict(&mut builder, readers);
    builder.recursive(true).create(path)
}
