//! Windows.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient};
use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

use super::{Program, Readers};

/// Every instance of the pipe is in use (`ERROR_PIPE_BUSY`).
const PIPE_BUSY: i32 = 231;
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// Ctrl-C, and what else ends a console program, by the numbers of Unix.
pub(crate) struct Signals {
    interrupt: CtrlC,
    terminate: CtrlBreak,
    close: CtrlClose,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// Fails if the system refuses to install a handler.
    pub(crate) fn listen() -> io::Result<Self> {
        let interrupt = ctrl_c()?;
        Ok(Signals { interrupt, terminate: ctrl_break()?, close: ctrl_close()? })
    }

    /// The number of the next signal.
    pub(crate) async fn next(&mut self) -> i32 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
            _ = self.close.recv() => 15,
        }
    }
}

/// What a local engine answers on: a named pipe whose end can be closed in one
/// direction, which engines expect at the end of a command's stdin. In a pipe of
/// messages an empty message says so (github.com/microsoft/go-winio, `pipe.go`,
/// `CloseWrite`).
pub(crate) struct Pipe {
    client: NamedPipeClient,
    is_closed: bool,
}

/// Connects to a named pipe, such as `//./pipe/docker_engine`.
///
/// # Errors
/// Returns the system's error if nobody listens there.
pub(crate) async fn open_pipe(path: &Path) -> io::Result<Pipe> {
    loop {
        match ClientOptions::new().open(path) {
            Err(error) if error.raw_os_error() == Some(PIPE_BUSY) => {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            opened => return opened.map(|client| Pipe { client, is_closed: false }),
        }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.client).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // An empty message would close it.
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        Pin::new(&mut self.client).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        Pin::new(&mut self.client).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        if !self.is_closed {
            ready!(Pin::new(&mut self.client).poll_write(cx, &[]))?;
            self.is_closed = true;
        }
        Poll::Ready(Ok(()))
    }
}

/// Does nothing: files have no such permission here.
///
/// # Errors
/// None.
pub(crate) fn make_executable(_: &File) -> io::Result<()> {
    Ok(())
}

/// `None`: directories for temporary files are the user's own.
pub(crate) fn private_directory(_: &Path, _: &str) -> Option<PathBuf> {
    None
}

/// What changes when somebody changes the file, as a rule.
///
/// # Errors
/// Returns the system's error if the file cannot be looked at.
pub(crate) fn stamp(file: &Path) -> io::Result<String> {
    let found = std::fs::metadata(file)?;
    Ok(format!("{}:{:?}", found.len(), found.modified()?))
}

/// Not possible.
pub(crate) fn become_program(_: &Program, _: &str, _: &[OsString], _: (&str, &[u8])) -> io::Error {
    io::ErrorKind::Unsupported.into()
}

/// Does nothing: a new file belongs to its user.
pub(crate) fn copy_owner(_: &File, _: &File) {}

/// `None`: access lists say who may do what.
pub(crate) fn user() -> Option<u32> {
    None
}

/// `false`: temporary files are in a directory of the user.
pub(crate) fn is_shared(_: &Path) -> bool {
    false
}

/// `false`, as for [`is_shared`].
pub(crate) fn is_sticky(_: &Path) -> bool {
    false
}

/// Not known: no engine keeps its data on Windows itself.
///
/// # Errors
/// Always [`io::ErrorKind::Unsupported`].
pub(crate) fn free_space(_: &Path) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `None`, as for [`user`].
pub(crate) fn entry_owner(_: &Path) -> Option<u32> {
    None
}

/// `None`, as for [`user`].
pub(crate) fn file_owner(_: &File) -> Option<u32> {
    None
}

/// Files inherit who may read them.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// `None`: there is no sudo.
pub(crate) fn owner(_: &Path) -> Option<u32> {
    None
}

/// Does nothing, as for [`owner`].
pub(crate) fn give_file(_: &File, _: u32, _: u32) {}

/// Does nothing, as for [`owner`].
pub(crate) fn give_directory(_: &Path, _: u32, _: u32) {}

/// A path as Linux stores it.
///
/// # Errors
/// Fails for a path that is not text.
pub(crate) fn path_of_bytes(bytes: &[u8]) -> io::Result<PathBuf> {
    let text = std::str::from_utf8(bytes);
    text.map(PathBuf::from).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

/// Directories inherit who may change them.
pub(super) fn restrict(_: &mut DirBuilder, _: Readers) {}
