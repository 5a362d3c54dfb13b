//! Real clusters on a real engine. `tests/run.sh` runs these, and brings up
//! engine and node image first; a plain `cargo test` leaves them out.

#[path = "cluster/foreign.rs"]
mod foreign;
#[path = "cluster/harness.rs"]
mod harness;
#[path = "cluster/http.rs"]
mod http;
#[path = "cluster/lab.rs"]
mod lab;
#[path = "cluster/lifecycle.rs"]
mod lifecycle;
#[path = "cluster/node_image.rs"]
mod node_image;
#[path = "cluster/shapes.rs"]
mod shapes;
#[path = "cluster/trouble.rs"]
mod trouble;
#[path = "cluster/workload.rs"]
mod workload;
