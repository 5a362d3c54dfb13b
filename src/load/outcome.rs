//! What a load sent to nodes, and what they have then.

use std::sync::atomic::AtomicU64;

use super::containerd::NodeReport;
use crate::context::RunError;
use crate::image::PlatformImage;

/// Counts what is sent to one node.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub bytes: AtomicU64,
    pub layers: AtomicU64,
}

/// The images that were loaded, with their names, and what each node reports
/// afterwards, in the order of the nodes.
pub(super) struct Outcome {
    pub images: Vec<PlatformImage>,
    pub reports: Vec<Result<NodeReport, RunError>>,
}
