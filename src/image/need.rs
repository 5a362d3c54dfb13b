//! What a node still needs of an image: the one place where that is decided.
//!
//! [`NodeContent::need`] decides for an image of the engine: nothing, names
//! only, or content. [`MissingBlobs`] decides for each blob of content whether
//! it is sent; archives are read while they are sent, so the image is only
//! known when its blobs have gone by. A node that pulls decides by the same
//! rule itself: containerd asks for the layers that it has neither as a blob nor
//! unpacked.

use std::collections::BTreeSet;

use super::digest::{Digest, chain_ids};
use super::documents::PlatformImage;
use super::node_content::NodeContent;
use super::oci::Descriptor;
use super::reference::Reference;

/// An image of the engine that is to be on a node.
#[derive(Debug, Clone)]
pub(crate) struct RequestedImage {
    /// The name, ID or digest by which the engine finds it.
    pub argument: String,
    /// The names that it is to have on the node.
    pub names: Vec<Reference>,
    /// In Docker's own store the configuration's digest, in containerd's that
    /// of the manifest or index.
    pub id: Digest,
    /// Digests of its uncompressed layers, lowest first.
    pub diff_ids: Vec<Digest>,
    /// In bytes, as the engine states it.
    pub size: u64,
}

/// What a node needs of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Need {
    /// It has the content, and every name refers to it.
    Nothing,
    /// It has the content as `target`, but `missing` names do not refer to it.
    Names {
        /// The manifest or index on the node.
        target: Digest,
        /// Full names, such as `docker.io/library/busybox:latest`.
        missing: Vec<String>,
    },
    /// These blobs, and all names.
    Content(MissingBlobs),
}

impl NodeContent {
    /// What this node needs of an image. Content counts as present if its top
    /// layer is unpacked, since that implies those below it.
    pub(crate) fn need(&self, image: &RequestedImage) -> Need {
        let top = chain_ids(&image.diff_ids).pop();
        let is_unpacked = top.is_none_or(|top| self.snapshots.contains(&top));
        let Some(target) = self.find(&image.id).filter(|_| is_unpacked) else {
            return Need::Content(MissingBlobs::of(self));
        };
        let names = image.names.iter().map(Reference::to_string);
        let missing: Vec<String> = names.filter(|n| self.target(n) != Some(target)).collect();
        match missing.is_empty() {
            true => Need::Nothing,
            false => Need::Names { target: target.clone(), missing },
        }
    }
}

/// The blobs that a node does not have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct MissingBlobs {
    present: BTreeSet<Digest>,
}

impl MissingBlobs {
    /// Those that are not in its content store. An unpacked layer does not
    /// count: importing an archive needs the blob.
    pub(crate) fn of(node: &NodeContent) -> MissingBlobs {
        MissingBlobs { present: node.blobs.clone() }
    }

    /// Every blob, whatever the node has.
    pub(crate) fn all() -> MissingBlobs {
        MissingBlobs::default()
    }

    /// Whether a blob is to be sent.
    pub(crate) fn contains(&self, blob: &Digest) -> bool {
        !self.present.contains(blob)
    }

