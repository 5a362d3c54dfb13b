//! What goes wrong, and at which calls.

use tokio_util::sync::CancellationToken;

use crate::engine::EngineError;

/// What goes wrong at one call.
#[derive(Clone)]
pub enum Fault {
    /// The call is not carried out.
    Fails,
    /// The call is not carried out, and this is the engine's answer.
    FailsWith(EngineError),
    /// The call is carried out, but its answer gets lost.
    AnswerLost,
    /// The operation is cancelled just then.
    Cancel(CancellationToken),
    /// This process gets SIGINT just then. The call waits until the token, which
    /// listens for it, is cancelled; the second time it waits for the end.
    CtrlC(CancellationToken),
    /// This process gets SIGINT, and the call is never answered; nor is any after it.
    Silence,
    /// The same while the caller reads what the call returned, if that is a stream.
    StreamSilence,
}

impl Fault {
    /// One of each kind that a unit test can bear; `cancel` cancels the operation.
    pub fn kinds(cancel: &CancellationToken) -> [Fault; 3] {
        [Fault::Fails, Fault::AnswerLost, Fault::Cancel(cancel.clone())]
    }
}

/// The calls that a fault is for.
#[derive(Clone, Debug)]
pub enum When {
    /// The call with this number, from 0.
    Call(usize),
    /// That call and all after it.
    From(usize),
    /// Calls whose name begins so.
    Named {
        /// Beginning of a method's name and its details, such as `exec kubeadm`.
        name: String,
        /// Only calls for this container.
        container: Option<String>,
        /// Only the one with this number among them, from 1.
        nth: Option<usize>,
    },
}

/// A fault that waits for its calls.
pub(super) struct Armed {
    when: When,
    fault: Fault,
    /// Calls so far whose name and container were the right ones.
    seen: usize,
}

impl Armed {
    pub(super) fn new(when: When, fault: Fault) -> Self {
        Armed { when, fault, seen: 0 }
    }

    /// The fault, if it is for this call. Must be asked about every call.
    pub(super) fn at(&mut self, number: usize, name: &str, container: &str) -> Option<Fault> {
        let hit = match &self.when {
            When::Call(call) => number == *call,
            When::From(first) => number >= *first,
            When::Named { name: wanted, container: of, nth } => {
                let fits = name.starts_with(wanted.as_str())
                    && of.as_ref().is_none_or(|of| of == container);
                self.seen += usize::from(fits);
                fits && nth.is_none_or(|nth| nth == self.seen)
            }
        };
        hit.then(|| self.fault.clone())
    }
}

/// Sends SIGINT to this process.
pub(super) fn send_sigint() {
    let pid = std::process::id().to_string();
    let kill =
        std::process::Command::new("/bin/sh").args(["-c", "kill -INT \"$0\"", &pid]).status();
    assert!(kill.is_ok_and(|status| status.success()), "cannot send SIGINT to {pid}");
}

/// Sends SIGINT to this process, and waits until it is heard.
pub(super) async fn press_ctrl_c(listening: &CancellationToken) {
    let again = listening.is_cancelled();
    send_sigint();
    match again {
        false => listening.cancelled().await,
        true => std::future::pending().await,
    }
}
