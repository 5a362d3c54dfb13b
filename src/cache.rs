//! Where skiff keeps what it can get again.

use std::path::PathBuf;

/// The directory of this name below the user's cache directory for skiff; it
/// may not exist yet.
pub(crate) fn directory(name: &str) -> PathBuf {
    let dirs = directories::ProjectDirs::from("", "", "skiff");
    dirs.map_or_else(std::env::temp_dir, |dirs| dirs.cache_dir().to_owned()).join(name)
}
