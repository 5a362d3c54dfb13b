//! The engine's own image store, read where it lies.
//!
//! The engine hands out images as a whole only: an export of 2.4 GB takes 13 s
//! before anything is known to have changed, and a push compresses every layer
//! that has never been pushed (40 s). What it keeps on disk can be read layer
//! by layer. A helper container sees that folder, read-only, so that neither
//! root nor an engine on this very host is needed. The folder's layout is the
//! engine's own affair and may change: content is checked by its digest on the
//! way in, and whoever cannot be served from here is served by an export.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{StreamExt, try_unfold};

use super::catalog::{CatalogError, Documents, LoadImage};
use super::layout::{self, Layout, Unpacked};
use super::oci::{self, Descriptor, Digest, Root, chain_ids};
use super::tar_split::{self, Part};
use crate::engine::{Bytestream, Command, ContainerSpec, Engine, EngineError, Host, Said, Saying};
use crate::existing::CREATED_BY_LABEL;
use crate::work::{Work, WorkError};

/// Where the helper sees the engine's folder.
const SEEN: &str = "/engine";
/// The helper ends by itself, should nobody be left to remove it.
const LIFETIME: &str = "3600";

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Work(#[from] WorkError),
    #[error("the engine keeps images with {0:?}, which cannot be read layer by layer")]
    Unknown(String),
    #[error("the engine's image store: {0}")]
    Catalog(#[from] CatalogError),
    #[error("the engine's image store: {0}")]
    Damaged(#[from] io::Error),
    #[error("the engine's image store has no {0}")]
    NoFile(String),
}

/// Images that can be read layer by layer.
pub struct Store {
    engine: Arc<dyn Engine>,
    helper: String,
    pub images: Vec<LoadImage>,
    pub documents: Documents,
    layers: BTreeMap<Digest, Layer>,
}

/// An image's identity in the engine, and the digests of its layers.
pub type Wanted = (Digest, Vec<Digest>);

/// Where a layer is.
enum Layer {
    Blob {
        path: String,
        size: u64,
    },
    /// An unpacked folder, and the rest of its archive.
    Folder {
        path: String,
        record: Bytes,
        files: Bytes,
        size: u64,
    },
}

/// Starts a container called `helper` from an image that has a shell, and finds
/// images through it by their identity in the engine. The caller removes that
/// container in the end, whatever comes out of this.
///
/// # Errors
/// [`StoreError`], when this way is not open.
pub async fn open(
    work: &Work,
    helper: &str,
    helper_image: &str,
    host: &Host,
    images: &[Wanted],
) -> Result<Store, StoreError> {
    let unknown = || StoreError::Unknown(host.storage.driver.clone());
    let layout = Layout::of(&host.storage).ok_or_else(unknown)?;
    start_helper(work, helper, helper_image, &layout).await?;
    let mut store = Store {
        engine: work.engine.clone(),
        helper: helper.to_owned(),
        images: Vec::new(),
        documents: Documents::default(),
        layers: BTreeMap::new(),
    };
    let reader = Reader { work, helper };
    for image in images {
        let found = match &layout {
            Layout::Docker { driver, .. } => {
                store.unpacked(&reader, &Unpacked(driver), image).await?
            }
            Layout::Containerd { .. } => store.content(&reader, image, &host.arch).await?,
        };
        store.images.push(found);
    }
    Ok(store)
}

async fn start_helper(
    work: &Work,
    name: &str,
    image: &str,
    layout: &Layout,
) -> Result<(), StoreError> {
    let mut failure = None;
    for folder in layout.folders() {
        let spec = ContainerSpec {
            name: name.to_owned(),
            hostname: "load".into(),
            image: image.to_owned(),
            labels: [(CREATED_BY_LABEL.to_owned(), format!("skiff-{}", env!("CARGO_PKG_VERSION")))]
                .into(),
            network: Some("none".into()),
            security_opt: vec!["label=disable".into()],
            userns_host: true,
            read_only: [(folder.clone(), SEEN.to_owned())].into(),
            auto_remove: true,
            entrypoint: vec!["sleep".into()],
            command: vec![LIFETIME.into()],
            ..ContainerSpec::default()
        };
        let (engine, name) = (work.engine.clone(), name.to_owned());
        let started = work.whole(async move {
            engine.create_container(&spec).await?;
            engine.start_container(&name).await
        });
        match started.await {
            Ok(()) => return Ok(()),
            Err(WorkError::Cancelled) => return Err(WorkError::Cancelled.into()),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.map_or_else(|| StoreError::Unknown("nothing".into()), StoreError::Work))
}

impl Store {
    /// An image of Docker's own store, whose manifest is lost or never was: it
    /// gets one of uncompressed layers.
    async fn unpacked(
        &mut self,
        reader: &Reader<'_>,
        paths: &Unpacked<'_>,
        (id, diff_ids): &Wanted,
    ) -> Result<LoadImage, StoreError> {
        let chain = chain_ids(diff_ids);
        let mut wanted = vec![paths.config(id)];
        wanted.extend(chain.iter().flat_map(|id| [paths.record(id), paths.cache_id(id)]));
        let mut found = reader.files(&wanted).await?;
        let mut take = |path: String| found.remove(&path).ok_or(StoreError::NoFile(path));
        let config = self.documents.add(oci::CONFIG, take(paths.config(id))?);
        let mut layers = Vec::new();
        for (diff_id, chain) in diff_ids.iter().zip(&chain) {
            let record = take(paths.record(chain))?;
            let cache_id = take(paths.cache_id(chain))?;
            let path = paths.folder(String::from_utf8_lossy(&cache_id).trim());
            let (size, files) = tar_split::summary(&record)?;
            layers.push(Descriptor::new(oci::LAYER, diff_id.clone(), size));
            let layer = Layer::Folder { path, record, files: files.into(), size };
            self.layers.insert(diff_id.clone(), layer);
        }
        let manifest = self.documents.add(oci::MANIFEST, oci::manifest(config, layers));
        Ok(self.documents.image(&manifest.digest, "", &|_| true)?)
    }

    /// An image of containerd's store, of which perhaps one platform is here.
    async fn content(
        &mut self,
        reader: &Reader<'_>,
        (id, _): &Wanted,
        architecture: &str,
    ) -> Result<LoadImage, StoreError> {
        self.read(reader, std::slice::from_ref(id)).await?;
        if let Root::Index(index) = self.documents.root(id)? {
            let children: Vec<Digest> = index.manifests.into_iter().map(|m| m.digest).collect();
            self.read(reader, &children).await?;
        }
        let manifests = self.documents.manifests(id)?;
        let configs: Vec<Digest> = manifests.iter().map(|m| m.config.digest.clone()).collect();
        self.read(reader, &configs).await?;
        let layers = manifests.iter().flat_map(|manifest| &manifest.layers);
        let layers: Vec<String> = layers.map(|layer| layout::blob(&layer.digest)).collect();
        for (path, size) in reader.sizes(&layers).await? {
            let digest = format!("sha256:{}", path.rsplit('/').next().unwrap_or_default());
            if let Some(digest) = Digest::parse(&digest) {
                self.layers.insert(digest, Layer::Blob { path, size });
            }
        }
        let layers = &self.layers;
        Ok(self.documents.image(id, architecture, &|digest| layers.contains_key(digest))?)
    }

    /// Reads those documents that are there.
    async fn read(&mut self, reader: &Reader<'_>, digests: &[Digest]) -> Result<(), StoreError> {
        let paths: Vec<String> = digests.iter().map(layout::blob).collect();
        for bytes in reader.files(&paths).await?.into_values() {
            self.documents.add(oci::CONFIG, bytes);
        }
        Ok(())
    }

    /// A layer's length in bytes, as it is sent.
    pub fn size(&self, digest: &Digest) -> Option<u64> {
        match self.layers.get(digest)? {
            Layer::Blob { size, .. } | Layer::Folder { size, .. } => Some(*size),
        }
    }

    /// A layer's bytes; whether they have that digest is for the reader to see.
    ///
    /// # Errors
    /// The engine's.
    pub async fn layer(&self, digest: &Digest) -> Result<Bytestream, EngineError> {
        let missing = || EngineError::other("reading a layer", format!("{digest} is unknown"));
        match self.layers.get(digest).ok_or_else(missing)? {
            Layer::Blob { path, .. } => {
                let command = Command::new(["cat".to_owned(), format!("{SEEN}/{path}")]);
                Ok(stdout(self.engine.exec(&self.helper, command).await?))
            }
            Layer::Folder { path, record, files, .. } => {
                let script = "cd \"$0\" && exec xargs -0 -r cat --";
                let command = Command::new(["sh", "-c", script, &format!("{SEEN}/{path}")]);
                let said = self.engine.exec(&self.helper, command.stdin(files.clone())).await?;
                Ok(joined(tar_split::parts(Cursor::new(record.clone())), stdout(said)))
            }
        }
    }
}

/// A layer's archive: the parts in their order, with the contents of files
/// taken from a stream that holds them one after the other.
fn joined(
    parts: impl Iterator<Item = io::Result<Part>> + Send + 'static,
    contents: Bytestream,
) -> Bytestream {
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

/// What a command writes, an error if it fails.
fn stdout(said: Saying) -> Bytestream {
    said.filter_map(|piece| async {
        match piece {
            Ok(Said::Stdout(bytes)) => Some(Ok(bytes)),
            Ok(Said::Stderr(_) | Said::Exit(0)) => None,
            Ok(Said::Exit(code)) => Some(Err(io::Error::other(format!("exit status {code}")))),
            Err(error) => Some(Err(io::Error::other(error))),
        }
    })
    .boxed()
}

/// Reads small files through the helper.
struct Reader<'a> {
    work: &'a Work,
    helper: &'a str,
}

impl Reader<'_> {
    /// The contents of those files that exist.
    async fn files(&self, paths: &[String]) -> Result<BTreeMap<String, Bytes>, StoreError> {
        let script = "cd \"$0\" && for file; do [ ! -f \"$file\" ] || echo \"$file\"; done | tar -chf - -T -";
        let archive = self.work.run_told(self.helper, self.command(script, paths), |_| {}).await?;
        let mut found = BTreeMap::new();
        for entry in tar::Archive::new(&archive[..]).entries()? {
            let mut entry = entry?;
            let path = entry.path()?.to_string_lossy().into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            found.insert(path, bytes.into());
        }
        Ok(found)
    }

    /// The lengths of those files that exist.
    async fn sizes(&self, paths: &[String]) -> Result<Vec<(String, u64)>, StoreError> {
        let script = "cd \"$0\" && for file; do stat -c '%n %s' \"$file\" 2>/dev/null; done; true";
        let said = self.work.run(self.helper, self.command(script, paths)).await?;
        let line = |line: &str| {
            let (path, size) = line.rsplit_once(' ')?;
            Some((path.to_owned(), size.parse().ok()?))
        };
        Ok(said.lines().filter_map(line).collect())
    }

    fn command(&self, script: &str, paths: &[String]) -> Command {
        let start = ["sh", "-c", script, SEEN].map(str::to_owned);
        Command::new(start.into_iter().chain(paths.iter().cloned()))
    }
}
