//! Why pods are not ready, in the words of the kubelet, the scheduler, and the
//! programs in them.
//!
//! ```text
//! pods, Warning events ─> reason::not_ready ─> NotReady ─> lines
//!                         (ask: the log of a container that crashed without a word)
//! ```

mod ask;
mod event;
mod not_ready;
mod reason;

pub(crate) use ask::{explain, not_ready_in, paths};
pub(crate) use not_ready::{NotReady, lines};
pub(crate) use reason::crashes_often;

#[cfg(test)]
mod tests;
