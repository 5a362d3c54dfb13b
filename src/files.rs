//! What skiff writes on this host: for its user alone, completely or not at all, and
//! never where another user has put something to catch it.
//!
//! In a directory such as `/tmp`, everybody can make a file, a link or a directory of
//! a name that skiff is about to use. So what belongs to another user there is
//! refused, unless that is the directory's owner. Linux itself does that only for plain
//! opening, and only where `fs.protected_symlinks` and `fs.protected_regular` say so
//! (proc_sys_fs(5)).
//!
//! As Linux does, this leaves out directories without the sticky bit: everybody can
//! also exchange what is the user's own there, and who has such a directory shares it
//! on purpose, as the containers of a pod do, or has a file system without owners. Only
//! what skiff reads back to use it is refused there, too.

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
    refuse(path, platform::is_shared)?;
    fs::read(path)
}

/// Fails if a part of this path is in a directory such as `/tmp`, and belongs to
/// another user.
///
/// # Errors
/// Returns [`ErrorKind::PermissionDenied`].
pub(crate) fn refuse_planted(path: &Path) -> io::Result<()> {
    refuse(path, is_like_tmp)
}

fn refuse(path: &Path, is_shared: IsShared) -> io::Result<()> {
    let trusted = trusted();
    match planted(path, is_shared, |owner, directory| may_own(owner, directory, &trusted)) {
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
    match path.parent().zip(platform::file_owner(file)) {
        Some((directory, owner))
            if is_like_tmp(directory) && !may_own(owner, directory, &trusted()) =>
        {
            Err(refusal(path))
        }
        _ => Ok(()),
    }
}

/// Whether others may have put something into a directory.
type IsShared = fn(&Path) -> bool;

/// Whether everybody may create files here, and change only their own.
fn is_like_tmp(directory: &Path) -> bool {
    platform::is_shared(directory) && platform::is_sticky(directory)
}

/// Whether what this user has in a shared directory may be used. The directory's owner
/// can exchange everything in it anyway.
fn may_own(owner: u32, directory: &Path, trusted: &[u32]) -> bool {
    trusted.contains(&owner) || platform::owner(directory) == Some(owner)
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
fn planted(
    path: &Path,
    is_shared: IsShared,
    may_own: impl Fn(u32, &Path) -> bool,
) -> Option<PathBuf> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = path.ancestors().find_map(|above| above.canonicalize().ok());
    let is_planted = |part: &Path| {
        part.parent().filter(|directory| is_shared(directory)).is_some_and(|directory| {
            platform::entry_owner(part).is_some_and(|owner| !may_own(owner, directory))
        })
    };
    let parts = [Some(path), real].into_iter().flatten();
    parts
        .flat_map(|path| path.ancestors().map(Path::to_owned).collect::<Vec<_>>())
        .find(|part| is_planted(part))
}

#[cfg(all(test, unix))]
mod tests;
