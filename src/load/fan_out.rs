//! Writes an archive for each node, from one that is read.
//!
//! Each node gets an OCI layout of its own. `index.json` comes last: an import
//! that is interrupted before it names no image, and the node's containerd
//! removes what has arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::outcome::Sent;
use crate::image::archive::BlobSink;
use crate::image::oci::{Descriptor, Index, NAME_ANNOTATION};
use crate::image::{Digest, MissingBlobs, PlatformImage, Reference};

/// The unit of a tar archive, in bytes.
const BLOCK: usize = 512;
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// Writes the archive of one node.
pub(super) struct NodeWriter {
    to: mpsc::Sender<Bytes>,
    missing: MissingBlobs,
    sent: Arc<Sent>,
    /// The node still reads.
    is_open: bool,
    /// It gets the current entry.
    gets_entry: bool,
}

impl NodeWriter {
    /// Sends to `to` what is `missing`, and counts the bytes of blobs in `sent`.
    pub(super) fn new(to: mpsc::Sender<Bytes>, missing: MissingBlobs, sent: Arc<Sent>) -> Self {
        NodeWriter { to, missing, sent, is_open: true, gets_entry: false }
    }
}

/// Writes the archives of all nodes.
pub(super) struct FanOutWriter {
    nodes: Vec<NodeWriter>,
    /// Bytes that are missing to a full block of the current entry.
    padding: usize,
}

impl FanOutWriter {
    /// Writes to all of these at the same time.
    pub(super) fn new(nodes: Vec<NodeWriter>) -> Self {
        FanOutWriter { nodes, padding: 0 }
    }

