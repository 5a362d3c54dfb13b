//! Where skiff keeps what it can get again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{platform, sudo};

/// The directories of this name, best first: below the user's cache directory for skiff,
/// and, for a user without one that can be written, below a directory for temporary
/// files that only the user can use. They may not exist yet.
pub(crate) fn directories(name: &str) -> impl Iterator<Item = PathBuf> {
    let own = directories::ProjectDirs::from("", "", "skiff");
    let own = own.into_iter().map(|directories| directories.cache_dir().to_owned());
    let temporary = || platform::private_directory(&std::env::temp_dir(), "skiff");
    own.chain(std::iter::once_with(temporary).flatten()).map(move |above| above.join(name))
}

/// The first of [`directories`] in which files can be made.
pub(crate) fn writable(mut directories: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
    directories.find(|directory| {
        sudo::create_directories(directory).and_then(|()| tempfile::tempfile_in(directory)).is_ok()
    })
}

/// Keeps a private file in such a directory, completely or not at all.
///
/// # Errors
/// Fails if the directory or the file cannot be written.
pub(crate) fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    persist(write(path, bytes)?, path)
}

/// As [`keep`], for a program.
///
/// # Errors
/// Fails if the directory or the file cannot be written.
pub(crate) fn keep_program(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = write(path, bytes)?;
    platform::make_executable(file.as_file())?;
    persist(file, path)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let directory = path.parent().unwrap_or(Path::new("."));
    sudo::create_directories(directory)?;
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    sudo::hand_over(file.as_file(), path);
    Ok(file)
}

fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    // Closed for writing before it is run, or the system calls it busy.
    Ok(file.into_temp_path().persist(path)?)
}
