//! The lock kubectl and kind respect: `<path>.lock`, made exclusively
//! (client-go, `tools/clientcmd/config.go`).

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::Error;

/// Writers hold the lock for milliseconds; one that stays longer than this is
/// stale.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// Held as long as it lives; the lock file goes with it.
#[derive(Debug)]
pub(super) struct Lock(PathBuf);

impl Lock {
    /// Waits for the lock of the kubeconfig at `path`, whose directory must
    /// exist: however long others pass it on, but no more than `patience` for
    /// each of them.
    ///
    /// # Errors
    /// [`Error::Locked`] after that time, [`Error::Write`] when the lock file
    /// cannot be made at all.
    pub(super) fn acquire(path: &Path, patience: Duration) -> Result<Lock, Error> {
        let mut name = path.as_os_str().to_owned();
        name.push(".lock");
        let lock = PathBuf::from(name);
        let mut deadline = Instant::now() + patience;
        let mut holder = made(&lock);
        loop {
            match OpenOptions::new().write(true).create_new(true).open(&lock) {
                Ok(_) => return Ok(Lock(lock)),
                Err(e) if e.kind() != ErrorKind::AlreadyExists => {
                    return Err(Error::Write { path: lock, source: e });
                }
                Err(_) if Instant::now() >= deadline => {
                    let age = age(&lock).as_secs();
                    return Err(Error::Locked { path: lock, age });
                }
                Err(_) => thread::sleep(POLL),
            }
            let now = made(&lock);
            if now != holder {
                (holder, deadline) = (now, Instant::now() + patience);
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
    fs::metadata(path).and_then(|m| m.modified()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_exclusive_and_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        let lock_path = dir.path().join("config.lock");
        let held = Lock::acquire(&path, Duration::ZERO).unwrap();
        let error = Lock::acquire(&path, Duration::from_millis(30)).unwrap_err();
        assert!(matches!(&error, Error::Locked { path, .. } if *path == lock_path), "{error}");
        assert!(error.to_string().contains("config.lock"));
        assert!(lock_path.exists(), "the failed attempt leaves the holder's lock");
        drop(held);
        assert!(!lock_path.exists());
    }

    #[test]
    fn waits_as_long_as_holders_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        let patience = Duration::from_secs(2);
        thread::scope(|scope| {
            let mut held = Some(Lock::acquire(&path, Duration::ZERO).unwrap());
            let waiter = scope.spawn(|| Lock::acquire(&path, patience).map(drop));
            for _ in 0..3 {
                thread::sleep(patience / 3 + POLL);
                // Passed on so quickly that the waiter cannot come between.
                let lock = held.take().unwrap();
                let next = dir.path().join("next");
                fs::write(&next, "").unwrap();
                fs::rename(next, &lock.0).unwrap();
                held = Some(lock);
            }
            drop(held);
            waiter.join().unwrap().unwrap();
        });
    }

    #[test]
    fn waits_for_a_short_holder() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        let held = Lock::acquire(&path, Duration::ZERO).unwrap();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| Lock::acquire(&path, PATIENCE).map(drop));
            thread::sleep(3 * POLL);
            drop(held);
            waiter.join().unwrap().unwrap();
        });
    }
}
