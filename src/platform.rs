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
    Signals, become_program, copy_owner, give_directory, give_file, make_executable, open_pipe,
    owner, path_of_bytes, private_directory, stamp,
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

/// Creates a directory and its parents, which only the owner can change.
///
/// # Errors
/// Returns the system's error if one of them cannot be created.
pub(crate) fn create_directories(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    system::restrict(&mut builder);
    builder.recursive(true).create(path)
}
