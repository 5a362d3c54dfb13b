//! What a node's image store holds.

use std::collections::BTreeSet;

use super::digest::Digest;
use super::documents::PlatformImage;
use super::reference::Reference;

/// Names, blobs and unpacked layers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NodeContent {
    /// One for each name. An image with several names is listed several times.
    pub images: Vec<NodeImage>,
    /// In the content store: documents, and layers as they were sent.
    pub blobs: BTreeSet<Digest>,
    /// Chain IDs of unpacked layers.
    pub snapshots: BTreeSet<Digest>,
}

/// A name in the image store: a full name, or the configuration's digest by which
/// the kubelet knows the image. Printable ASCII without blanks, at most 512
/// characters, the first of which is no dash. So it stays one argument of a command,
/// and is never an option.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeImageName(String);

impl NodeImageName {
    /// `None` for other texts: no Kubernetes tool gives such names.
    pub(crate) fn parse(text: &str) -> Option<NodeImageName> {
        let is_valid = (1..=512).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && !text.starts_with('-');
        is_valid.then(|| NodeImageName(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a name in the image store refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NodeImage {
    pub name: NodeImageName,
    /// The manifest or index that it refers to.
    pub target: Digest,
    /// As `ctr` writes it, such as `12.3 MiB`; empty if it is unknown.
    pub size: String,
}

impl NodeContent {
    /// What a name refers to.
    pub(crate) fn target(&self, name: &str) -> Option<&Digest> {
        self.images.iter().find(|image| image.name.as_str() == name).map(|image| &image.target)
    }

    /// A name that refers to this manifest or index.
    pub(crate) fn name_of(&self, target: &Digest) -> Option<&NodeImageName> {
        self.images.iter().find(|image| image.target == *target).map(|image| &image.name)
    }

    /// The manifest or index of the image with this ID in the engine. The
    /// kubelet's part of containerd names every image by its configuration, too.
    pub(crate) fn find(&self, id: &Digest) -> Option<&Digest> {
        self.target(&id.to_string())
            .or_else(|| self.images.iter().map(|image| &image.target).find(|target| *target == id))
    }

    /// What is wrong with an image that was loaded; `None` if the node has its
    /// names, documents and unpacked layers, and the kubelet can see it.
    pub(crate) fn fault(&self, image: &PlatformImage) -> Option<String> {
        let root = &image.root.digest;
        for name in image.names.iter().map(Reference::to_string) {
            match self.target(&name) {
                None => return Some(format!("the name {name} is missing")),
                Some(target) if target != root => {
                    return Some(format!("{name} is {target} instead of {root}"));
                }
                Some(_) => {}
            }
        }
        if let Some(blob) = [root, &image.config].into_iter().find(|d| !self.blobs.contains(d)) {
            return Some(format!("the blob {blob} is missing"));
        }
        if image.top_snapshot().is_some_and(|top| !self.snapshots.contains(&top)) {
            return Some("its layers are not unpacked".into());
        }
        if self.target(&image.config.to_string()).is_none() {
            return Some("the kubelet cannot see it".into());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::fixtures;

    fn image() -> PlatformImage {
        fixtures::image(&[b"layer"])
    }

    fn loaded() -> NodeContent {
        let target = image().root.digest;
        let named = |name: String| NodeImage {
            name: NodeImageName::parse(&name).unwrap(),
            target: target.clone(),
            size: String::new(),
        };
        NodeContent {
            images: vec![
                named("docker.io/library/app:1".into()),
                named(image().config.to_string()),
            ],
            blobs: [target.clone(), image().config].into(),
            snapshots: [image().diff_ids[0].clone()].into(),
        }
    }

    #[test]
    fn a_name_is_one_argument_and_harmless_on_a_terminal() {
        for text in ["docker.io/library/app:1", "import-2026-11-25@sha256:00", "sha256:00"] {
            assert_eq!(NodeImageName::parse(text).unwrap().as_str(), text);
        }
        let long = "a".repeat(513);
        for text in ["", "-x", "--sync", "a b", "a\nb", "a\u{1b}]0;x\u{7}", "é", "a\u{202e}", &long]
        {
            assert_eq!(NodeImageName::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_image_is_loaded_if_names_documents_and_layers_are_there() {
        assert_eq!(loaded().fault(&image()), None);
        type Change = fn(&mut NodeContent);
        let changes: [(Change, &str); 6] = [
            (|n| drop(n.images.remove(0)), "the name docker.io/library/app:1 is missing"),
            (|n| n.images[0].target = Digest::of(b"older"), "instead of"),
            (|n| n.blobs.clear(), "the blob"),
            (|n| n.blobs.retain(|blob| *blob != image().config), "the blob"),
            (|n| n.snapshots.clear(), "not unpacked"),
            (|n| drop(n.images.remove(1)), "kubelet"),
        ];
        for (change, words) in changes {
            let mut node = loaded();
            change(&mut node);
            let fault = node.fault(&image()).expect(words);
            assert!(fault.contains(words), "{fault}");
        }
    }
}
