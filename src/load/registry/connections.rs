//! The connections of the registry. Whoever connects, and whatever is sent, the
//! next node is answered.
//!
//! Pods reach the registry as well, and those of a node under the node's own
//! address. So connections are trusted only from their first request with a secret.
//! Until then they have little time and space, and if there are too many, the newest
//! takes the place of the oldest.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::{Stream, StreamExt, stream};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

use super::server::{self, Server};

/// How long a client may take to send the head of a request, or to begin another.
const HEAD_LIMIT: Duration = Duration::from_secs(10);
/// Bytes in the head of a request; containerd sends some hundred.
const HEAD_SIZE: usize = 16 * 1024;
const HEADERS: usize = 64;
/// Connections from one address that have not shown a secret.
pub(super) const STRANGERS: usize = 64;
/// Connections from one address that have. containerd needs a few for each image.
pub(super) const TRUSTED: usize = 64;
/// After a failure to accept, until connections have ended.
const PAUSE: Duration = Duration::from_millis(50);

struct Connection {
    peer: IpAddr,
    is_trusted: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Connection {
    fn is_stranger(&self) -> bool {
        !self.is_trusted.load(Ordering::Relaxed)
    }
}

/// The connections that a listener accepts, and its failures to do so.
pub(super) fn incoming(
    listener: TcpListener,
) -> impl Stream<Item = io::Result<(tokio::net::TcpStream, SocketAddr)>> {
    stream::unfold(listener, async |listener| Some((listener.accept().await, listener)))
}

/// Answers connections as long as they come in. Dropping it ends them all.
pub(super) async fn answer_all<Io>(
    incoming: impl Stream<Item = io::Result<(Io, SocketAddr)>>,
    server: Arc<Server>,
) where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut incoming = std::pin::pin!(incoming);
    let mut tasks = JoinSet::new();
    let mut open: Vec<Connection> = Vec::new();
    while let Some(accepted) = incoming.next().await {
        while tasks.try_join_next().is_some() {}
        open.retain(|connection| !connection.task.is_finished());
        let Ok((stream, peer)) = accepted else {
            // There may be no file descriptor left.
            end_oldest_stranger(&mut open, |_| true);
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let peer = peer.ip().to_canonical();
        if !server.is_node(peer) || !make_room(&mut open, peer) {
            continue;
        }
        let is_trusted = Arc::new(AtomicBool::new(false));
        let task = tasks.spawn(answer(stream, peer, server.clone(), is_trusted.clone()));
        open.push(Connection { peer, is_trusted, task });
    }
    while tasks.join_next().await.is_some() {}
}

/// Whether one more connection from this address is answered. The oldest that has
/// not shown a secret may have to go for it.
fn make_room(open: &mut Vec<Connection>, peer: IpAddr) -> bool {
    let of_peer = open.iter().filter(|connection| connection.peer == peer);
    let (strangers, trusted): (Vec<_>, Vec<_>) = of_peer.partition(|c| c.is_stranger());
    if trusted.len() >= TRUSTED {
        return false;
    }
    if strangers.len() >= STRANGERS {
        end_oldest_stranger(open, |connection| connection.peer == peer);
    }
    true
}

fn end_oldest_stranger(open: &mut Vec<Connection>, which: impl Fn(&Connection) -> bool) {
    if let Some(oldest) = open.iter().position(|c| c.is_stranger() && which(c)) {
        open.remove(oldest).task.abort();
    }
}

async fn answer<Io>(stream: Io, peer: IpAddr, server: Arc<Server>, is_trusted: Arc<AtomicBool>)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (server, is_trusted) = (server.clone(), is_trusted.clone());
        async move {
            let answer = match server.authorized(&request, peer) {
                Some(wanted) => {
                    is_trusted.store(true, Ordering::Relaxed);
                    server.answer(wanted).await
                }
                None => server::refusal(),
            };
            Ok::<_, Infallible>(answer)
        }
    });
    // If a node hangs up, its own command has the error.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_LIMIT)
        .max_header_size(HEAD_SIZE)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
