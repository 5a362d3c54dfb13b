//! Linux and macOS.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown, lchown,
};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal as listen};

use super::{Program, Readers};

/// SIGINT (Ctrl-C), SIGTERM, and SIGHUP (the terminal was closed) unless this process
/// was started to ignore it, as `nohup` does.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Option<Signal>,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// Fails if the system refuses to install a signal handler.
    pub(crate) fn listen() -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let hang_up = SignalKind::hangup();
        let is_heard = !is_ignored(&status, hang_up.as_raw_value());
        Ok(Signals {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: is_heard.then(|| listen(hang_up)).transpose()?,
        })
    }

    /// The number of the next signal.
    pub(crate) async fn next(&mut self) -> i32 {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
            _ = hang_up => 1,
        }
    }
}

/// Whether a signal is ignored, by the text of `/proc/self/status` (proc(5), `SigIgn`).
fn is_ignored(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    (mask >> (signal - 1)) & 1 == 1
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

/// Lets its owner run a program, and nobody else.
///
/// # Errors
/// Returns the system's error if it refuses the change.
pub(crate) fn make_executable(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(0o700))
}

/// What changes whenever somebody changes the file: the system sets the time of the last
/// change, and no program can set it.
///
/// # Errors
/// Returns the system's error if the file cannot be looked at.
pub(crate) fn stamp(file: &Path) -> io::Result<String> {
    let found = fs::metadata(file)?;
    let (device, inode, size) = (found.dev(), found.ino(), found.size());
    Ok(format!("{device}:{inode}:{size}:{}.{:09}", found.ctime(), found.ctime_nsec()))
}

/// A directory in `parent` with this beginning of its name that only this user can use;
/// it is created if it is missing. `None` if it cannot be, or somebody else made it.
pub(crate) fn private_directory(parent: &Path, name: &str) -> Option<PathBuf> {
    let user = user()?;
    let directory = parent.join(format!("{name}-{user}"));
    let _ = DirBuilder::new().mode(0o700).create(&directory);
    // Of a link, this is about the link.
    let found = fs::symlink_metadata(&directory).ok()?;
    let is_private = found.is_dir() && found.uid() == user && found.mode() & 0o077 == 0;
    is_private.then_some(directory)
}

/// Replaces this process by a program, which thereby gets its terminal, its signals and
/// its open files, and whose end is its end. `input` becomes a file in memory, which
/// programs that it starts can read, too; its path is the value of `variable`.
///
/// Returns only if that fails: the error.
pub(crate) fn become_program(
    program: &Program,
    name: &str,
    args: &[OsString],
    (variable, input): (&str, &[u8]),
) -> io::Error {
    let run = || -> io::Result<io::Error> {
        let input = memory::Inherited::new(variable, input)?;
        let command = |path: &Path| {
            Command::new(path).arg0(name).args(args).env(variable, input.path()).exec()
        };
        let bytes = match program {
            Program::File(path) => match command(path) {
                // As on a file system that is mounted with `noexec`.
                refused if refused.kind() == io::ErrorKind::PermissionDenied => fs::read(path)?,
                error => return Ok(error),
            },
            Program::InMemory(bytes) => bytes.clone(),
        };
        Ok(command(&memory::Inherited::new(name, &bytes)?.path()))
    };
    run().unwrap_or_else(|error| error)
}

#[cfg(target_os = "linux")]
mod memory {
    use std::fs::File;
    use std::io::{self, Write};
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::path::PathBuf;

    use rustix::fs::{MemfdFlags, Mode, OFlags, memfd_create, open};

    /// A file in memory, which the programs that this process becomes or starts have, too.
    pub(super) struct Inherited(OwnedFd);

    impl Inherited {
        pub(super) fn new(name: &str, content: &[u8]) -> io::Result<Self> {
            let mut writer = File::from(memfd_create(name, MemfdFlags::CLOEXEC)?);
            writer.write_all(content)?;
            // What is open for writing cannot be run (execve(2), ETXTBSY).
            Ok(Inherited(open(path(&writer), OFlags::RDONLY, Mode::empty())?))
        }

        pub(super) fn path(&self) -> PathBuf {
            path(&self.0)
        }
    }

    fn path(file: &impl AsRawFd) -> PathBuf {
        format!("/proc/self/fd/{}", file.as_raw_fd()).into()
    }
}

/// Other systems have no files in memory.
#[cfg(not(target_os = "linux"))]
mod memory {
    use std::io;
    use std::path::PathBuf;

    pub(super) enum Inherited {}

    impl Inherited {
        pub(super) fn new(_: &str, _: &[u8]) -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(super) fn path(&self) -> PathBuf {
            match *self {}
        }
    }
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

/// Whether only its owner may remove or rename a file in this directory (the sticky
/// bit), besides the directory's owner and root.
pub(crate) fn is_sticky(directory: &Path) -> bool {
    fs::metadata(directory).is_ok_and(|found| found.mode() & 0o1000 != 0)
}

/// How many bytes a program can still write below this path.
///
/// # Errors
/// Returns the system's error if this user may not look at the path.
pub(crate) fn free_space(path: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(path)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
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

/// Only the owner may change directories.
pub(super) fn restrict(builder: &mut DirBuilder, readers: Readers) {
    builder.mode(match readers {
        Readers::Everybody => 0o755,
        Readers::Owner => 0o700,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_that_are_ignored_are_bits_of_a_mask() {
        let status = "Name:\tskiff\nSigBlk:\t0000000000000002\nSigIgn:\t0000000000001001\n";
        let ignored = [1, 2, 13, 15].map(|signal| is_ignored(status, signal));
        assert_eq!(ignored, [true, false, true, false]);
        assert!(!is_ignored("", 1) && !is_ignored("SigIgn:\tx", 1));
    }
}
