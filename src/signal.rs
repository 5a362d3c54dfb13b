//! SIGINT (Ctrl-C) and SIGTERM: the first cancels the operation ([`crate::context`]), which then
//! cleans up ([`crate::create`]). The second ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use tokio_util::sync::CancellationToken;

use crate::platform::Signals;

/// The signal that was received, if any; 0 until then.
#[derive(Clone, Default)]
pub(crate) struct ReceivedSignal(Arc<AtomicI32>);

impl ReceivedSignal {
    /// The number of the first signal: 2 (SIGINT) or 15 (SIGTERM).
    pub(crate) fn number(&self) -> Option<u8> {
        u8::try_from(self.0.load(Ordering::SeqCst)).ok().filter(|number| *number != 0)
    }
}

/// Listens from now on. `on_first` is called when cleaning up begins, `on_second`
/// right before the program ends.
///
/// # Errors
/// Fails if the system refuses to install a signal handler.
pub(crate) fn listen(
    cancel: CancellationToken,
    on_first: impl Fn() + Send + 'static,
    on_second: impl Fn() + Send + 'static,
) -> std::io::Result<ReceivedSignal> {
    let received = ReceivedSignal::default();
    let mut signals = Signals::listen()?;
    let shared = received.clone();
    tokio::spawn(async move {
        let number = signals.next().await;
        shared.0.store(number, Ordering::SeqCst);
        cancel.cancel();
        on_first();
        let number = signals.next().await;
        on_second();
        #[expect(
            clippy::disallowed_methods,
            reason = "a second Ctrl-C does not wait for anything"
        )]
        std::process::exit(128 + number);
    });
    Ok(received)
}
