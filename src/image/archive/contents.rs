//! What an archive was found to contain.

use std::io::{self, Read};

use bytes::Bytes;

use super::blobs::{Blob, Blobs};
use super::compression::GZIP;
use super::error::ArchiveError;
use super::roots;
use super::sink::BlobSink;
use crate::image::digest::{Digest, Hasher};
use crate::image::documents::{Documents, PlatformImage};
use crate::image::oci;

/// The bytes of the largest document; anything larger is not one.
const DOCUMENT_LIMIT: u64 = 4 << 20;
const BUFFER: usize = 256 << 10;

/// The blobs' digests, the documents, and the names of the images.
#[derive(Debug, Default)]
pub struct Contents {
    blobs: Blobs,
    documents: Documents,
    /// `index.json` of an OCI layout.
    index: Option<Vec<u8>>,
    /// `manifest.json` of a `docker save` archive.
    docker_manifest: Option<Vec<u8>>,
}

impl Contents {
    /// Reads a file of the archive; `room` is what may still be kept of documents.
    pub(super) fn add_file(
        &mut self,
        name: &str,
        entry: &mut impl Read,
        size: u64,
        room: &mut u64,
        sink: &mut impl BlobSink,
    ) -> Result<(), ArchiveError> {
        let is_small = size <= DOCUMENT_LIMIT && size <= *room;
        if matches!(name, "index.json" | "manifest.json" | "oci-layout" | "repositories") {
            if !is_small {
                return Err(ArchiveError::NotAnArchive(format!("{name} is too large")));
            }
            let mut text = Vec::new();
            entry.read_to_end(&mut text).map_err(ArchiveError::Damaged)?;
            match name {
                "index.json" => self.index = Some(text),
                "manifest.json" => self.docker_manifest = Some(text),
                _ => {}
            }
            return Ok(());
        }
        let (blob, document) = read_blob(name, entry, size, is_small, sink)?;
        if let Some(document) = document {
            *room -= size;
            self.documents.add(oci::BYTES, document);
        }
        self.blobs.add_file(name, blob);
        Ok(())
    }

    pub(super) fn add_link(&mut self, name: String, target: String) {
        self.blobs.add_link(name, target);
    }

    /// The images for `architecture` if they have several platforms, and those
    /// documents about them that the archive itself lacks.
    ///
    /// # Errors
    /// Returns [`ArchiveError`] if there is no image, or a part of one is missing
    /// or invalid.
    pub fn images(
        self,
        architecture: &str,
    ) -> Result<(Vec<PlatformImage>, Vec<Bytes>), ArchiveError> {
        let present = self.blobs.digests();
        let (images, documents) = self.images_and_documents(architecture)?;
        let added = documents.0.into_iter().filter(|(digest, _)| !present.contains(digest));
        Ok((images, added.map(|(_, document)| document.bytes).collect()))
    }

    /// As [`Self::images`], with all documents.
    ///
    /// # Errors
    /// Fails like [`Self::images`].
    pub fn images_and_documents(
        mut self,
        architecture: &str,
    ) -> Result<(Vec<PlatformImage>, Documents), ArchiveError> {
        let present = self.blobs.digests();
        let roots = match (self.index, self.docker_manifest) {
            (Some(index), _) => roots::of_oci_layout(&index)?,
            (None, Some(manifest)) => {
                roots::of_docker_save(&manifest, &self.blobs, &mut self.documents)?
            }
            (None, None) => return Err(ArchiveError::NoImages),
        };
        let mut images: Vec<PlatformImage> = Vec::new();
        for (root, names) in roots {
            match images.iter_mut().find(|image| image.root.digest == root) {
                Some(known) => known.names.extend(names),
                None => {
                    let has = |digest: &Digest| present.contains(digest);
                    let image = self.documents.image(&root, architecture, &has)?;
                    images.push(PlatformImage { names, ..image });
                }
            }
        }
        if images.is_empty() {
            return Err(ArchiveError::NoImages);
        }
        Ok((images, self.documents))
    }
}

/// Reads a blob, passes it on, and checks it against the digest in its name.
/// Returns its content if it looks like a document.
fn read_blob(
    name: &str,
    entry: &mut impl Read,
    size: u64,
    is_small: bool,
    sink: &mut impl BlobSink,
) -> Result<(Blob, Option<Vec<u8>>), ArchiveError> {
    let expected = name.strip_prefix("blobs/sha256/").and_then(Digest::from_hex);
    sink.begin(expected.as_ref(), size).map_err(ArchiveError::Stopped)?;
    let (mut hash, mut text, mut left) = (Hasher::default(), Vec::new(), size);
    let mut buffer = vec![0; BUFFER.min(size as usize)];
    let (mut is_document, mut is_gzip) = (is_small && size > 0, false);
    while left > 0 {
        let read = entry.read(&mut buffer).map_err(ArchiveError::Damaged)?;
        if read == 0 {
            return Err(ArchiveError::Damaged(io::ErrorKind::UnexpectedEof.into()));
        }
        let bytes = &buffer[..read];
        hash.update(bytes);
        sink.write(bytes).map_err(ArchiveError::Stopped)?;
        if left == size {
            is_document = is_document && bytes[0] == b'{';
            is_gzip = bytes.starts_with(&GZIP);
        }
        if is_document {
            text.extend_from_slice(bytes);
        }
        left -= read as u64;
    }
    let digest = hash.finish();
    if expected.is_some_and(|expected| expected != digest) {
        return Err(ArchiveError::WrongDigest { name: name.to_owned(), found: digest });
    }
    Ok((Blob { digest, size, is_gzip }, is_document.then_some(text)))
}
