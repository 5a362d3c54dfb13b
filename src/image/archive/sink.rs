//! Where the blobs of an archive go.

use std::io;

use crate::image::digest::Digest;

/// Receives the blobs of an archive while it is read.
pub trait BlobSink {
    /// A blob of `size` bytes begins. `digest` is the one that its name states,
    /// if it does.
    ///
    /// # Errors
    /// Any error ends the reading with
    /// [`ArchiveError::Stopped`](super::ArchiveError::Stopped).
    fn begin(&mut self, digest: Option<&Digest>, size: u64) -> io::Result<()>;

    /// The next bytes of that blob.
    ///
    /// # Errors
    /// Any error ends the reading with
    /// [`ArchiveError::Stopped`](super::ArchiveError::Stopped).
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
}
