//! Loading an archive: read once, sent on to all nodes at the same time, to
//! each without the blobs that it has.
//!
//! Each node gets an OCI layout of its own. What makes it one comes last, so
//! an import that is broken off, for whatever reason, names no image, and the
//! node's containerd throws away what has arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::LoadError;
use super::archive::{self, ArchiveError, Sink};
use super::catalog::{LoadImage, lacking};
use super::node::{self, Interest};
use super::oci::{Descriptor, Digest, Index, NAME_ANNOTATION, Platform};
use super::pull::Outcome;
use super::reference::Reference;
use super::serve::Sent;
use crate::context::{Context, RunError};
use crate::engine::ByteStream;
use crate::node::NodeHandle;

/// Pieces that may wait for a slow node; the others wait with it.
const WAITING: usize = 8;
const BLOCK: usize = 512;
const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

pub type Input = Box<dyn Read + Send>;

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl ImportError {
    /// Says which archive it was.
    pub fn of(self, path: &str) -> LoadError {
        match self {
            ImportError::Run(error) => LoadError::Run(error),
            ImportError::Archive(error) => LoadError::Archive { path: path.to_owned(), error },
        }
    }
}

/// A node, and what it need not be sent.
pub struct Receiver {
    pub node: String,
    pub snapshotter: String,
    pub there: BTreeSet<Digest>,
    pub sent: Arc<Sent>,
}

/// Imports all images of an archive on all of these nodes. `named` says what
/// they are to be called; returns them, and for each node how it went.
///
/// # Errors
/// The archive's, or that the work was cancelled; no node has anything of it then.
pub async fn import(
    ctx: &Context,
    input: Input,
    architecture: &str,
    receivers: &[Receiver],
    named: impl FnOnce(Vec<LoadImage>) -> Vec<LoadImage> + Send + 'static,
) -> Result<Outcome, ImportError> {
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let (feeds, imports): (Vec<Feed>, Vec<_>) =
        receivers.iter().map(|receiver| begin(ctx, receiver, architecture, &stop)).unzip();
    let (tell, told) = oneshot::channel();
    let architecture = architecture.to_owned();
    // A thread of its own: reading a terminal's stdin cannot be broken off, and
    // must not keep the program from ending.
    std::thread::spawn(move || drop(tell.send(pass_on(input, feeds, &architecture, named))));
    let read = ctx.interruptible(async {
        let read = told.await.unwrap_or(Err(ArchiveError::NoImages));
        if read.is_err() {
            stop.cancel();
        }
        Ok::<_, RunError>(read)
    });
    let (read, imported) = tokio::join!(read, join_all(imports));
    let images = match read? {
        // A node that gave up tells more about it itself.
        Err(ArchiveError::Unwanted(_)) => Vec::new(),
        other => other?,
    };
    for receiver in receivers {
        let sent = images.iter().map(|image| lacking(image, &receiver.there).len() as u64).sum();
        receiver.sent.layers.store(sent, Ordering::Relaxed);
    }
    let about = Interest::loaded(images.iter());
    let states = imported.into_iter().zip(receivers).map(async |(imported, receiver)| {
        imported?;
        node::state(ctx, &receiver.node, &about).await
    });
    let states = join_all(states).await;
    Ok((images, states))
}

/// Starts a node's import; without an end until its feed is done or dropped.
fn begin<'a>(
    ctx: &'a Context,
    receiver: &Receiver,
    architecture: &str,
    stop: &CancellationToken,
) -> (Feed, impl Future<Output = Result<(), RunError>> + use<'a>) {
    let (to, pieces) = mpsc::channel(WAITING);
    let (there, sent) = (receiver.there.clone(), receiver.sent.clone());
    let platform =
        Platform { os: "linux".into(), architecture: architecture.into(), variant: None };
    let command = node::import(&platform, &receiver.snapshotter);
    let (node, stop) = (NodeHandle::new(&ctx.without_cancellation(), &receiver.node), stop.clone());
    let stdin = stdin_of(pieces, stop.clone());
    let import = async move {
        let import =
            ctx.run_to_completion(async move { node.stream_in(command, stdin).await }).await;
        if matches!(import, Err(RunError::Cancelled)) {
            stop.cancel();
        }
        import
    };
    (Feed { to, there, sent, open: true, due: false }, import)
}

