//! Linux and macOS.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown,
};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal as listen};

use super::Readers;

/// SIGINT (Ctrl-C) and SIGTERM.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// Fails if the system refuses to install a signal handler.
    pub(crate) fn listen() -> io::Result<Self> {
        let interrupt = listen(SignalKind::interrupt())?;
        Ok(Signals { interrupt, terminate: listen(SignalKind::terminate())? })
    }

    /// The number of the next signal.
    pub(crate) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
        }
    }
}

/// What a local engine answers on.
pub(crate) type Pipe = UnixStream;

/// Connects to a Unix socket.
///
/// # Errors
/// Returns the system's error if nobody listens there.
pub(crate) async fn open_pipe(path: &Path) -> io::Result<Pipe> {
    UnixStream::connect(path).await
}

/// Lets everybody run a program.
///
/// # Errors
/// Returns the system's error if it refuses the change.
pub(crate) fn make_executable(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(0o755))
}

/// Gives a file the owner of another, if this user may.
pub(crate) fn copy_owner(from: &File, to: &File) {
    if let Ok(owner) = from.metadata() {
        // For other users than root it is the same.
        give_file(to, owner.uid(), owner.gid());
    }
}

/// The ID of the user whom this process acts for.
pub(crate) fn user() -> Option<u32> {
    Some(rustix::process::geteuid().as_raw())
}

/// Whether everybody may create files in this directory.
pub(crate) fn is_shared(directory: &Path) -> bool {
    fs::metadata(directory).is_ok_and(|found| found.is_dir() && found.mode() & 0o002 != 0)
}

/// The ID of the user who owns an entry of a directory; for a link, of the link itself.
pub(crate) fn entry_owner(path: &Path) -> Option<u32> {
    fs::symlink_metadata(path).ok().map(|metadata| metadata.uid())
}

/// The ID of the user who owns an open file.
pub(crate) fn file_owner(file: &File) -> Option<u32> {
    file.metadata().ok().map(|metadata| metadata.uid())
}

/// A file that these options create is for its owner alone.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// The ID of the user who owns a file or directory.
pub(crate) fn owner(path: &Path) -> Option<u32> {
    fs::metadata(path).ok().map(|metadata| metadata.uid())
}

// Only root may give something away. Others are the new owner already, or were
// chosen by the new owner with sudo's -u.

/// Gives a file to a user, if this user may.
pub(crate) fn give_file(file: &File, uid: u32, gid: u32) {
    let _ = fchown(file, Some(uid), Some(gid));
}

/// Gives a directory to a user, if this user may.
pub(crate) fn give_directory(path: &Path, uid: u32, gid: u32) {
    let _ = lchown(path, Some(uid), Some(gid));
}

/// A path as Linux stores it.
///
/// # Errors
/// Fails for a path that this system cannot express.
pub(crate) fn path_of_bytes(bytes: &[u8]) -> io::Result<PathBuf> {
    Ok(Path::new(OsStr::from_bytes(bytes)).to_owned())
}

/// The signal that ended a program.
pub(super) fn signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

/// Only the owner may change directories.
pub(super) fn restrict(builder: &mut DirBuilder, readers: Readers) {
    builder.mode(match readers {
        Readers::Everybody => 0o755,
        Readers::Owner => 0o700,
    });
}
