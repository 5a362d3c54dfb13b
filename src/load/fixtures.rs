//! What nodes answer to `node.sh`, for tests on a fake engine.

use crate::engine::Command;

/// What a node has; each a text as `ctr` writes it.
#[derive(Default)]
pub(crate) struct Report {
    pub images: String,
    pub blobs: String,
    pub snapshots: String,
    pub configuration: String,
}

impl Report {
    /// The answer to `node.sh report`; `None` to other commands.
    pub(crate) fn answer(&self, command: &Command) -> Option<Vec<u8>> {
        let [_, _, _, "node.sh", "report", boundary, ..] = arguments(command)[..] else {
            return None;
        };
        let sections = [
            ("images", &self.images[..]),
            ("blobs", &self.blobs),
            ("snapshots", &self.snapshots),
            ("configuration", &self.configuration),
            ("end", ""),
        ];
        let text = sections.map(|(name, text)| format!("\n{boundary} {name}\n{text}\n"));
        Some(text.concat().into_bytes())
    }
}

pub(crate) fn arguments(command: &Command) -> Vec<&str> {
    command.argv.iter().map(String::as_str).collect()
}
