//! Ctrl-C: the first cancels the work, which then cleans up; the second leaves
//! at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Which signal came, if any: 0, 2 (SIGINT) or 15 (SIGTERM).
#[derive(Clone, Default)]
pub struct ReceivedSignal(Arc<AtomicI32>);

impl ReceivedSignal {
    /// 128 + the signal's number, as a shell reports it.
    pub fn exit_code(&self) -> Option<u8> {
        match self.0.load(Ordering::SeqCst) {
            0 => None,
            number => Some(128 + number as u8),
        }
    }
}

/// Listens from now on. `on_first` tells the human that cleaning up began,
/// `on_second` what is left to do by hand.
pub fn listen(
    cancel: CancellationToken,
    on_first: impl Fn() + Send + 'static,
    on_second: impl Fn() + Send + 'static,
) -> std::io::Result<ReceivedSignal> {
    let heard = ReceivedSignal::default();
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let shared = heard.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = interrupt.recv() => 2,
                _ = terminate.recv() => 15,
            }
        };
        let number = next().await;
        shared.0.store(number, Ordering::SeqCst);
        cancel.cancel();
        on_first();
        let number = next().await;
        on_second();
        std::process::exit(128 + number);
    });
    Ok(heard)
}
