//! What skiff writes on this host: for its user alone, completely or not at all, and
//! never where another user has put something to catch it.
//!
//! In a directory such as `/tmp`, everybody can make a file, a link or a directory of
//! a name that skiff is about to use. So what belongs to another user there is
//! refused. Linux itself does that only for plain opening, and only where
//! `fs.protected_symlinks` and `fs.protected_regular` say so (proc_sys_fs(5)).

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::platform;
use crate::sudo::{self, Caller};

/// Writes a private file, and creates its directory. What was there before is
/// replaced; a link is not followed.
///
/// # Errors
/// Fails if another user may have prepared the path, or if it cannot be written. The old
/// file is unchanged then.
pub(crate) fn write(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = begin(path)?;
    fill(file.as_file_mut())?;
    // Closed for writing before it is used: a program that is not is called busy.
    Ok(file.into_temp_path().persist(path)?)
}

/// A file of a random name next to `path`, which it is going to replace.
fn begin(path: &Path) -> io::Result<NamedTempFile> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    refuse_planted(directory)?;
    sudo::create_private_directories(directory)?;
    let file = NamedTempFile::new_in(directory)?;
    sudo::hand_over(file.as_file(), path);
    Ok(file)
}

/// Writes bytes as [`write()`] does.
///
/// # Errors
/// Fails like [`write()`].
pub(crate) fn write_bytes(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, |file| file.write_all(bytes))
}

/// Reads a file that skiff has written.
///
/// # Errors
/// Fails if another user may have prepared the path, or if it cannot be read.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    refuse_planted(path)?;
    fs::read(path)
}

/// Fails if a part of this path is in a directory that everybody may write to, and
/// belongs to another user.
///
/// # Errors
/// Returns [`ErrorKind::PermissionDenied`].
pub(crate) fn refuse_planted(path: &Path) -> io::Result<()> {
    match planted(path, &trusted()) {
        Some(part) => Err(refusal(&part)),
        None => Ok(()),
    }
}

/// Fails if `file`, which was opened at `path`, is as [`refuse_planted`] says. It
/// cannot have been exchanged in between.
///
/// # Errors
/// Returns [`ErrorKind::PermissionDenied`].
pub(crate) fn refuse_planted_file(file: &File, path: &Path) -> io::Result<()> {
    let is_shared = path.parent().is_some_and(platform::is_shared);
    match platform::file_owner(file).filter(|owner| is_shared && !trusted().contains(owner)) {
        Some(_) => Err(refusal(path)),
        None => Ok(()),
    }
}

fn refusal(path: &Path) -> io::Error {
    let text = format!(
        "{} belongs to another user, in a directory that everybody may write to",
        path.display()
    );
    io::Error::new(ErrorKind::PermissionDenied, text)
}

/// This user, root, and who called sudo.
fn trusted() -> Vec<u32> {
    let caller = Caller::of_process().map(Caller::uid);
    [platform::user(), Some(0), caller].into_iter().flatten().collect()
}

/// The first part of a path, or of where its links lead, that others may have made.
fn planted(path: &Path, trusted: &[u32]) -> Option<PathBuf> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = path.ancestors().find_map(|above| above.canonicalize().ok());
    let is_planted = |part: &Path| {
        part.parent().is_some_and(platform::is_shared)
            && platform::entry_owner(part).is_some_and(|owner| !trusted.contains(&owner))
    };
    let parts = [Some(path), real].into_iter().flatten();
    parts
        .flat_map(|path| path.ancestors().map(Path::to_owned).collect::<Vec<_>>())
        .find(|part| is_planted(part))
}

#[cfg(all(test, unix))]
mod tests;
