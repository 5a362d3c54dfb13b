//! Reading archives of images: `docker save`'s and OCI layouts, plain, gzip or
//! zstd, in one pass and without a copy of the layers.
//!
//! Nothing is written to disk, and an archive is trusted in nothing: blobs are
//! what their digest says, or the archive is refused.

mod metered;
mod zstd;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Component;

use bytes::Bytes;
use serde::Deserialize;

use self::metered::Metered;
use self::zstd::Zstd;
use super::catalog::{CatalogError, Documents, LoadImage};
use super::oci::{self, Config, Descriptor, Digest, Hasher, Index, NAME_ANNOTATION};
use super::reference::Reference;

/// Documents are small; more than this is something else.
const DOCUMENT_LIMIT: u64 = 4 << 20;
const DOCUMENTS_LIMIT: u64 = 64 << 20;
/// Entries are few; each is remembered by its name.
const ENTRIES_LIMIT: usize = 100_000;
const PIECE: usize = 256 << 10;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("it is no archive of images ({0})")]
    NotAnArchive(String),
    #[error("it is damaged or cut short: {0}")]
    Damaged(io::Error),
    #[error("it holds no image")]
    NoImages,
    #[error("it has more than {ENTRIES_LIMIT} entries")]
    TooMany,
    #[error("the entry {0:?} leads out of the archive")]
    Outside(String),
    #[error("{name:?} has the content of {found}")]
    WrongDigest { name: String, found: Digest },
    #[error("it is incomplete or cut short: {0}")]
    Catalog(#[from] CatalogError),
    #[error("it names {0:?}, which it does not hold")]
    NoEntry(String),
    #[error("{0:?} in it cannot be read: {1}")]
    Document(&'static str, serde_json::Error),
    #[error("reading it was given up: {0}")]
    Unwanted(io::Error),
}

/// Takes what an archive holds, as it goes by.
pub trait Sink {
    /// A blob begins; `digest` is what its name promises, if it does.
    ///
    /// # Errors
    /// When nobody wants any more of it; reading stops then.
    fn begin(&mut self, digest: Option<&Digest>, size: u64) -> io::Result<()>;
    /// # Errors
    /// As [`Self::begin`].
    fn piece(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// What an archive was found to hold.
#[derive(Debug, Default)]
pub struct Contents {
    blobs: BTreeMap<String, Blob>,
    links: BTreeMap<String, String>,
    documents: Documents,
    index: Option<Vec<u8>>,
    docker: Option<Vec<u8>>,
}

#[derive(Debug, Clone)]
struct Blob {
    digest: Digest,
    size: u64,
    gzip: bool,
}

/// Reads an archive to its end.
///
/// # Errors
/// All of [`ArchiveError`] that are seen without knowing what a node has.
pub fn read(input: impl Read, sink: &mut impl Sink) -> Result<Contents, ArchiveError> {
    let (input, compressed) = decompressed(input)?;
    let (input, meter) = Metered::new(input);
    let mut archive = tar::Archive::new(input);
    let mut contents = Contents::default();
    let (mut room, mut count) = (DOCUMENTS_LIMIT, 0);
    for entry in archive.entries().map_err(ArchiveError::Damaged)? {
        let mut entry = entry.map_err(|error| match count == 0 && !compressed {
            true => ArchiveError::NotAnArchive(error.to_string()),
            false => ArchiveError::Damaged(error),
        })?;
        count += 1;
        if count > ENTRIES_LIMIT {
            return Err(ArchiveError::TooMany);
        }
        let name = inside(&entry.path_bytes())?;
        match entry.header().entry_type() {
            kind if kind.is_file() => {
                let size = entry.size();
                let mut entry = meter.reset_by(&mut entry);
                contents.take(&name, &mut entry, size, &mut room, sink)?;
            }
            kind if kind.is_symlink() || kind.is_hard_link() => {
                let target = entry.link_name_bytes().unwrap_or_default().into_owned();
                let target = String::from_utf8_lossy(&target).into_owned();
                let folder = if kind.is_symlink() { parent(&name) } else { "" };
                let inside = resolved(folder, &target).ok_or(ArchiveError::Outside(target))?;
                contents.links.insert(name, inside);
            }
            _ => {}
        }
        meter.reset();
    }
    if count == 0 {
        return Err(ArchiveError::NotAnArchive("it is empty".into()));
    }
    if compressed {
        // The checksum is at the end, after what pads an archive.
        io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(ArchiveError::Damaged)?;
    }
    Ok(contents)
}

impl Contents {
    fn take(
        &mut self,
        name: &str,
        entry: &mut impl Read,
        size: u64,
        room: &mut u64,
        sink: &mut impl Sink,
    ) -> Result<(), ArchiveError> {
        let small = size <= DOCUMENT_LIMIT && size <= *room;
        if matches!(name, "index.json" | "manifest.json" | "oci-layout" | "repositories") {
            if !small {
                return Err(ArchiveError::NotAnArchive(format!("{name} is too large")));
            }
            let mut text = Vec::new();
            entry.read_to_end(&mut text).map_err(ArchiveError::Damaged)?;
            match name {
                "index.json" => self.index = Some(text),
                "manifest.json" => self.docker = Some(text),
                _ => {}
            }
            return Ok(());
        }
        let promised = name
            .strip_prefix("blobs/sha256/")
            .and_then(|hex| Digest::parse(&format!("sha256:{hex}")));
        sink.begin(promised.as_ref(), size).map_err(ArchiveError::Unwanted)?;
        let (mut hash, mut kept, mut left) = (Hasher::default(), Vec::new(), size);
        let mut buffer = vec![0; PIECE.min(size as usize)];
        let (mut keep, mut gzip) = (small, false);
        while left > 0 {
            let read = entry.read(&mut buffer).map_err(ArchiveError::Damaged)?;
            if read == 0 {
                return Err(ArchiveError::Damaged(io::ErrorKind::UnexpectedEof.into()));
            }
            let piece = &buffer[..read];
            hash.update(piece);
            sink.piece(piece).map_err(ArchiveError::Unwanted)?;
            if left == size {
                keep = keep && piece[0] == b'{';
                gzip = piece.starts_with(&GZIP);
            }
            if keep {
                kept.extend_from_slice(piece);
            }
            left -= read as u64;
        }
        let digest = hash.finish();
        if promised.is_some_and(|promised| promised != digest) {
            return Err(ArchiveError::WrongDigest { name: name.to_owned(), found: digest });
        }
        if keep && size > 0 {
            *room -= size;
            self.documents.add("application/octet-stream", kept);
        }
        self.blobs.insert(name.to_owned(), Blob { digest, size, gzip });
        Ok(())
    }

    /// The images, and documents about them that the archive itself lacks.
    ///
    /// # Errors
    /// No images, or parts of them that are not there.
    pub fn images(self, architecture: &str) -> Result<(Vec<LoadImage>, Vec<Bytes>), ArchiveError> {
        let here: BTreeSet<Digest> = self.blobs.values().map(|b| b.digest.clone()).collect();
        let (images, documents) = self.catalog(architecture)?;
        let made = documents.0.into_iter().filter(|(digest, _)| !here.contains(digest));
        Ok((images, made.map(|(_, document)| document.bytes).collect()))
    }

    /// The images, and all documents about them.
    ///
    /// # Errors
    /// As [`Self::images`].
    pub fn catalog(
        mut self,
        architecture: &str,
    ) -> Result<(Vec<LoadImage>, Documents), ArchiveError> {
        let here: BTreeSet<Digest> = self.blobs.values().map(|b| b.digest.clone()).collect();
        let roots = match (self.index.take(), self.docker.take()) {
            (Some(index), _) => named_by_index(&index)?,
            (None, Some(docker)) => self.named_by_docker(&docker)?,
            (None, None) => return Err(ArchiveError::NoImages),
        };
        let mut images: Vec<LoadImage> = Vec::new();
        for (root, names) in roots {
            match images.iter_mut().find(|image| image.root.digest == root) {
                Some(known) => known.names.extend(names),
                None => {
                    let has = |digest: &Digest| here.contains(digest);
                    let image = self.documents.image(&root, architecture, &has)?;
                    images.push(LoadImage { names, ..image });
                }
            }
        }
        if images.is_empty() {
            return Err(ArchiveError::NoImages);
        }
        Ok((images, self.documents))
    }

    /// Docker's own format names files; a manifest is made from them.
    fn named_by_docker(
        &mut self,
        text: &[u8],
    ) -> Result<Vec<(Digest, Vec<Reference>)>, ArchiveError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Entry {
            config: String,
            #[serde(default)]
            repo_tags: Option<Vec<String>>,
            #[serde(default)]
            layers: Option<Vec<String>>,
        }
        let entries: Vec<Entry> =
            serde_json::from_slice(text).map_err(|e| ArchiveError::Document("manifest.json", e))?;
        let mut roots = Vec::new();
        for entry in entries {
            let config = self.blob(&entry.config)?;
            let described: Config = self.documents.config(&config.digest)?;
            let files = entry.layers.unwrap_or_default();
            if files.len() != described.rootfs.diff_ids.len() {
                return Err(CatalogError::NoDocument(config.digest, "configuration").into());
            }
            let mut layers = Vec::new();
            for (at, file) in files.iter().enumerate() {
                let layer = self.blob(file)?;
                // A compressed one is compared when it is unpacked.
                let differs = described.rootfs.diff_ids.get(at) != Some(&layer.digest);
                if differs && !layer.gzip {
                    return Err(ArchiveError::WrongDigest {
                        name: file.clone(),
                        found: layer.digest,
                    });
                }
                let kind = if layer.gzip { oci::GZIP_LAYER } else { oci::LAYER };
                layers.push(Descriptor::new(kind, layer.digest, layer.size));
            }
            let config = Descriptor::new(oci::CONFIG, config.digest, config.size);
            let manifest = oci::manifest(config, layers);
            let root = self.documents.add(oci::MANIFEST, manifest).digest;
            let names = entry.repo_tags.unwrap_or_default();
            roots.push((root, names.iter().filter_map(|n| Reference::parse(n).ok()).collect()));
        }
        Ok(roots)
    }

    fn blob(&self, name: &str) -> Result<Blob, ArchiveError> {
        let mut name = resolved("", name).unwrap_or_default();
        // One link is all that `docker save` ever made.
        if let Some(target) = self.links.get(&name) {
            name = target.clone();
        }
        self.blobs.get(&name).cloned().ok_or(ArchiveError::NoEntry(name))
    }
}

fn named_by_index(text: &[u8]) -> Result<Vec<(Digest, Vec<Reference>)>, ArchiveError> {
    let index: Index =
        serde_json::from_slice(text).map_err(|e| ArchiveError::Document("index.json", e))?;
    let name = |child: &Descriptor| {
        let full = child.annotations.get(NAME_ANNOTATION);
        // The specification's own annotation often holds a bare tag.
        let other = child.annotations.get("org.opencontainers.image.ref.name");
        let other = other.filter(|name| name.contains([':', '/']));
        full.or(other).and_then(|name| Reference::parse(name).ok())
    };
    Ok(index
        .manifests
        .into_iter()
        .map(|child| (child.digest.clone(), name(&child).into_iter().collect()))
        .collect())
}

type Reading<'a> = Box<dyn Read + 'a>;

/// The archive itself, and whether it was compressed.
fn decompressed<'a>(input: impl Read + 'a) -> Result<(Reading<'a>, bool), ArchiveError> {
    let mut input = BufReader::with_capacity(PIECE, input);
    let start = input.fill_buf().map_err(ArchiveError::Damaged)?;
    if start.starts_with(&GZIP) {
        return Ok((Box::new(flate2::bufread::MultiGzDecoder::new(input)), true));
    }
    if start.starts_with(&ZSTD) {
        return Ok((Box::new(Zstd::new(input).map_err(ArchiveError::Damaged)?), true));
    }
    Ok((Box::new(input), false))
}

/// The name of an entry without `./`.
fn inside(path: &[u8]) -> Result<String, ArchiveError> {
    let name = String::from_utf8_lossy(path).into_owned();
    let leads_out = std::path::Path::new(&name)
        .components()
        .any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
    if leads_out {
        Err(ArchiveError::Outside(name))
    } else {
        Ok(resolved("", &name).unwrap_or_default())
    }
}

fn parent(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `path` as seen from `folder`; `None` when it leads out.
fn resolved(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
pub(super) mod tests;
