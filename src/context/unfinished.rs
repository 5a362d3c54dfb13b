//! Counts what must not be cut off when the operation is cancelled: requests that
//! create something, and the removal of what was created.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;

/// Clones share the count.
#[derive(Clone)]
pub struct Unfinished(watch::Sender<usize>);

impl Default for Unfinished {
    fn default() -> Self {
        Unfinished(watch::Sender::new(0))
    }
}

/// Something that is not finished, as long as this lives.
pub(super) struct Begun(watch::Sender<usize>);

impl Unfinished {
    pub(super) fn begin(&self) -> Begun {
        self.0.send_modify(|count| *count += 1);
        Begun(self.0.clone())
    }

    pub(super) fn until_done<T, F: Future<Output = T>>(
        &self,
        future: F,
    ) -> impl Future<Output = T> + use<T, F> {
        let begun = self.begin();
        async move {
            let _begun = begun;
            future.await
        }
    }

    /// Returns when everything has been finished for `pause`.
    pub async fn idle(&self, pause: Duration) {
        let mut count = self.0.subscribe();
        loop {
            // It fails only without a sender, which is here.
            let _ = count.wait_for(|count| *count == 0).await;
            if tokio::time::timeout(pause, count.wait_for(|count| *count > 0)).await.is_err() {
                return;
            }
        }
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