    /// The layers of an image that are to be sent, lowest first.
    pub(crate) fn layers<'a>(&self, image: &'a PlatformImage) -> Vec<&'a Descriptor> {
        image.layers.iter().filter(|layer| self.contains(&layer.digest)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::image::fixtures;
    use crate::image::node_content::{NodeImage, NodeImageName};

    fn requested(image: &PlatformImage) -> RequestedImage {
        RequestedImage {
            argument: "app:1".into(),
            names: image.names.clone(),
            id: image.config.clone(),
            diff_ids: image.diff_ids.clone(),
            size: 0,
        }
    }

    /// What loading leaves behind.
    fn receive(node: &mut NodeContent, image: &PlatformImage, missing: &MissingBlobs) {
        let sent = missing.layers(image).into_iter().map(|layer| layer.digest.clone());
        node.blobs.extend(sent.chain([image.root.digest.clone(), image.config.clone()]));
        node.snapshots.extend(chain_ids(&image.diff_ids));
        tag(node, &image.config.to_string(), &image.root.digest);
        image.names.iter().for_each(|name| tag(node, &name.to_string(), &image.root.digest));
    }

    fn tag(node: &mut NodeContent, name: &str, target: &Digest) {
        node.images.retain(|image| image.name.as_str() != name);
        let (name, target) = (NodeImageName::parse(name).unwrap(), target.clone());
        node.images.push(NodeImage { name, target, size: String::new() });
    }

    fn digests(layers: &[Vec<u8>]) -> BTreeSet<Digest> {
        layers.iter().map(|layer| Digest::of(layer)).collect()
    }

    proptest! {
        /// Sent and present layers together are the manifest's, and nothing is
        /// sent that was present. Loading it leaves nothing to do.
        #[test]
        fn sent_and_present_layers_are_the_image(
            layers in prop::collection::vec(prop::collection::vec(0..40_u8, 1), 0..12),
            present in prop::collection::vec(prop::collection::vec(0..40_u8, 1), 0..40),
        ) {
            let image = fixtures::image(&layers.iter().map(|layer| &layer[..]).collect::<Vec<_>>());
            let mut node = NodeContent { blobs: digests(&present), ..NodeContent::default() };
            let Need::Content(missing) = node.need(&requested(&image)) else { panic!() };
            let sent: BTreeSet<Digest> =
                missing.layers(&image).iter().map(|layer| layer.digest.clone()).collect();
            prop_assert!(sent.is_disjoint(&node.blobs));
            let all = digests(&layers);
            let had: BTreeSet<Digest> = all.intersection(&node.blobs).cloned().collect();
            prop_assert_eq!(sent.union(&had).cloned().collect::<BTreeSet<_>>(), all.clone());
            prop_assert_eq!(MissingBlobs::all().layers(&image).len(), layers.len());

            receive(&mut node, &image, &missing);
            prop_assert!(all.is_subset(&node.blobs));
            prop_assert_eq!(node.fault(&image), None);
            prop_assert_eq!(node.need(&requested(&image)), Need::Nothing);
        }

        /// A name that is missing or refers to something else is set, and only that.
        #[test]
        fn missing_names_need_no_content(states in prop::collection::vec(0..3_u8, 1..6)) {
            let names = (0..states.len()).map(|n| Reference::parse(&format!("app:{n}")).unwrap());
            let image = PlatformImage { names: names.collect(), ..fixtures::image(&[b"layer"]) };
            let mut node = NodeContent::default();
            receive(&mut node, &image, &MissingBlobs::all());
            let mut wrong = Vec::new();
            for (state, name) in states.iter().zip(&image.names).filter(|(state, _)| **state > 0) {
                let name = name.to_string();
                match state {
                    1 => node.images.retain(|image| image.name.as_str() != name),
                    _ => tag(&mut node, &name, &Digest::of(b"other")),
                }
                wrong.push(name);
            }
            match node.need(&requested(&image)) {
                Need::Nothing => prop_assert!(wrong.is_empty()),
                Need::Names { target, missing } => {
                    prop_assert_eq!(&missing, &wrong);
                    missing.iter().for_each(|name| tag(&mut node, name, &target));
                    prop_assert_eq!(node.need(&requested(&image)), Need::Nothing);
                }
                Need::Content(_) => prop_assert!(false, "the content is there"),
            }
        }
    }

    #[test]
    fn content_whose_layers_are_not_unpacked_is_needed() {
        let image = fixtures::image(&[b"lower", b"upper"]);
        let mut node = NodeContent::default();
        receive(&mut node, &image, &MissingBlobs::all());
        node.snapshots.remove(&image.top_snapshot().unwrap());
        assert!(matches!(node.need(&requested(&image)), Need::Content(_)));
    }
}
