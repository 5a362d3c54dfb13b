//! An engine in memory, which fails or is interrupted where a test says.
//!
//! It knows containers, networks and images as a real one does; commands in
//! nodes answer just enough for a creation to go through. Unit tests set it up
//! by calls. With the feature `fake-engine` the program itself runs on it, set
//! up by a [`Script`].

mod answers;
mod fault;
mod methods;
mod script;
mod state;

pub use fault::{Fault, When};
pub use script::Script;
pub use state::FakeEngine;
