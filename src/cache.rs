//! Where skiff keeps what it can get again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::{files, platform};

/// The directory of this name below the user's cache directory for skiff, which may
/// not exist yet. `None` for a user without a home directory: a directory that others
/// know as well is no place for what is trusted later.
pub(crate) fn directory(name: &str) -> Option<PathBuf> {
    let dirs = directories::ProjectDirs::from("", "", "skiff")?;
    Some(dirs.cache_dir().join(name))
}

/// Keeps a private file in such a directory, completely or not at all.
///
/// # Errors
/// Fails if the directory or the file cannot be written.
pub(crate) fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    files::write_bytes(path, bytes)
}

/// As [`keep`], for a program that everyone may run.
///
/// # Errors
/// Fails if the directory or the file cannot be written.
pub(crate) fn keep_program(path: &Path, bytes: &[u8]) -> io::Result<()> {
    files::write(path, |file| {
        file.write_all(bytes)?;
        platform::make_executable(file)
    })
}

/// What was kept, if it is there and nobody else can have put it there.
pub(crate) fn kept(path: &Path) -> Option<Vec<u8>> {
    files::read(path).ok()
}
