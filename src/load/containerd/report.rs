//! Reads what `node.sh report` writes.

use super::snapshotter::{self, Snapshotter};
use crate::image::{Digest, NodeContent, NodeImage, NodeImageName};

/// What a node reports of its containerd.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NodeReport {
    pub content: NodeContent,
    /// The one that the kubelet's images are unpacked with.
    pub snapshotter: Snapshotter,
}

/// The line that ends a report.
pub(super) fn end(boundary: &str) -> String {
    format!("{boundary} end")
}

/// The sections of a report, in this order.
const SECTIONS: [&str; 4] = ["images", "blobs", "snapshots", "configuration"];

/// Reads a report; `None` if it does not consist of its sections, each once and in
/// order. Lines that are not what they should be are left out.
pub(super) fn parse(text: &str, boundary: &str) -> Option<NodeReport> {
    let [images, blobs, snapshots, configuration] = sections(text, boundary)?;
    let digest = |line: &str| Digest::parse(line.split_whitespace().next()?);
    Some(NodeReport {
        content: NodeContent {
            images: images.lines().filter_map(image).collect(),
            blobs: blobs.lines().filter_map(Digest::parse).collect(),
            snapshots: snapshots.lines().filter_map(digest).collect(),
        },
        snapshotter: snapshotter::configured(configuration),
    })
}

/// The texts between the lines of the boundary.
fn sections<'a>(text: &'a str, boundary: &str) -> Option<[&'a str; SECTIONS.len()]> {
    let line = format!("\n{boundary} ");
    // What comes before the first line is of no section.
    let mut parts = text.split(line.as_str()).skip(1);
    let mut found = [""; SECTIONS.len()];
    for (section, name) in found.iter_mut().zip(SECTIONS) {
        *section = parts.next()?.strip_prefix(name)?.strip_prefix('\n')?;
    }
    parts.next().is_none().then_some(found)
}

/// A line of `ctr images ls`: `NAME TYPE DIGEST SIZE UNIT PLATFORMS LABELS`; the
/// size may be a dash.
fn image(line: &str) -> Option<NodeImage> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let size = match (words.get(3), words.get(4)) {
        (Some(number), Some(unit)) if is_number(number) && is_unit(unit) => {
            format!("{number} {unit}")
        }
        _ => String::new(),
    };
    Some(NodeImage {
        name: NodeImageName::parse(words.first()?)?,
        target: Digest::parse(words.get(2)?)?,
        size,
    })
}

fn is_number(text: &str) -> bool {
    text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// `B`, `KiB`, `MiB` …
fn is_unit(text: &str) -> bool {
    text.len() <= 3 && text.ends_with('B') && text.bytes().all(|byte| byte.is_ascii_alphabetic())
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
"
        )
    }

    #[test]
    fn a_report_is_read() {
        let report = parse(&text(), "BOUNDARY").unwrap();
        let content = &report.content;
        assert_eq!(content.target("docker.io/library/app:1"), Some(&digest("a")));
        assert_eq!(
            content.images.iter().map(|i| i.size.as_str()).collect::<Vec<_>>(),
            ["4.9 MiB", ""]
        );
        assert_eq!(content.blobs, [digest("c")].into());
        assert_eq!(content.snapshots, [digest("d")].into());
        assert_eq!(report.snapshotter.as_str(), "native");
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
        let names =
            format!("a\u{1b}]0;x\u{7}:1 type {e} 1.0 MiB -\n\u{202e}:1 type {e} 1.0 MiB -\n");
        let with = text().replacen("REF  ", &format!("{names}REF  "), 1);
        assert_eq!(parse(&with, "BOUNDARY"), parse(&text(), "BOUNDARY"));
        let sizes = text().replacen("4.9 MiB", "\u{1b}[2J \u{1b}B", 1);
        assert_eq!(parse(&sizes, "BOUNDARY").unwrap().content.images[0].size, "");
    }

    #[test]
    fn a_report_has_each_section_once_and_in_order() {
        for (from, to) in [
            ("\nBOUNDARY blobs\n", "\n"),
            ("\nBOUNDARY blobs\n", "\nBOUNDARY images\n"),
            ("\nBOUNDARY blobs\n", "\nBOUNDARY blobs\n\nBOUNDARY blobs\n"),
            ("\nBOUNDARY blobs\n", "\nBOUNDARY blobs x\n"),
            ("\nBOUNDARY snapshots\n", "\nBOUNDARY other\n\nBOUNDARY snapshots\n"),
            ("Committed", "\nBOUNDARY end\n"),
        ] {
            assert_eq!(parse(&text().replacen(from, to, 1), "BOUNDARY"), None, "{from:?} {to:?}");
        }
        assert_eq!(parse("", "BOUNDARY"), None);
    }
}
