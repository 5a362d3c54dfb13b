//! Reads archives of images: `docker save` archives and OCI layouts, plain, or
//! compressed with gzip or zstd. One pass, without a copy of the layers.
//!
//! Nothing is written to disk. An archive is not trusted: every blob has the
//! digest that its name states, or the archive is refused.

mod blobs;
mod compression;
mod contents;
mod error;
mod metered;
mod paths;
mod roots;
mod sink;
mod zstd;

use std::io::{self, Read};

use error::ENTRIES_LIMIT;
use metered::Metered;

pub use contents::Contents;
pub use error::ArchiveError;
pub use sink::BlobSink;

/// Bytes of documents that are kept in memory.
const DOCUMENTS_LIMIT: u64 = 64 << 20;

/// Reads an archive to its end.
///
/// # Errors
/// Returns [`ArchiveError`] if it is not an archive, is damaged, or exceeds a
/// limit. Whether it contains an image is checked by [`Contents::images`].
pub fn read(input: impl Read, sink: &mut impl BlobSink) -> Result<Contents, ArchiveError> {
    let (input, is_compressed) = compression::decompress(input)?;
    let (input, meter) = Metered::new(input);
    let mut archive = tar::Archive::new(input);
    let mut contents = Contents::default();
    let (mut room, mut count) = (DOCUMENTS_LIMIT, 0);
    for entry in archive.entries().map_err(ArchiveError::Damaged)? {
        let mut entry = entry.map_err(|error| match count == 0 && !is_compressed {
            true => ArchiveError::NotAnArchive(error.to_string()),
            false => ArchiveError::Damaged(error),
        })?;
        count += 1;
        if count > ENTRIES_LIMIT {
            return Err(ArchiveError::TooManyEntries);
        }
        let name = paths::inside(&entry.path_bytes())?;
        match entry.header().entry_type() {
            kind if kind.is_file() => {
                let size = entry.size();
                let mut entry = meter.reset_by(&mut entry);
                contents.add_file(&name, &mut entry, size, &mut room, sink)?;
            }
            kind if kind.is_symlink() || kind.is_hard_link() => {
                let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                let target = String::from_utf8_lossy(&target).into_owned();
                let directory = if kind.is_symlink() { paths::parent(&name) } else { "" };
                let resolved = paths::resolve(directory, &target);
                contents.add_link(name, resolved.ok_or(ArchiveError::Outside(target))?);
            }
            _ => {}
        }
        meter.reset();
    }
    if count == 0 {
        return Err(ArchiveError::NotAnArchive("it is empty".into()));
    }
    if is_compressed {
        // The checksum comes last, after the padding of the archive.
        io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(ArchiveError::Damaged)?;
    }
    Ok(contents)
}

#[cfg(test)]
mod tests;