/// Ends early, and so invalid, when told to stop.
fn stdin_of(pieces: mpsc::Receiver<Bytes>, stop: CancellationToken) -> ByteStream {
    let pieces = stream::unfold(pieces, |mut pieces| async {
        pieces.recv().await.map(|piece| (Ok(piece), pieces))
    });
    pieces.take_until(async move { stop.cancelled().await }).boxed()
}

fn pass_on(
    input: Input,
    feeds: Vec<Feed>,
    architecture: &str,
    named: impl FnOnce(Vec<LoadImage>) -> Vec<LoadImage>,
) -> Result<Vec<LoadImage>, ArchiveError> {
    let mut fan = Fan { feeds, padding: 0 };
    let contents = archive::read(input, &mut fan)?;
    let (images, made) = contents.images(architecture)?;
    let images = named(images);
    for document in made {
        fan.file(&format!("blobs/sha256/{}", Digest::of(&document).hex()), &document)
            .map_err(ArchiveError::Unwanted)?;
    }
    fan.finish(&index(&images)).map_err(ArchiveError::Unwanted)?;
    Ok(images)
}

/// Names every image in every way it is to be called.
fn index(images: &[LoadImage]) -> Vec<u8> {
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

/// One node's archive.
struct Feed {
    to: mpsc::Sender<Bytes>,
    there: BTreeSet<Digest>,
    sent: Arc<Sent>,
    open: bool,
    /// It gets the blob that goes by.
    due: bool,
}

/// Writes all nodes' archives.
struct Fan {
    feeds: Vec<Feed>,
    /// Of the entry before.
    padding: usize,
}

impl Fan {
    /// To those that are due.
    fn write(&mut self, bytes: Bytes) -> io::Result<()> {
        for feed in self.feeds.iter_mut().filter(|feed| feed.open && feed.due) {
            feed.open = feed.to.blocking_send(bytes.clone()).is_ok();
        }
        let anybody = self.feeds.iter().any(|feed| feed.open);
        if anybody { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    }

    /// Ends the entry before, and begins one for whom `due` is true.
    fn entry(&mut self, name: &str, size: u64, due: impl Fn(&Feed) -> bool) -> io::Result<()> {
        self.pad()?;
        let mut header = tar::Header::new_gnu();
        header.set_path(name)?;
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        for feed in &mut self.feeds {
            feed.due = due(feed);
        }
        self.padding = (BLOCK - (size % BLOCK as u64) as usize) % BLOCK;
        self.write(Bytes::copy_from_slice(header.as_bytes()))
    }

    fn pad(&mut self) -> io::Result<()> {
        match std::mem::take(&mut self.padding) {
            0 => Ok(()),
            padding => self.write(vec![0; padding].into()),
        }
    }

    /// An entry for all.
    fn file(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        self.entry(name, text.len() as u64, |_| true)?;
        self.write(Bytes::copy_from_slice(text))
    }

    /// Makes the archives valid.
    fn finish(mut self, index: &[u8]) -> io::Result<()> {
        self.file("oci-layout", LAYOUT)?;
        self.file("index.json", index)?;
        self.pad()?;
        self.write(vec![0; 2 * BLOCK].into())
    }
}

impl Sink for Fan {
    fn begin(&mut self, digest: Option<&Digest>, size: u64) -> io::Result<()> {
        // A blob's name does not matter to containerd, its digest does.
        let name = digest.map_or("blob".to_owned(), |d| format!("blobs/sha256/{}", d.hex()));
        self.entry(&name, size, |feed| digest.is_none_or(|digest| !feed.there.contains(digest)))
    }

    fn piece(&mut self, bytes: &[u8]) -> io::Result<()> {
        for feed in self.feeds.iter().filter(|feed| feed.due && feed.open) {
            feed.sent.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        self.write(Bytes::copy_from_slice(bytes))
    }
}
