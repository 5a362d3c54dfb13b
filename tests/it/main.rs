//! Everything that needs no container engine, in one program.
//!
//! ```text
//! cargo test --features fake-engine --test it
//! SNAPSHOTS=write cargo test --features fake-engine --lib --test it
//! FUZZ=1000000 cargo test --release --test it fuzz
//! ```
//!
//! The first command runs all of it. Without the feature everything is left out
//! that runs the real program on an engine in memory. The second writes every
//! file below `tests/snapshots/` anew, the third tries that many inputs in each
//! test of [`fuzz`].

#![allow(unreachable_pub, reason = "a test program has no outside")]
#![allow(clippy::disallowed_methods, reason = "tests are programs of their own")]

mod builder;
mod cli;
mod configs;
mod files;
mod fuzz;
mod layers;
mod program;
mod snapshots;
mod supply;
#[path = "../support/lib.rs"]
#[allow(dead_code, reason = "shared with tests/cluster, which uses other parts")]
mod support;
