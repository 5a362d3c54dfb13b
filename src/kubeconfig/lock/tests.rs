use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// A clock whose pauses take no time. `meanwhile` is called during each pause, with
/// the time that has passed by then.
struct TestClock<F> {
    start: Instant,
    passed: Duration,
    meanwhile: F,
}

impl<F: FnMut(Duration)> TestClock<F> {
    fn new(meanwhile: F) -> Self {
        TestClock { start: SystemClock.now(), passed: Duration::ZERO, meanwhile }
    }
}

impl<F: FnMut(Duration)> Clock for TestClock<F> {
    fn now(&self) -> Instant {
        self.start + self.passed
    }

    fn sleep(&mut self, pause: Duration) {
        self.passed += pause;
        (self.meanwhile)(self.passed);
    }
}

#[test]
fn is_exclusive_and_goes_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    let lock_path = dir.path().join("config.lock");
    let held = Lock::acquire(&path, Duration::ZERO, &|| false).unwrap();
    let mut clock = TestClock::new(|_| {});
    let error = Lock::acquire_at(&path, PATIENCE, &|| false, &mut clock).unwrap_err();
    assert!(matches!(&error, Error::Locked { path, .. } if *path == lock_path), "{error}");
    assert!(error.to_string().contains("config.lock"));
    assert_eq!(clock.passed, PATIENCE);
    assert!(lock_path.exists(), "the failed attempt leaves the holder's lock");
    drop(held);
    assert!(!lock_path.exists());
}

#[test]
fn waits_as_long_as_holders_change() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    let mut held = Some(Lock::acquire(&path, Duration::ZERO, &|| false).unwrap());
    let lock_path = held.as_ref().unwrap().0.clone();
    let (mut passed_on, mut changes) = (Duration::ZERO, 0);
    // Every holder takes almost all of the time there is, and passes it on so
    // quickly that the waiter cannot come between.
    let mut clock = TestClock::new(|passed| {
        if passed < passed_on + PATIENCE - 2 * POLL {
            return;
        }
        (passed_on, changes) = (passed, changes + 1);
        if changes == 4 {
            drop(held.take());
            return;
        }
        let next = dir.path().join("next");
        let file = fs::File::create(&next).unwrap();
        let made = SystemTime::UNIX_EPOCH + Duration::from_secs(changes);
        file.set_modified(made).unwrap();
        fs::rename(next, &lock_path).unwrap();
    });
    Lock::acquire_at(&path, PATIENCE, &|| false, &mut clock).unwrap();
    assert!(clock.passed > 3 * PATIENCE, "{:?}", clock.passed);
}

#[test]
fn waits_for_a_short_holder() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    let mut held = Some(Lock::acquire(&path, Duration::ZERO, &|| false).unwrap());
    let mut clock = TestClock::new(|passed| {
        if passed >= 3 * POLL {
            drop(held.take());
        }
    });
    Lock::acquire_at(&path, PATIENCE, &|| false, &mut clock).unwrap();
    assert_eq!(clock.passed, 3 * POLL);
}

#[test]
fn waiting_can_be_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    let _held = Lock::acquire(&path, Duration::ZERO, &|| false).unwrap();
    let cancelled = AtomicBool::new(false);
    let mut clock = TestClock::new(|passed| cancelled.store(passed >= 3 * POLL, Ordering::Relaxed));
    let is_cancelled = || cancelled.load(Ordering::Relaxed);
    let error = Lock::acquire_at(&path, PATIENCE, &is_cancelled, &mut clock).unwrap_err();
    assert!(matches!(error, Error::Interrupted { .. }), "{error}");
    assert_eq!(clock.passed, 3 * POLL);
    assert!(dir.path().join("config.lock").exists(), "the holder's lock stays");
}

/// The real clock, with two threads.
#[test]
fn waits_in_real_time() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config");
    let held = Lock::acquire(&path, Duration::ZERO, &|| false).unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| Lock::acquire(&path, PATIENCE, &|| false).map(drop));
        SystemClock.sleep(3 * POLL);
        drop(held);
        waiter.join().unwrap().unwrap();
    });
}
