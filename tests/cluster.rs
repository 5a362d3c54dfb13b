//! Real clusters on a real engine. `tests/run.sh` runs these, and brings up
//! engine and node image first; a plain `cargo test` leaves them out.

#[path = "cluster/harness.rs"]
mod harness;
#[path = "cluster/http.rs"]
mod http;
#[path = "cluster/images.rs"]
mod images;
#[path = "cluster/lab.rs"]
mod lab;
#[path = "cluster/lifecycle.rs"]
mod lifecycle;
#[path = "cluster/load.rs"]
mod load;
#[path = "cluster/trouble.rs"]
mod trouble;
