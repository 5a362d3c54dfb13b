//! Where skiff keeps what it can get again.

use std::fs::Permissions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::sudo;

/// The directory of this name below the user's cache directory for skiff; it
/// may not exist yet.
pub(crate) fn directory(name: &str) -> PathBuf {
    let dirs = directories::ProjectDirs::from("", "", "skiff");
    dirs.map_or_else(std::env::temp_dir, |dirs| dirs.cache_dir().to_owned()).join(name)
}

/// Keeps a file in such a directory, completely or not at all. `permissions` are
/// those of a program; other files are private.
///
/// # Errors
/// Fails if the directory or the file cannot be written.
pub(crate) fn keep(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    sudo::create_directories(directory)?;
    let mut file = NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    sudo::hand_over(file.as_file(), path);
    // Closed for writing before it is run, or the system calls it busy.
    Ok(file.into_temp_path().persist(path)?)
}
