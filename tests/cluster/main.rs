//! Real clusters on a real engine. `tests/run.sh` runs these, and brings up
//! engine and node image first; a plain `cargo test` leaves them out.

#![allow(unreachable_pub, reason = "a test program has no outside")]
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests are programs of their own"
)]

mod addon;
mod addresses;
mod archive;
mod bare_host;
mod crowd;
mod cut;
mod doctor;
mod engine_restart;
mod fake_node;
mod foreign;
mod harness;
mod http;
mod images;
mod inside;
mod interop;
mod lab;
mod lifecycle;
mod load;
mod load_trouble;
mod mirror;
mod network_policy;
mod node_image;
mod reach;
mod registry;
mod remote;
mod rollout;
mod settings;
mod shapes;
mod stop_start;
#[path = "../support/lib.rs"]
#[allow(dead_code, reason = "shared with tests/it, which uses other parts")]
mod support;
mod trouble;
mod tutorial;
mod walk;
mod workload;
