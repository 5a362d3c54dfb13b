//! A registry in this process, for the time of one load; nodes pull from it.
//!
//! Pulling is by far the cheapest way into containerd (measured with 20 layers
//! of 123 MB: 12 s and 9 s of processor time, `ctr images import` 60 s and
//! more), because the daemon itself reads from the network, unpacks while it
//! reads, and asks only for layers that it does not have. Nothing is kept in
//! memory or on disk: each request reads its layer where the engine keeps it.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::outcome::Sent;
use super::store::EngineImages;
use crate::image::{Digest, PlatformImage};
use crate::text;

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A port of this host at which a registry is going to answer.
pub(super) struct RegistryPort {
    listener: TcpListener,
    address: SocketAddr,
    token: String,
}

/// Answers until it is dropped.
pub(super) struct Registry {
    pub address: SocketAddr,
    token: String,
    task: JoinHandle<()>,
}

struct Server {
    store: Arc<EngineImages>,
    /// Only requests with it are answered: other processes reach the port, too.
    token: String,
    sent: Vec<Arc<Sent>>,
}

impl RegistryPort {
    /// Takes a free port at an address of this host.
    ///
    /// # Errors
    /// Fails if the address belongs to another host, as with an engine in a virtual
    /// machine, or if the system has no random numbers.
    pub(super) async fn open(address: IpAddr) -> std::io::Result<RegistryPort> {
        let listener = TcpListener::bind(SocketAddr::new(address, 0)).await?;
        let (address, token) =
            (listener.local_addr()?, text::random_hex(8).map_err(std::io::Error::other)?);
        Ok(RegistryPort { listener, address, token })
    }
}

impl Registry {
    /// Answers at `port`; `sent` has an entry for each node.
    pub(super) fn start(
        RegistryPort { listener, address, token }: RegistryPort,
        store: Arc<EngineImages>,
        sent: Vec<Arc<Sent>>,
    ) -> Registry {
        let server = Arc::new(Server { store, token: token.clone(), sent });
        Registry { address, token, task: tokio::spawn(accept(listener, server)) }
    }

    /// The URL at which the node with this number finds an image, by any tag.
    pub(super) fn url(&self, node: usize, image: &PlatformImage) -> String {
        format!("http://{}/{}/{node}/{}/v2", self.address, self.token, image.root.digest.hex())
    }
}

impl Drop for Registry {
    /// Ends connections, too: a node's pull then fails, and containerd cleans up.
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, server: Arc<Server>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let server = server.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| answer(request, server.clone()));
            // If a node hangs up, its own command has the error.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer<B>(request: Request<B>, server: Arc<Server>) -> Result<Response<Body>, Infallible> {
    let head_only = request.method() == Method::HEAD;
    let answer = match server.parse_path(request.uri().path()) {
        Some((sent, digest)) => server.content(&sent, &digest, head_only).await,
        None => None,
    };
    Ok(answer.unwrap_or_else(|| {
        let mut answer = Response::new(full_body(Bytes::new()));
        *answer.status_mut() = StatusCode::NOT_FOUND;
        answer
    }))
}

impl Server {
    /// `/TOKEN/NODE/ROOT/v2/NAME/manifests/DIGEST`, or `blobs`. The name may be
    /// any; a tag in place of the digest stands for the root.
    fn parse_path(&self, path: &str) -> Option<(Arc<Sent>, Digest)> {
        let mut parts = path.strip_prefix('/')?.split('/');
        if parts.next()? != self.token {
            return None;
        }
        let node: usize = parts.next()?.parse().ok()?;
        let root = Digest::from_hex(parts.next()?)?;
        let digest = Digest::parse(parts.next_back()?).unwrap_or(root);
        Some((self.sent.get(node)?.clone(), digest))
    }

    async fn content(
        &self,
        sent: &Arc<Sent>,
        digest: &Digest,
        head_only: bool,
    ) -> Option<Response<Body>> {
        let (media_type, size, body) = match self.store.documents.0.get(digest) {
            Some(document) => {
                let bytes = document.bytes.clone();
                (document.media_type.as_str(), bytes.len() as u64, full_body(bytes))
            }
            None => {
                let size = self.store.size(digest)?;
                let body = if head_only {
                    full_body(Bytes::new())
                } else {
                    self.layer(sent, digest).await?
                };
                ("application/octet-stream", size, body)
            }
        };
        let answer = Response::builder()
            .header(header::CONTENT_TYPE, media_type)
            .header(header::CONTENT_LENGTH, size)
            .header("Docker-Content-Digest", digest.to_string());
        answer.body(if head_only { full_body(Bytes::new()) } else { body }).ok()
    }

    async fn layer(&self, sent: &Arc<Sent>, digest: &Digest) -> Option<Body> {
        let layer = self.store.layer(digest).await.ok()?;
        sent.layers.fetch_add(1, Ordering::Relaxed);
        let sent = sent.clone();
        let counted = layer.inspect_ok(move |piece| {
            sent.bytes.fetch_add(piece.len() as u64, Ordering::Relaxed);
        });
        Some(StreamBody::new(counted.map_ok(Frame::data)).boxed_unsync())
    }
}

fn full_body(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
