//! Changes kubeconfig files: under a lock, atomically, and only if their content
//! changes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::error::Error;
use super::lock::{IsCancelled, Lock, PATIENCE};
use super::merge::{checked, merge, moved, remove};
use crate::cluster::context_name;
use crate::files;
use crate::platform;
use crate::sudo;
use crate::yaml;

/// More bytes than a cluster adds to a kubeconfig.
const ENTRY_SIZE: u64 = 32 * 1024;

/// Merges `entry`, as made by [`super::for_cluster`], into the file at `path`,
/// which is created with its directories if missing.
///
/// # Errors
/// Returns [`Error::Read`], [`Error::Parse`], [`Error::Locked`], [`Error::Write`] or,
/// if waiting for the file's lock is cancelled, [`Error::Interrupted`].
pub(crate) fn merge_into(
    path: &Path,
    entry: &Value,
    is_cancelled: IsCancelled,
) -> Result<(), Error> {
    resolved(path)?;
    if is_special(path) {
        return fs::write(path, yaml::to_string(entry)).map_err(|e| cannot_write(path, e));
    }
    make_parent(path).map_err(|e| cannot_write(path, e))?;
    let _lock = Lock::acquire(path, PATIENCE, is_cancelled)?;
    let old = read(path)?;
    let new = merge(old.clone().unwrap_or(json!({})), entry.clone());
    if old.as_ref() == Some(&new) {
        return Ok(());
    }
    replace(path, &new)
}

/// Removes the cluster's entries from every file that has them.
///
/// # Errors
/// Fails like [`merge_into`], with the first error after all files have been tried.
pub(crate) fn remove_cluster(
    paths: &[PathBuf],
    cluster: &str,
    is_cancelled: IsCancelled,
) -> Result<(), Error> {
    let change = |config| remove(config, cluster);
    let removed = paths.iter().map(|path| change_in(path, &change, is_cancelled).map(drop));
    removed.collect::<Vec<_>>().into_iter().collect()
}

/// Writes the port of the cluster's API server in `server`, such as `127.0.0.1:40000`,
/// into every file that has another port of the same host. Returns whether there was
/// one.
///
/// # Errors
/// Fails like [`merge_into`], with the first error after all files have been tried.
pub(crate) fn move_server(
    paths: &[PathBuf],
    cluster: &str,
    server: &str,
    is_cancelled: IsCancelled,
) -> Result<bool, Error> {
    let change = |config| moved(config, cluster, server);
    let changed = paths.iter().map(|path| change_in(path, &change, is_cancelled));
    let changed: Result<Vec<bool>, Error> = changed.collect::<Vec<_>>().into_iter().collect();
    Ok(changed?.contains(&true))
}

/// Changes a file, unless `change` has nothing to change. Returns whether it had.
fn change_in(
    path: &Path,
    change: &dyn Fn(Value) -> Option<Value>,
    is_cancelled: IsCancelled,
) -> Result<bool, Error> {
    resolved(path)?;
    let changed = || Ok(read(path)?.and_then(change));
    // Files that stay as they are are not locked.
    if is_special(path) || changed()?.is_none() {
        return Ok(false);
    }
    let _lock = Lock::acquire(path, PATIENCE, is_cancelled)?;
    match changed()? {
        Some(config) => replace(path, &config).map(|()| true),
        None => Ok(false),
    }
}

/// The first of the files that has the cluster's context. Files that cannot be read have
/// none.
pub(crate) fn file_with(paths: &[PathBuf], cluster: &str) -> Option<PathBuf> {
    let name = context_name(cluster);
    let has_context = |path: &&PathBuf| {
        let config = if is_special(path) { None } else { read(path).ok().flatten() };
        let contexts = config.as_ref().and_then(|config| config["contexts"].as_array());
        contexts.is_some_and(|contexts| contexts.iter().any(|context| context["name"] == name))
    };
    paths.iter().find(has_context).cloned()
}

