//! What the registry answers: documents and layers, to the nodes of the load.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::request;
use crate::image::{Digest, PlatformImage};
use crate::load::outcome::Sent;
use crate::load::store::EngineImages;
use crate::secret::Secret;
use crate::text::{self, NoRandom};

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// A node that may pull.
pub(in crate::load) struct Client {
    /// By which the engine knows it; requests come from one of them.
    pub addresses: Vec<IpAddr>,
    pub sent: Arc<Sent>,
}

pub(super) struct Server {
    store: EngineImages,
    pub(super) clients: Vec<Client>,
    /// One for each client.
    pub(super) secrets: Vec<Secret>,
}

/// What a node that may ask asks for.
pub(super) struct Wanted {
    sent: Arc<Sent>,
    digest: Digest,
    head_only: bool,
}

impl Server {
    pub(super) fn new(store: EngineImages, clients: Vec<Client>) -> Result<Server, NoRandom> {
        let secret = |_: &Client| text::random_hex(16).map(Secret::new);
        let secrets = clients.iter().map(secret).collect::<Result<_, _>>()?;
        Ok(Server { store, clients, secrets })
    }

    pub(super) fn base(&self, node: usize, image: &PlatformImage) -> String {
        request::base(self.secrets[node].reveal(), node, &image.root.digest)
    }

    /// Whether connections from this address are answered at all.
    pub(super) fn is_node(&self, peer: IpAddr) -> bool {
        self.clients.iter().any(|client| client.addresses.contains(&peer))
    }

    /// What is wanted, if the client is the node whose secret it has.
    pub(super) fn authorized<B>(&self, request: &Request<B>, peer: IpAddr) -> Option<Wanted> {
        let head_only = match *request.method() {
            Method::GET => false,
            Method::HEAD => true,
            _ => return None,
        };
        let path = request::parse(request.uri().path())?;
        let (client, secret) = (self.clients.get(path.node)?, self.secrets.get(path.node)?);
        // How long digests take to compare says nothing about the secret.
        let is_right = Digest::of(path.secret.as_bytes()) == Digest::of(secret.reveal().as_bytes());
        let may = is_right && client.addresses.contains(&peer);
        may.then(|| Wanted { sent: client.sent.clone(), digest: path.digest, head_only })
    }

    pub(super) async fn answer(&self, wanted: Wanted) -> Response<Body> {
        self.content(wanted).await.unwrap_or_else(not_found)
    }

    async fn content(&self, Wanted { sent, digest, head_only }: Wanted) -> Option<Response<Body>> {
        let (media_type, size, body) = match self.store.documents.0.get(&digest) {
            Some(document) => {
                let bytes = document.bytes.clone();
                (document.media_type.as_str(), bytes.len() as u64, full_body(bytes))
            }
            None => {
                let size = self.store.size(&digest)?;
                let body = if head_only {
                    full_body(Bytes::new())
                } else {
                    self.layer(&sent, &digest).await?
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

fn not_found() -> Response<Body> {
    let mut answer = Response::new(full_body(Bytes::new()));
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}

/// The answer to everybody else, after which the connection ends.
pub(super) fn refusal() -> Response<Body> {
    let mut answer = not_found();
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

fn full_body(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