    /// Writes to the nodes that get the current entry.
    ///
    /// # Errors
    /// Fails if no node reads any more.
    fn send(&mut self, bytes: Bytes) -> io::Result<()> {
        for node in self.nodes.iter_mut().filter(|node| node.is_open && node.gets_entry) {
            node.is_open = node.to.blocking_send(bytes.clone()).is_ok();
        }
        let is_read = self.nodes.iter().any(|node| node.is_open);
        if is_read { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    /// Ends the entry before, and begins one for the nodes for which `gets` is true.
    fn entry(
        &mut self,
        name: &str,
        size: u64,
        gets: impl Fn(&NodeWriter) -> bool,
    ) -> io::Result<()> {
        self.pad()?;
        let mut header = tar::Header::new_gnu();
        header.set_path(name)?;
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        for node in &mut self.nodes {
            node.gets_entry = gets(node);
        }
        self.padding = (BLOCK - (size % BLOCK as u64) as usize) % BLOCK;
        self.send(Bytes::copy_from_slice(header.as_bytes()))
    }

    fn pad(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.padding) {
            0 => Ok(()),
            padding => self.send(vec![0; padding].into()),
        }
    }

    /// A file for all nodes.
    fn file(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        self.entry(name, text.len() as u64, |_| true)?;
        self.send(Bytes::copy_from_slice(text))
    }

    /// Adds documents that the archive itself lacks, and the images' names. Only
    /// now are the nodes' archives valid.
    ///
    /// # Errors
    /// Fails if no node reads any more.
    pub(super) fn finish(
        mut self,
        documents: &[Bytes],
        images: &[PlatformImage],
    ) -> io::Result<()> {
        for document in documents {
            self.file(&Digest::of(document).blob_path(), document)?;
        }
        self.file("oci-layout", LAYOUT)?;
        self.file("index.json", &index(images))?;
        self.pad()?;
        self.send(vec![0; 2 * BLOCK].into())
    }
}

impl BlobSink for FanOutWriter {
    fn begin(&mut self, digest: Option<&Digest>, size: u64) -> io::Result<()> {
        // containerd reads the digest of a blob, not its name.
        let name = digest.map_or("blob".to_owned(), Digest::blob_path);
        self.entry(&name, size, |node| digest.is_none_or(|digest| node.missing.contains(digest)))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for node in self.nodes.iter().filter(|node| node.gets_entry && node.is_open) {
            node.sent.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        self.send(Bytes::copy_from_slice(bytes))
    }
}

/// An `index.json` with every name of every image.
fn index(images: &[PlatformImage]) -> Vec<u8> {
    let mut entries = Vec::new();
    for image in images {
        let names: BTreeSet<String> = image
            .names
            .iter()
            .map(Reference::to_string)
            .chain([image.exact_name().to_string()])
            .collect();
        entries.extend(names.into_iter().map(|name| Descriptor {
            annotations: BTreeMap::from([(NAME_ANNOTATION.to_owned(), name)]),
            ..image.root.clone()
        }));
    }
    serde_json::to_vec(&Index::new(entries)).expect("plain data")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::image::{NodeContent, archive, fixtures};

    /// Collects the blobs of an archive.
    #[derive(Default)]
    struct Received(BTreeSet<Digest>);

    impl BlobSink for Received {
        fn begin(&mut self, digest: Option<&Digest>, _: u64) -> io::Result<()> {
            self.0.extend(digest.cloned());
            Ok(())
        }

        fn write(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
    }

    /// Sends an archive to nodes that have these blobs; returns what each receives.
    fn send(layout: &[u8], nodes: &[BTreeSet<Digest>]) -> Vec<Vec<u8>> {
        let (writers, receivers): (Vec<_>, Vec<_>) = nodes
            .iter()
            .map(|blobs| {
                let (to, receiver) = mpsc::channel(1000);
                let node = NodeContent { blobs: blobs.clone(), ..NodeContent::default() };
                (NodeWriter::new(to, MissingBlobs::of(&node), Arc::default()), receiver)
            })
            .unzip();
        let mut writer = FanOutWriter::new(writers);
        let contents = archive::read(layout, &mut writer).unwrap();
        let (images, documents) = contents.images("amd64").unwrap();
        writer.finish(&documents, &images).unwrap();
        let collect = |mut receiver: mpsc::Receiver<Bytes>| {
            std::iter::from_fn(|| receiver.try_recv().ok()).flatten().collect()
        };
        receivers.into_iter().map(collect).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// What a node receives and what it has are together the image, and it
        /// receives nothing that it has.
        #[test]
        fn each_node_receives_exactly_what_it_lacks(
            layers in prop::collection::btree_set(0..20_u8, 1..8),
            nodes in prop::collection::vec(prop::collection::vec(0..20_u8, 0..20), 1..4),
        ) {
            let layers: Vec<Vec<u8>> = layers.iter().map(|n| vec![*n; usize::from(*n) * 100]).collect();
            let layers: Vec<&[u8]> = layers.iter().map(|layer| &layer[..]).collect();
            let nodes: Vec<BTreeSet<Digest>> = nodes
                .iter()
                .map(|has| has.iter().map(|n| Digest::of(&vec![*n; usize::from(*n) * 100])).collect())
                .collect();
            let layout = fixtures::tar_of(&fixtures::oci_layout(&layers));
            let mut all = Received::default();
            archive::read(&layout[..], &mut all).unwrap();
            for (archive, has) in send(&layout, &nodes).iter().zip(&nodes) {
                let mut received = Received::default();
                archive::read(&archive[..], &mut received).unwrap();
                prop_assert!(received.0.is_disjoint(has));
                let had = all.0.intersection(has).cloned().collect();
                prop_assert_eq!(received.0.union(&had).cloned().collect::<BTreeSet<_>>(), all.0.clone());
            }
        }
    }

    /// Its files keep no names: containerd reads their digests.
    #[test]
    fn a_docker_archive_becomes_a_layout_with_all_names() {
        let layers: [&[u8]; 2] = [b"lower", b"upper"];
        let archive = fixtures::tar_of(&fixtures::docker_archive(&layers));
        let received = send(&archive, &[BTreeSet::new()]).remove(0);
        let (mut found, mut index) = (Vec::new(), None);
        for entry in tar::Archive::new(&received[..]).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            io::copy(&mut entry, &mut bytes).unwrap();
            match entry.path().unwrap().to_str().unwrap() {
                "index.json" => index = Some(serde_json::from_slice::<Index>(&bytes).unwrap()),
                _ => found.push(Digest::of(&bytes)),
            }
        }
        let index = index.unwrap();
        let names: Vec<&str> =
            index.manifests.iter().map(|entry| &entry.annotations[NAME_ANNOTATION][..]).collect();
        let root = &index.manifests[0].digest;
        let exact = format!("docker.io/library/app@{root}");
        assert_eq!(names, ["docker.io/library/app:1", &exact, "docker.io/team/app:2"]);
        assert!(found.contains(root) && layers.iter().all(|l| found.contains(&Digest::of(l))));
    }
}
