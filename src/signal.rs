//! SIGINT (Ctrl-C), SIGTERM and SIGHUP: the first cancels the operation
//! ([`crate::context`]), which then cleans up ([`crate::create`]). The second ends the
//! program at once.
//!
//! A cancelled operation ends by itself, in most cases at once. What it waits for can
//! also be something that no cancellation reaches, such as a pipe that nobody writes to
//! or reads from. So the program is ended for it if it does not end, unless something
//! must be finished before.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::context::Unfinished;
use crate::platform::Signals;

/// How long a cancelled operation may go on after the last thing that it had to finish.
const PATIENCE: Duration = Duration::from_millis(700);

/// The signal that was received, if any; 0 until then.
#[derive(Clone, Default)]
pub(crate) struct ReceivedSignal(Arc<AtomicI32>);

impl ReceivedSignal {
    /// The number of the first signal: 2 (SIGINT), 15 (SIGTERM) or 1 (SIGHUP).
    pub(crate) fn number(&self) -> Option<u8> {
        Some(as_number(self.0.load(Ordering::SeqCst))).filter(|number| *number != 0)
    }
}

/// The numbers of signals that are listened for are small.
fn as_number(signal: i32) -> u8 {
    u8::try_from(signal).unwrap_or_default()
}

/// What happens on signals.
pub(crate) struct Reactions {
    pub cancel: CancellationToken,
    /// What is waited for after the first signal.
    pub unfinished: Unfinished,
    /// Called when cleaning up begins.
    pub on_first: Box<dyn Fn() + Send>,
    /// Called with its number right before the second signal ends the program.
    pub on_second: Box<dyn Fn(u8) + Send>,
    /// Called with the first signal's number right before the program is ended because it
    /// does not end.
    pub on_stuck: Box<dyn Fn(u8) + Send>,
}

/// Listens from now on.
///
/// # Errors
/// Fails if the system refuses to install a signal handler.
pub(crate) fn listen(reactions: Reactions) -> std::io::Result<ReceivedSignal> {
    let received = ReceivedSignal::default();
    let mut signals = Signals::listen()?;
    let shared = received.clone();
    tokio::spawn(async move {
        let first = signals.next().await;
        shared.0.store(first, Ordering::SeqCst);
        reactions.cancel.cancel();
        (reactions.on_first)();
        let number = tokio::select! {
            second = signals.next() => {
                (reactions.on_second)(as_number(second));
                second
            }
            () = reactions.unfinished.idle(PATIENCE) => {
                (reactions.on_stuck)(as_number(first));
                first
            }
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "a second Ctrl-C does not wait for anything, and what is stuck cannot return"
        )]
        std::process::exit(128 + number);
    });
    Ok(received)
}
