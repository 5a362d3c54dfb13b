//! The lock kubectl and kind respect: `<path>.lock`, made exclusively
//! (client-go, `tools/clientcmd/config.go`).

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::Error;
use crate::platform;

/// How long to wait for one holder; writers need milliseconds. After that the lock
/// is reported, but never removed: only the user can know that it is stale.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Whether waiting for a lock is to end.
pub(crate) type IsCancelled<'a> = &'a (dyn Fn() -> bool + Sync);

const POLL: Duration = Duration::from_millis(10);

/// The time that waiting takes; tests have their own.
trait Clock {
    fn now(&self) -> Instant;
    fn sleep(&mut self, pause: Duration);
}

struct SystemClock;

#[expect(clippy::disallowed_methods, reason = "files are locked outside of the runtime")]
impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep(&mut self, pause: Duration) {
        thread::sleep(pause);
    }
}

/// Held as long as it lives; the lock file goes with it.
#[derive(Debug)]
pub(super) struct Lock(PathBuf);

impl Lock {
    /// Waits for the lock of the kubeconfig at `path`, whose directory must
    /// exist: however long others pass it on, but no more than `patience` for
    /// each of them.
    ///
    /// # Errors
    /// Returns [`Error::Locked`] after that time, [`Error::Interrupted`] if waiting
    /// is cancelled before, and [`Error::Write`] when the lock file cannot be made at
    /// all.
    pub(super) fn acquire(
        path: &Path,
        patience: Duration,
        is_cancelled: IsCancelled,
    ) -> Result<Lock, Error> {
        Lock::acquire_at(path, patience, is_cancelled, &mut SystemClock)
    }

    fn acquire_at(
        path: &Path,
        patience: Duration,
        is_cancelled: IsCancelled,
        clock: &mut impl Clock,
    ) -> Result<Lock, Error> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = PathBuf::from(name);
        let mut deadline = clock.now() + patience;
        let mut holder = made(&lock);
        loop {
            match platform::private(OpenOptions::new().write(true).create_new(true)).open(&lock) {
                Ok(_) => return Ok(Lock(lock)),
                Err(e) if e.kind() != ErrorKind::AlreadyExists => {
                    return Err(Error::Write { path: lock, source: e });
                }
                Err(_) if is_cancelled() => {
                    return Err(Error::Interrupted { path: path.to_owned() });
                }
                Err(_) if clock.now() >= deadline => {
                    let age = age(&lock).as_secs();
                    return Err(Error::Locked { path: lock, age });
                }
                Err(_) => clock.sleep(POLL),
            }
            let now = made(&lock);
            if now != holder {
                (holder, deadline) = (now, clock.now() + patience);
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Nothing better to do on failure: the next writer names the file.
        let _ = fs::remove_file(&self.0);
    }
}

/// Zero when the file is gone or its clock is ahead of ours.
fn age(path: &Path) -> Duration {
    made(path).and_then(|made| made.elapsed().ok()).unwrap_or_default()
}

fn made(path: &Path) -> Option<SystemTime> {
    fs::symlink_metadata(path).and_then(|m| m.modified()).ok()
}

#[cfg(test)]
mod tests;
