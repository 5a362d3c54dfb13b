//! Images of the engine that can be read layer by layer.

use std::collections::BTreeMap;
use std::io::{self, Cursor};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, try_unfold};

use super::directory::EngineDirectory;
use crate::context::RunError;
use crate::engine::{ByteStream, EngineError};
use crate::image::tar_split::{self, Part};
use crate::image::{Digest, Documents, PlatformImage};

/// Images, their documents, and where each of their layers is.
pub(crate) struct EngineImages {
    pub images: Vec<PlatformImage>,
    pub documents: Documents,
    pub(super) layers: BTreeMap<Digest, Layer>,
    pub(super) directory: Option<EngineDirectory>,
}

/// Where the content of a layer is.
pub(super) enum Layer {
    InMemory(Bytes),
    OnDisk(LayerFiles),
}

/// A layer in the engine's directory.
pub(super) struct LayerFiles {
    /// The directory of the files.
    pub directory: String,
    /// The files that the layer is made of, as [`EngineDirectory::contents`] takes
    /// their names.
    pub names: Bytes,
    /// Its tar-split record; `None` if the one file is the layer's archive.
    pub tar_split: Option<Bytes>,
    /// Of the layer's archive, in bytes.
    pub size: u64,
}

#[cfg(test)]
impl EngineImages {
    /// A document and a layer, without an image.
    pub(crate) fn fixture(document: &'static [u8], layer: &'static [u8]) -> EngineImages {
        use crate::image::{documents::Document, oci};
        let media_type = oci::MANIFEST.to_owned();
        let bytes = Bytes::from_static(document);
        let documents = [(Digest::of(document), Document { media_type, bytes })];
        EngineImages {
            images: Vec::new(),
            documents: Documents(documents.into()),
            layers: [(Digest::of(layer), Layer::InMemory(Bytes::from_static(layer)))].into(),
            directory: None,
        }
    }
}

impl EngineImages {
    /// A layer's length in bytes, as it is sent; `None` if there is no such layer.
    pub(crate) fn size(&self, digest: &Digest) -> Option<u64> {
        match self.layers.get(digest)? {
            Layer::InMemory(bytes) => Some(bytes.len() as u64),
            Layer::OnDisk(files) => Some(files.size),
        }
    }

    /// A layer's bytes. They are not checked against the digest; the receiver does
    /// that.
    ///
    /// # Errors
    /// Returns the engine's error, or [`RunError::Cancelled`]. Fails if there is no
    /// such layer.
    pub(crate) async fn layer(&self, digest: &Digest) -> Result<ByteStream, RunError> {
        let unknown = || EngineError::other("reading a layer", format!("{digest} is unknown"));
        let files = match self.layers.get(digest).ok_or_else(unknown)? {
            Layer::InMemory(bytes) => return Ok(stream::iter([Ok(bytes.clone())]).boxed()),
            Layer::OnDisk(files) => files,
        };
        let directory = self.directory.as_ref().ok_or_else(unknown)?;
        let contents = directory.contents(&files.directory, files.names.clone()).await?;
        Ok(match files.tar_split.clone() {
            Some(record) => assemble(tar_split::parts(Cursor::new(record)), contents),
            None => contents,
        })
    }
}

/// A layer's archive: its parts in order, with the contents of files taken from a
/// stream that has them one after the other.
fn assemble(
    parts: impl Iterator<Item = io::Result<Part>> + Send + 'static,
    contents: ByteStream,
) -> ByteStream {
    let start = (parts, contents, Bytes::new(), 0_u64);
    try_unfold(start, |(mut parts, mut contents, mut rest, mut due)| async move {
        while due == 0 {
            match parts.next().transpose()? {
                Some(Part::Bytes(bytes)) => return Ok(Some((bytes, (parts, contents, rest, 0)))),
                Some(Part::File { size, .. }) => due = size,
                // The end of the stream says whether all files were read.
                None if rest.is_empty() && contents.next().await.transpose()?.is_none() => {
                    return Ok(None);
                }
                None => return Err(io::Error::other("a file has grown")),
            }
        }
        if rest.is_empty() {
            let short = || io::Error::from(io::ErrorKind::UnexpectedEof);
            rest = contents.next().await.transpose()?.ok_or_else(short)?;
        }
        let bytes = rest.split_to(rest.len().min(usize::try_from(due).unwrap_or(usize::MAX)));
        due -= bytes.len() as u64;
        Ok(Some((bytes, (parts, contents, rest, due))))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::collect;

    async fn assembled(sizes: &[u64], contents: &[&'static [u8]]) -> io::Result<Vec<u8>> {
        let file = |size: &u64| {
            let header = Part::Bytes(Bytes::from(format!("<{size}>")));
            [Ok(header), Ok(Part::File { path: b"f".to_vec(), size: *size })]
        };
        let parts: Vec<_> = sizes.iter().flat_map(file).collect();
        let contents: Vec<_> = contents.iter().map(|c| Ok(Bytes::from_static(c))).collect();
        collect(assemble(parts.into_iter(), stream::iter(contents).boxed())).await
    }

    #[tokio::test]
    async fn contents_go_between_the_other_parts_however_they_arrive() {
        for contents in [&[&b"abcde"[..]][..], &[b"a", b"bcd", b"e"], &[b"ab", b"cde"]] {
            assert_eq!(assembled(&[2, 3], contents).await.unwrap(), b"<2>ab<3>cde");
        }
        assert!(assembled(&[2, 3], &[b"abcd"]).await.is_err());
        assert!(assembled(&[2, 3], &[b"abcdef"]).await.is_err());
        assert!(assembled(&[2, 3], &[b"abcde", b"f"]).await.is_err());
    }
}