/// Checks that [`merge_into`] to `path` will probably succeed; changes nothing.
///
/// # Errors
/// Returns the error that [`merge_into`] would probably return.
pub(crate) fn check_writable(path: &Path, is_cancelled: IsCancelled) -> Result<(), Error> {
    let target = resolved(path)?;
    if is_special(path) {
        return Ok(());
    }
    if parent(path).is_dir() {
        // Finds a stale lock now instead of after the cluster was created.
        Lock::acquire(path, PATIENCE, is_cancelled)?;
    }
    read(path)?;
    probe(&target).map_err(|e| cannot_write(&target, e))
}

/// Tries to write as much as [`replace`] will, in the nearest directory that exists.
fn probe(target: &Path) -> io::Result<()> {
    let old = open_existing(target)?;
    let size = old.map_or(Ok(0), |file| file.metadata().map(|m| m.len()))?;
    let nearest = parent(target).ancestors().find(|dir| dir.exists());
    let nearest = nearest.filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut zeros = io::repeat(0).take(size + ENTRY_SIZE);
    io::copy(&mut zeros, &mut NamedTempFile::new_in(nearest)?).map(drop)
}

/// The kubeconfig at `path`; `None` if there is no such file.
fn read(path: &Path) -> Result<Option<Value>, Error> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
    };
    let parse = || match yaml::documents(&text)?.as_mut_slice() {
        [] => Ok(json!({})),
        [one] => checked(one.take()),
        // Writing one of them back would lose the others.
        _ => Err("it has several YAML documents".to_owned()),
    };
    parse().map(Some).map_err(|reason| Error::Parse { path: path.to_owned(), reason })
}

/// Replaces the content of the file at `path` atomically: readers see the old or
/// the new content. A mount point, which cannot be replaced, is written in place.
fn replace(path: &Path, config: &Value) -> Result<(), Error> {
    let target = resolved(path)?;
    let text = yaml::to_string(config);
    write_atomically(&target, &text).map_err(|e| cannot_write(&target, e))
}

fn write_atomically(target: &Path, text: &str) -> io::Result<()> {
    make_parent(target)?;
    let old = open_existing(target)?;
    let mut temp = NamedTempFile::with_prefix_in(".kubeconfig-", parent(target))?;
    temp.write_all(text.as_bytes())?;
    match &old {
        Some(old) => keep_owner_and_mode(old, temp.as_file())?,
        None => sudo::hand_over(temp.as_file(), target),
    }
    temp.as_file().sync_all()?;
    match temp.persist(target) {
        // A file that is a mount point cannot be replaced, but it can be written.
        Err(e) if e.error.kind() == ErrorKind::ResourceBusy => fs::write(target, text),
        persisted => persisted.map(drop).map_err(|e| e.error),
    }
}

/// Opens the file for writing without changing it, because a rename would
/// replace even a read-only file. `None` if the file does not exist.
fn open_existing(target: &Path) -> io::Result<Option<File>> {
    match OpenOptions::new().write(true).open(target) {
        Ok(file) => files::refuse_planted_file(&file, target).map(|()| Some(file)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn keep_owner_and_mode(old: &File, new: &File) -> io::Result<()> {
    platform::copy_owner(old, new);
    new.set_permissions(old.metadata()?.permissions())
}

/// A device or pipe such as `/dev/null`: written to, never read, locked or
/// replaced.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|m| !m.is_file() && !m.is_dir())
}

/// The path that `path` leads to if it is a symlink, even a dangling one. Another user
/// may not have prepared it.
fn resolved(path: &Path) -> Result<PathBuf, Error> {
    // Linux's limit (path_resolution(7)). Opening a loop fails later.
    const MAX_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        files::refuse_planted(&path).map_err(|e| cannot_write(&path, e))?;
        let Ok(target) = fs::read_link(&path) else { break };
        path = parent(&path).join(target);
    }
    Ok(path)
}

/// The directory of a file; `.` for a bare name.
fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn make_parent(path: &Path) -> io::Result<()> {
    sudo::create_directories(parent(path))
}

fn cannot_write(path: &Path, source: io::Error) -> Error {
    Error::Write { path: path.to_owned(), source }
}

#[cfg(all(test, unix))]
mod tests;
