//! Real clusters on a real engine. `tests/run.sh` runs these, and brings up
//! engine and node image first; a plain `cargo test` leaves them out.

#[path = "cluster/addon.rs"]
mod addon;
#[path = "cluster/archive.rs"]
mod archive;
#[path = "cluster/crowd.rs"]
mod crowd;
#[path = "cluster/cut.rs"]
mod cut;
#[path = "cluster/fake_node.rs"]
mod fake_node;
#[path = "cluster/foreign.rs"]
mod foreign;
#[path = "cluster/harness.rs"]
mod harness;
#[path = "cluster/http.rs"]
mod http;
#[path = "cluster/images.rs"]
mod images;
#[path = "cluster/interop.rs"]
mod interop;
#[path = "cluster/lab.rs"]
mod lab;
#[path = "cluster/lifecycle.rs"]
mod lifecycle;
#[path = "cluster/load.rs"]
mod load;
#[path = "cluster/load_trouble.rs"]
mod load_trouble;
#[path = "cluster/network_policy.rs"]
mod network_policy;
#[path = "cluster/node_image.rs"]
mod node_image;
#[path = "cluster/reach.rs"]
mod reach;
#[path = "cluster/rollout.rs"]
mod rollout;
#[path = "cluster/shapes.rs"]
mod shapes;
#[path = "cli/table.rs"]
mod table;
#[path = "support/tls.rs"]
mod tls;
#[path = "cluster/trouble.rs"]
mod trouble;
#[path = "cluster/tutorial.rs"]
mod tutorial;
#[path = "cluster/walk.rs"]
mod walk;
#[path = "cluster/workload.rs"]
mod workload;
