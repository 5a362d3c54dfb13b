//! Reads what `node.sh report` writes.

use super::snapshotter;
use crate::image::{Digest, NodeContent, NodeImage};

/// What a node reports of its containerd.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NodeReport {
    pub content: NodeContent,
    /// The one that the kubelet's images are unpacked with.
    pub snapshotter: String,
}

/// The line that ends a report.
pub(super) fn end(boundary: &str) -> String {
    format!("{boundary} end")
}

/// Reads a report. What is missing or unreadable in it is left out.
pub(super) fn parse(text: &str, boundary: &str) -> NodeReport {
    let section = |name: &str| section(text, boundary, name);
    let digest = |line: &str| Digest::parse(line.split_whitespace().next()?);
    NodeReport {
        content: NodeContent {
            images: section("images").lines().filter_map(image).collect(),
            blobs: section("blobs").lines().filter_map(Digest::parse).collect(),
            snapshots: section("snapshots").lines().filter_map(digest).collect(),
        },
        snapshotter: snapshotter::configured(section("configuration")),
    }
}

/// The text between a section's first line and the next boundary.
fn section<'a>(text: &'a str, boundary: &str, name: &str) -> &'a str {
    let start = format!("\n{boundary} {name}\n");
    let Some((_, rest)) = text.split_once(&start) else { return "" };
    rest.split_once(&format!("\n{boundary} ")).map_or(rest, |(section, _)| section)
}

/// A line of `ctr images ls`: `NAME TYPE DIGEST SIZE UNIT PLATFORMS LABELS`; the
/// size may be a dash. A name that begins with a dash is left out: as an argument
/// of a command it would be an option.
fn image(line: &str) -> Option<NodeImage> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let size = match (words.get(3), words.get(4)) {
        (Some(number), Some(unit)) if unit.ends_with('B') => format!("{number} {unit}"),
        _ => String::new(),
    };
    Some(NodeImage {
        name: words.first().filter(|name| !name.starts_with('-'))?.to_string(),
        target: Digest::parse(words.get(2)?)?,
        size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(digit: &str) -> Digest {
        Digest::from_hex(&digit.repeat(64)).unwrap()
    }

    /// As a node with containerd 2 wrote it.
    fn text() -> String {
        let [a, b, c, d] = ["a", "b", "c", "d"].map(digest);
        format!(
            "
BOUNDARY images
REF                        TYPE                                       DIGEST SIZE      PLATFORMS   LABELS
docker.io/library/app:1    application/vnd.oci.image.manifest.v1+json {a} 4.9 MiB   linux/amd64 io.cri-containerd.image=managed
docker.io/library/odd:1    application/vnd.oci.image.manifest.v1+json {b} -         -           -

BOUNDARY blobs
{c}

BOUNDARY snapshots
KEY          PARENT KIND
{d}        Committed
5f1c8c3f27d4 {d} Active

BOUNDARY configuration
version = 3
[plugins]
  [plugins.'io.containerd.cri.v1.images']
    snapshotter = 'native'
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
          snapshotter = ''
BOUNDARY end
"
        )
    }

    #[test]
    fn a_report_is_read() {
        let report = parse(&text(), "BOUNDARY");
        let content = &report.content;
        assert_eq!(content.target("docker.io/library/app:1"), Some(&digest("a")));
        assert_eq!(
            content.images.iter().map(|i| i.size.as_str()).collect::<Vec<_>>(),
            ["4.9 MiB", ""]
        );
        assert_eq!(content.blobs, [digest("c")].into());
        assert_eq!(content.snapshots, [digest("d")].into());
        assert_eq!(report.snapshotter, "native");
    }

    #[test]
    fn content_cannot_forge_sections_or_options() {
        let e = digest("e");
        let hostile = format!(
            "--\n==\nend\nOTHER blobs\n{e}\n--sync type {e} 1.0 MiB -\n\
             \nx BOUNDARY blobs\n{e}\nBOUNDARYblobs\nBOUNDARY\n"
        );
        let with = text().replacen("REF  ", &format!("{hostile}REF  "), 1);
        assert_eq!(parse(&with, "BOUNDARY"), parse(&text(), "BOUNDARY"));
    }
}
