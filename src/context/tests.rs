use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::*;
use crate::engine::fake::FakeEngine;

fn context() -> (Context, CancellationToken) {
    let cancel = CancellationToken::new();
    let engine = Arc::new(FakeEngine::default());
    (Context::new(engine, Progress::silent(), cancel.clone()), cancel)
}

#[tokio::test(start_paused = true)]
async fn a_scope_ends_after_everything_begun_in_it() {
    let (ctx, cancel) = context();
    let done = Arc::new(AtomicBool::new(false));
    let shared = done.clone();
    let outcome = ctx
        .scope(async |ctx| {
            let slow = async move {
                tokio::time::sleep(Duration::from_secs(5)).await;
                shared.store(true, Ordering::SeqCst);
                Ok::<_, RunError>(())
            };
            let cancelling = async {
                tokio::time::sleep(Duration::from_secs(1)).await;
                cancel.cancel();
            };
            tokio::join!(ctx.run_to_completion(slow), cancelling).0
        })
        .await;
    assert!(matches!(outcome, Err(RunError::Cancelled)));
    assert!(done.load(Ordering::SeqCst), "the task was dropped half-way");
}

#[tokio::test(start_paused = true)]
async fn polling_ends_when_nothing_is_missing_or_time_is_over() {
    let (ctx, cancel) = context();
    let calls = AtomicU32::new(0);
    let check = async |enough: u32| {
        let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
        Ok::<_, RunError>((call < enough).then_some(call))
    };
    let pause = Duration::from_secs(1);
    let limit = || Instant::now() + Duration::from_millis(3500);
    let found = ctx.poll_until(limit(), pause, async || check(3).await).await.unwrap();
    assert_eq!((found, calls.swap(0, Ordering::SeqCst)), (None, 3));
    let found = ctx.poll_until(limit(), pause, async || check(99).await).await.unwrap();
    assert_eq!((found, calls.swap(0, Ordering::SeqCst)), (Some(5), 5));
    // A limit that is over still means one look.
    let found = ctx.poll_until(Instant::now(), pause, async || check(99).await).await.unwrap();
    assert_eq!((found, calls.swap(0, Ordering::SeqCst)), (Some(1), 1));
    cancel.cancel();
    let cancelled = ctx.poll_until(limit(), pause, async || check(99).await).await;
    assert!(matches!(cancelled, Err(RunError::Cancelled)));
}

/// Cleaning up is cut off only if the engine does not answer for some time.
#[tokio::test(start_paused = true)]
async fn an_engine_that_is_slow_for_a_moment_is_waited_for() {
    for (silence, is_waited_for) in [(150, true), (10_000, false)] {
        let cancel = CancellationToken::new();
        let engine = FakeEngine::default();
        let ctx = Context::new(Arc::new(engine.clone()), Progress::silent(), cancel.clone());
        cancel.cancel();
        let work = async {
            for _ in 0..3 {
                tokio::time::sleep(Duration::from_secs(1)).await;
                engine.set_silent(true);
                tokio::time::sleep(Duration::from_millis(silence)).await;
                engine.set_silent(false);
            }
            Ok::<_, RunError>(())
        };
        let done = ctx.clean_up(work).await;
        assert_eq!(done.is_ok(), is_waited_for, "{silence} ms: {done:?}");
    }
}
