//! Where skiff keeps what it can get again.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::{platform, sudo};

/// The directory of this name below the user's cache directory for skiff; it
/// may not exist yet.
pub(crate) fn directory(name: &str) -> PathBuf {
    let dirs = directories::ProjectDirs::from("", "", "skiff");
    dirs.map_or_else(std::env::temp_dir, |dirs| dirs.cache_dir().to_owned()).join(name)
}

/// Keeps a private file in such a directory, completely or not at all.
///
/// # Errors
/// Fails if the directory or the file cannot be written.
pub(crate) fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    persist(write(path, bytes)?, path)
}

/// As [`keep`], for a program that everyone may run.
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
