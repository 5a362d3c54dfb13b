//! Images of the engine, layer by layer.
//!
//! The engine hands out images as a whole only: an export of 2.4 GB takes 13 s
//! before anything is known to have changed, and a push compresses every layer
//! that has never been pushed (40 s). So layers are read where the engine keeps
//! them, in its own folder ([`Files`]). Its layout is the engine's own affair
//! and may change: content is checked by its digest on the way in, and whoever
//! cannot be served from here is served by an export.
//!
//! Where that folder can only be seen through a helper container, a small image
//! is exported after all, and held in memory: 4 MB take 0.03 s, the helper 0.2 s.

use std::collections::BTreeMap;
use std::io::{self, Cursor};

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, try_unfold};

use super::archive::{self, ArchiveError, Sink};
use super::catalog::{Asked, CatalogError, Documents, LoadImage};
use super::files::{Files, Helper};
use super::layout::{self, Layout, Unpacked};
use super::oci::{self, Descriptor, Digest, Root, chain_ids};
use super::tar_split::{self, Part};
use crate::context::{Context, RunError};
use crate::engine::{ByteStream, EngineError, Host};

/// Bytes of an export that are held; from about here on the helper is as quick.
const HELD: u64 = 32 << 20;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("the engine keeps images with {0:?}, which cannot be read layer by layer")]
    Unknown(String),
    #[error("the engine's image store: {0}")]
    Catalog(#[from] CatalogError),
    #[error("the engine's image store: {0}")]
    Damaged(#[from] io::Error),
    #[error("the engine's image store has no {0}")]
    NoFile(String),
    #[error("the engine's export: {0}")]
    Export(#[from] ArchiveError),
    #[error("the engine's export is larger than it said")]
    TooLarge,
}

/// Images that can be read layer by layer.
pub struct Store {
    pub images: Vec<LoadImage>,
    pub documents: Documents,
    layers: BTreeMap<Digest, Layer>,
    files: Option<Files>,
}

/// Where a layer is.
enum Layer {
    Held(Bytes),
    Kept(Kept),
}

/// In the engine's folder.
struct Kept {
    /// What `names` are below of.
    folder: String,
    /// The files it is made from, in the form of [`Files::contents`].
    names: Bytes,
    /// What else its archive consists of; none if the file is the archive.
    record: Option<Bytes>,
    size: u64,
}

/// Finds images of the engine, with this helper should one be needed.
///
/// # Errors
/// [`StoreError`], when this way is not open.
pub async fn open(
    ctx: &Context,
    helper: &Helper,
    host: &Host,
    asked: &[Asked],
) -> Result<Store, StoreError> {
    let layout = Layout::of(&host.storage);
    let here = layout.as_ref().and_then(|l| Files::here(l, asked.iter().map(|image| &image.id)));
    let size = asked.iter().fold(0, |sum: u64, image| sum.saturating_add(image.size));
    if here.is_none() && size <= HELD {
        match Store::held(ctx, &host.arch, asked).await {
            Err(StoreError::Run(RunError::Cancelled)) => return Err(RunError::Cancelled.into()),
            Err(error) => ctx.progress.debug(1, format!("not held in memory: {error}")),
            held => {
                ctx.progress.debug(1, "layers are held in memory");
                return held;
            }
        }
    }
    let layout = layout.ok_or_else(|| StoreError::Unknown(host.storage.driver.clone()))?;
    let files = match here {
        Some(files) => files,
        None => helper.start(ctx, &layout).await?,
    };
    ctx.progress.debug(1, format!("layers are read {files}"));
    Store::kept(ctx, files, &layout, &host.arch, asked).await
}

impl Store {
    async fn kept(
        ctx: &Context,
        files: Files,
        layout: &Layout,
        architecture: &str,
        asked: &[Asked],
    ) -> Result<Store, StoreError> {
        let mut store = Store {
            images: Vec::new(),
            documents: Documents::default(),
            layers: BTreeMap::new(),
            files: None,
        };
        for image in asked {
            let found = match layout {
                Layout::Docker { driver, .. } => {
                    store.unpacked(ctx, &files, &Unpacked(driver), image).await?
                }
                Layout::Containerd { .. } => {
                    store.content(ctx, &files, image, architecture).await?
                }
            };
            store.images.push(found);
        }
        store.files = Some(files);
        Ok(store)
    }

    /// Small images, by way of the engine's export.
    async fn held(ctx: &Context, architecture: &str, asked: &[Asked]) -> Result<Store, StoreError> {
        let names: Vec<String> = asked.iter().map(|image| image.argument.clone()).collect();
        let mut export = ctx.interruptible(ctx.engine.export_images(&names)).await?;
        let mut archive = Vec::new();
        while let Some(piece) =
            ctx.interruptible(async { Ok::<_, RunError>(export.next().await) }).await?
        {
            archive.extend_from_slice(&piece?);
            if archive.len() as u64 > 2 * HELD {
                return Err(StoreError::TooLarge);
            }
        }
        let read = move || {
            let mut holding = Holding::default();
            archive::read(&archive[..], &mut holding).map(|contents| (contents, holding))
        };
        let (contents, holding) =
            tokio::task::spawn_blocking(read).await.map_err(io::Error::other)??;
        let (images, documents) = contents.catalog(architecture)?;
        if let Some(lost) = asked.iter().find(|a| !images.iter().any(|image| image.is(&a.id))) {
            return Err(StoreError::NoFile(lost.id.to_string()));
        }
        let layers = holding.0.into_iter().map(|blob| {
            let digest = blob.digest.unwrap_or_else(|| Digest::of(&blob.bytes));
            (digest, Layer::Held(blob.bytes.into()))
        });
        Ok(Store { images, documents, layers: layers.collect(), files: None })
    }

    /// An image of Docker's own store, whose manifest is lost or never was: it
    /// gets one of uncompressed layers.
    async fn unpacked(
        &mut self,
        ctx: &Context,
        files: &Files,
        paths: &Unpacked<'_>,
        Asked { id, diff_ids, .. }: &Asked,
    ) -> Result<LoadImage, StoreError> {
        let chain = chain_ids(diff_ids);
        let mut wanted = vec![paths.config(id)];
        wanted.extend(chain.iter().flat_map(|id| [paths.record(id), paths.cache_id(id)]));
        let mut found = files.read(ctx, &wanted).await?;
        let mut take = |path: String| found.remove(&path).ok_or(StoreError::NoFile(path));
        let config = self.documents.add(oci::CONFIG, take(paths.config(id))?);
        let mut layers = Vec::new();
        for (diff_id, chain) in diff_ids.iter().zip(&chain) {
            let record = take(paths.record(chain))?;
            let cache_id = take(paths.cache_id(chain))?;
            let folder = paths.folder(String::from_utf8_lossy(&cache_id).trim());
            let (size, names) = tar_split::summary(&record)?;
            layers.push(Descriptor::new(oci::LAYER, diff_id.clone(), size));
            let kept = Kept { folder, names: names.into(), record: Some(record), size };
            self.layers.insert(diff_id.clone(), Layer::Kept(kept));
        }
        let manifest = self.documents.add(oci::MANIFEST, oci::manifest(config, layers));
        Ok(self.documents.image(&manifest.digest, "", &|_| true)?)
    }

    /// An image of containerd's store, of which perhaps one platform is here.
    async fn content(
        &mut self,
        ctx: &Context,
        files: &Files,
        Asked { id, .. }: &Asked,
        architecture: &str,
    ) -> Result<LoadImage, StoreError> {
        self.read(ctx, files, std::slice::from_ref(id)).await?;
        if let Root::Index(index) = self.documents.root(id)? {
            let children: Vec<Digest> = index.manifests.into_iter().map(|m| m.digest).collect();
            self.read(ctx, files, &children).await?;
        }
        let manifests = self.documents.manifests(id)?;
        let configs: Vec<Digest> = manifests.iter().map(|m| m.config.digest.clone()).collect();
        self.read(ctx, files, &configs).await?;
        let layers = manifests.iter().flat_map(|manifest| &manifest.layers);
        let layers: Vec<String> = layers.map(|layer| layout::blob(&layer.digest)).collect();
        for (path, size) in files.sizes(ctx, &layers).await? {
            let digest = format!("sha256:{}", path.rsplit('/').next().unwrap_or_default());
            if let Some(digest) = Digest::parse(&digest) {
                let names = format!("./{path}\0").into();
                let kept = Kept { folder: String::new(), names, record: None, size };
                self.layers.insert(digest, Layer::Kept(kept));
            }
        }
        let layers = &self.layers;
        Ok(self.documents.image(id, architecture, &|digest| layers.contains_key(digest))?)
    }

    /// Reads those documents that are there.
    async fn read(
        &mut self,
        ctx: &Context,
        files: &Files,
        digests: &[Digest],
    ) -> Result<(), StoreError> {
        let paths: Vec<String> = digests.iter().map(layout::blob).collect();
        for bytes in files.read(ctx, &paths).await?.into_values() {
            self.documents.add(oci::CONFIG, bytes);
        }
        Ok(())
    }

    /// A layer's length in bytes, as it is sent.
    pub fn size(&self, digest: &Digest) -> Option<u64> {
        match self.layers.get(digest)? {
            Layer::Held(bytes) => Some(bytes.len() as u64),
            Layer::Kept(kept) => Some(kept.size),
        }
    }

    /// A layer's bytes; whether they have that digest is for the reader to see.
    ///
    /// # Errors
    /// The engine's.
    pub async fn layer(&self, digest: &Digest) -> Result<ByteStream, EngineError> {
        let missing = || EngineError::other("reading a layer", format!("{digest} is unknown"));
        let kept = match self.layers.get(digest).ok_or_else(missing)? {
            Layer::Held(bytes) => return Ok(stream::iter([Ok(bytes.clone())]).boxed()),
            Layer::Kept(kept) => kept,
        };
        let files = self.files.as_ref().ok_or_else(missing)?;
        let contents = files.contents(&kept.folder, kept.names.clone()).await?;
        Ok(match kept.record.clone() {
            Some(record) => joined(tar_split::parts(Cursor::new(record)), contents),
            None => contents,
        })
    }
}

/// The blobs of an archive.
#[derive(Default)]
struct Holding(Vec<Blob>);

struct Blob {
    /// What its name promises; an archive that breaks it is refused.
    digest: Option<Digest>,
    bytes: Vec<u8>,
}

impl Sink for Holding {
    fn begin(&mut self, digest: Option<&Digest>, _: u64) -> io::Result<()> {
        self.0.push(Blob { digest: digest.cloned(), bytes: Vec::new() });
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(blob) = self.0.last_mut() {
            blob.bytes.extend_from_slice(bytes);
        }
        Ok(())
    }
}

/// A layer's archive: the parts in their order, with the contents of files
/// taken from a stream that holds them one after the other.
fn joined(
    parts: impl Iterator<Item = io::Result<Part>> + Send + 'static,
    contents: ByteStream,
) -> ByteStream {
    let start = (parts, contents, Bytes::new(), 0_u64);
    try_unfold(start, |(mut parts, mut contents, mut rest, mut due)| async move {
        while due == 0 {
            match parts.next().transpose()? {
                Some(Part::Bytes(bytes)) => return Ok(Some((bytes, (parts, contents, rest, 0)))),
                Some(Part::File { size, .. }) => due = size,
                // The command's own end says whether it read all files.
                None if rest.is_empty() && contents.next().await.transpose()?.is_none() => {
                    return Ok(None);
                }
                None => return Err(io::Error::other("a file grew")),
            }
        }
        if rest.is_empty() {
            let short = || io::Error::from(io::ErrorKind::UnexpectedEof);
            rest = contents.next().await.transpose()?.ok_or_else(short)?;
        }
        let piece = rest.split_to(rest.len().min(usize::try_from(due).unwrap_or(usize::MAX)));
        due -= piece.len() as u64;
        Ok(Some((piece, (parts, contents, rest, due))))
    })
    .boxed()
}
