//! Where skiff keeps what it can get again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::{files, platform, sudo};

/// The directories of this name, best first: below the user's cache directory for skiff,
/// and, for a user without one that can be written, below a directory for temporary
/// files that only the user can use. They may not exist yet.
pub(crate) fn directories(name: &str) -> impl Iterator<Item = PathBuf> {
    let own = directories::ProjectDirs::from("", "", "skiff");
    let own = own.into_iter().map(|directories| directories.cache_dir().to_owned());
    let temporary = || platform::private_directory(&std::env::temp_dir(), "skiff");
    own.chain(std::iter::once_with(temporary).flatten()).map(move |above| above.join(name))
}

/// The first of [`directories`] in which files can be made, and which no other user has
/// prepared.
pub(crate) fn writable(mut directories: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    let can_make = |directory: &PathBuf| {
        let own = files::refuse_planted(directory);
        let made = own.and_then(|()| sudo::create_private_directories(directory));
        made.and_then(|()| tempfile::tempfile_in(directory)).is_ok()
    };
    directories.find(can_make)
}

/// Keeps a private file in such a directory, completely or not at all.
///
/// # Errors
/// Fails if the directory or the file cannot be written.
pub(crate) fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    files::write_bytes(path, bytes)
}

/// As [`keep`], for a program.
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

#[cfg(all(test, unix))]
mod tests;
