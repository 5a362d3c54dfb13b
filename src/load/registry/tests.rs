//! What clients can do wrong: each of it ends at most their own connection.

use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::stream;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::connections::{STRANGERS, TRUSTED, answer_all};
use super::*;
use crate::image::Digest;

const MANIFEST: &[u8] = b"{\"manifest\": true}";
/// More than a connection takes before the client reads.
const LAYER: &[u8] = &[7; 256 * 1024];
const NODES: [&str; 2] = ["172.18.0.2", "172.18.0.3"];
/// Nothing here takes so long; with the clock paused it is over at once.
const LONG: Duration = Duration::from_secs(3600);

type Accepted = std::io::Result<(DuplexStream, SocketAddr)>;

/// A registry, and clients at any address.
struct Lab {
    connect: mpsc::UnboundedSender<Accepted>,
    server: Arc<Server>,
    _task: tokio_util::task::AbortOnDropHandle<()>,
}

impl Lab {
    fn start() -> Lab {
        let client = |address: &str| Client {
            addresses: vec![address.parse().unwrap(), "fc00::2".parse().unwrap()],
            sent: Arc::default(),
        };
        let store = EngineImages::fixture(MANIFEST, LAYER);
        let server = Arc::new(Server::new(store, NODES.map(client).into()).unwrap());
        let (connect, accepted) = mpsc::unbounded_channel();
        let incoming =
            stream::unfold(accepted, async |mut accepted| Some((accepted.recv().await?, accepted)));
        let task = tokio::spawn(answer_all(incoming, server.clone()));
        Lab { connect, server, _task: tokio_util::task::AbortOnDropHandle::new(task) }
    }

    fn connect(&self, from: &str) -> DuplexStream {
        let (client, server) = duplex(4096);
        let peer = SocketAddr::new(from.parse().unwrap(), 40000);
        self.connect.send(Ok((server, peer))).unwrap();
        client
    }

    fn path(&self, node: usize, rest: &str) -> String {
        let root = Digest::of(MANIFEST);
        format!("{}/{rest}", request::base(self.server.secrets[node].reveal(), node, &root))
    }

    /// Everything that is answered to these bytes until the connection ends.
    async fn answer(&self, from: &str, sent: &[u8]) -> String {
        let mut client = self.connect(from);
        // It may be closed before all is sent.
        let _ = client.write_all(sent).await;
        ended(&mut client).await
    }

    async fn get(&self, from: &str, path: &str) -> String {
        self.answer(from, &request(path)).await
    }

    /// Whether the nodes are still served.
    async fn works(&self) -> bool {
        for (node, address) in NODES.iter().enumerate() {
            let answer = self.get(address, &self.path(node, "app/manifests/1")).await;
            if !answer.ends_with("{\"manifest\": true}") {
                return false;
            }
        }
        true
    }
}

fn request(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: registry\r\nConnection: close\r\n\r\n").into_bytes()
}

/// What comes until the connection ends.
async fn ended(client: &mut DuplexStream) -> String {
    let mut answer = Vec::new();
    let read = timeout(LONG, client.read_to_end(&mut answer)).await;
    let _ = read.expect("the connection is not ended");
    String::from_utf8_lossy(&answer).into_owned()
}

fn is_refused(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 404 ")
        && answer.to_lowercase().contains("connection: close")
        && answer.ends_with("\r\n\r\n")
}

#[tokio::test]
async fn a_node_gets_what_it_asks_for() {
    let lab = Lab::start();
    assert!(lab.works().await);
    let blob = lab.path(1, &format!("a/b/blobs/{}", Digest::of(LAYER)));
    let answer = lab.get(NODES[1], &blob).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert_eq!(answer.len() - answer.find("\r\n\r\n").unwrap() - 4, LAYER.len());
    let sent = &lab.server.clients[1].sent;
    assert_eq!(sent.bytes.load(Ordering::Relaxed), LAYER.len() as u64);
    let head = String::from_utf8(request(&blob)).unwrap().replace("GET", "HEAD");
    let answer = lab.answer(NODES[1], head.as_bytes()).await;
    assert!(answer.contains("200 OK") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(sent.bytes.load(Ordering::Relaxed), LAYER.len() as u64);
}

#[tokio::test]
async fn only_a_node_with_its_own_secret_at_its_own_address_is_answered() {
    let lab = Lab::start();
    let good = lab.path(0, "app/manifests/1");
    let secret = lab.server.secrets[0].reveal();
    for path in [
        "/v2/".to_owned(),
        good.replace(secret, &"0".repeat(secret.len())),
        good.replace(secret, ""),
        good.replace(secret, &secret[1..]),
        good.replace(secret, &secret.to_uppercase()).replace("/0/", "/7/"),
        good.replace("/0/", "/1/"),
    ] {
        assert!(is_refused(&lab.get(NODES[0], &path).await), "{path}");
    }
    assert!(is_refused(&lab.get(NODES[1], &good).await), "another node with a stolen secret");
    for stranger in ["172.18.0.4", "172.17.0.2", "127.0.0.1", "192.168.0.9", "::1"] {
        assert_eq!(lab.get(stranger, &good).await, "", "{stranger} is not even read");
    }
    assert!(lab.get("::ffff:172.18.0.2", &good).await.contains("200 OK"), "the same address");
    assert!(lab.works().await);
}

#[tokio::test]
async fn no_path_leads_to_anything_else() {
    let lab = Lab::start();
    let unknown = Digest::of(b"not loaded");
    for rest in [
        "../../../../../../etc/passwd",
        "app/blobs/../../../../etc/passwd",
        "app/blobs/..%2f..%2fetc%2fpasswd",
        "app/blobs//etc/passwd",
        "app/manifests/../../etc/passwd",
        "app/tags/list",
        &format!("app/manifests/{unknown}"),
        &format!("app/blobs/{unknown}"),
    ] {
        let answer = lab.get(NODES[0], &lab.path(0, rest)).await;
        assert!(answer.starts_with("HTTP/1.1 404 ") && answer.ends_with("\r\n\r\n"), "{rest}");
    }
    assert!(lab.works().await);
}

#[tokio::test]
async fn other_methods_are_refused_without_reading_their_bodies() {
    let lab = Lab::start();
    for method in ["POST", "PUT", "DELETE", "CONNECT", "OPTIONS"] {
        let path = lab.path(0, "app/manifests/1");
        let head = format!("{method} {path} HTTP/1.1\r\nHost: r\r\nContent-Length: 999999\r\n\r\n");
        let answer = lab.answer(NODES[0], head.as_bytes()).await;
        assert!(!answer.contains("200 OK") && !answer.is_empty(), "{method}: {answer}");
    }
    assert!(lab.works().await);
}

#[tokio::test]
async fn garbage_ends_a_connection() {
    let lab = Lab::start();
    let noise: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    for garbage in [
        &noise[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS client\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\r\n\r\n\r\n\0\0\0\r\n\r\n",
    ] {
        let answer = lab.answer(NODES[0], garbage).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    assert!(lab.works().await);
}

#[tokio::test]
async fn a_huge_head_is_refused() {
    let lab = Lab::start();
    let path = lab.path(0, "app/manifests/1");
    let long = format!("GET {path} HTTP/1.1\r\nHost: r\r\nX: {}\r\n\r\n", "x".repeat(20 << 10));
    let many = format!("GET {path} HTTP/1.1\r\nHost: r\r\n{}\r\n", "X: x\r\n".repeat(70));
    let path = format!("GET /{} HTTP/1.1\r\nHost: r\r\n\r\n", "x".repeat(1 << 20));
    for head in [long, many, path] {
        let answer = lab.answer(NODES[0], head.as_bytes()).await;
        let refused = answer.starts_with("HTTP/1.1 431 ") || answer.starts_with("HTTP/1.1 414 ");
        assert!(refused, "{answer}");
    }
    assert!(lab.works().await);
}

/// The clock is paused: it goes on when nothing else is left to do.
#[tokio::test(start_paused = true)]
async fn a_slow_head_and_a_silent_client_run_out_of_time() {
    let lab = Lab::start();
    let whole = request(&lab.path(0, "app/manifests/1"));
    for length in [0, 1, whole.len() / 2, whole.len() - 1] {
        let mut client = lab.connect(NODES[0]);
        client.write_all(&whole[..length]).await.unwrap();
        assert!(!ended(&mut client).await.contains("200 OK"), "{length} bytes");
    }
    // One byte after the other does not help.
    let mut client = lab.connect(NODES[0]);
    let mut left = whole.iter().cycle();
    let drip = async {
        while client.write_all(&[*left.next().unwrap()]).await.is_ok() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    timeout(LONG, drip).await.expect("the connection is not ended");
    // Nor does one that had an answer and stays.
    let mut client = lab.connect(NODES[0]);
    let keep = String::from_utf8(whole).unwrap().replace("Connection: close\r\n", "");
    client.write_all(keep.as_bytes()).await.unwrap();
    assert!(ended(&mut client).await.contains("200 OK"));
}

/// Waits until the registry has done what it can.
async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

/// Whether the other side still holds the connection.
async fn is_open(client: &mut DuplexStream) -> bool {
    let mut byte = [0];
    let read = std::future::poll_fn(|cx| {
        let mut buffer = tokio::io::ReadBuf::new(&mut byte);
        let polled = tokio::io::AsyncRead::poll_read(Pin::new(&mut *client), cx, &mut buffer);
        std::task::Poll::Ready(polled.is_pending())
    });
    // Not limited to some polls at a time.
    tokio::task::unconstrained(read).await
}

#[tokio::test]
async fn thousands_of_connections_are_bounded_and_nodes_are_served_among_them() {
    let lab = Lab::start();
    let mut flood = Vec::new();
    for round in 0..40 {
        flood.extend((0..100).map(|_| lab.connect(NODES[round % 2])));
        settle().await;
        assert!(lab.works().await, "round {round}");
    }
    let mut held = 0;
    for client in &mut flood {
        held += usize::from(is_open(client).await);
    }
    assert!(held <= STRANGERS * NODES.len(), "{held} connections are held");
}

#[tokio::test]
async fn a_pull_under_way_is_not_pushed_out_and_a_node_has_a_bound_too() {
    let lab = Lab::start();
    let blob = request(&lab.path(0, &format!("app/blobs/{}", Digest::of(LAYER))));
    let mut pulls = Vec::new();
    for _ in 0..2 * TRUSTED {
        let mut client = lab.connect(NODES[0]);
        let _ = client.write_all(&blob).await;
        settle().await;
        pulls.push(client);
    }
    let flood: Vec<_> = (0..3 * STRANGERS).map(|_| lab.connect(NODES[0])).collect();
    settle().await;
    drop(flood);
    let mut whole = 0;
    for mut client in pulls {
        whole += usize::from(ended(&mut client).await.len() > LAYER.len());
    }
    assert_eq!(whole, TRUSTED);
    settle().await;
    assert!(lab.works().await);
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_disturbs_nobody() {
    let lab = Lab::start();
    let blob = request(&lab.path(0, &format!("app/blobs/{}", Digest::of(LAYER))));
    let mut other = lab.connect(NODES[0]);
    other.write_all(&blob).await.unwrap();
    for read in [0, 1, 5000] {
        let mut client = lab.connect(NODES[0]);
        client.write_all(&blob).await.unwrap();
        client.read_exact(&mut vec![0; read]).await.unwrap();
        drop(client);
        let mut half_a_request = lab.connect(NODES[0]);
        half_a_request.write_all(&blob[..20]).await.unwrap();
    }
    assert!(ended(&mut other).await.len() > LAYER.len());
    assert!(lab.works().await);
}

/// So a process that has no file descriptor left gets some back.
#[tokio::test]
async fn after_a_failure_to_accept_the_oldest_without_a_secret_goes() {
    let lab = Lab::start();
    let blob = request(&lab.path(0, &format!("app/blobs/{}", Digest::of(LAYER))));
    let mut pull = lab.connect(NODES[0]);
    pull.write_all(&blob).await.unwrap();
    settle().await;
    let (mut first, mut second) = (lab.connect(NODES[0]), lab.connect(NODES[1]));
    lab.connect.send(Err(ErrorKind::Other.into())).unwrap();
    settle().await;
    assert!(!is_open(&mut first).await && is_open(&mut second).await);
    assert!(ended(&mut pull).await.len() > LAYER.len());
}

/// As with no file descriptor left, or a client that has gone before it is accepted.
#[tokio::test(start_paused = true)]
async fn failures_to_accept_are_survived() {
    let lab = Lab::start();
    for kind in [ErrorKind::ConnectionAborted, ErrorKind::Other, ErrorKind::OutOfMemory] {
        for _ in 0..100 {
            lab.connect.send(Err(kind.into())).unwrap();
        }
        assert!(lab.works().await, "{kind}");
    }
}

/// The same over a real socket, and what dropping the registry means.
#[tokio::test]
async fn it_answers_at_its_port_until_it_is_dropped() {
    let port = RegistryPort::open(&["127.0.0.1".parse().unwrap()]).await.unwrap();
    let address = port.address;
    let client = Client { addresses: vec![address.ip()], sent: Arc::default() };
    let store = EngineImages::fixture(MANIFEST, LAYER);
    let registry = Registry::start(port, store, vec![client]).unwrap();
    let base = request::base(registry.server.secrets[0].reveal(), 0, &Digest::of(MANIFEST));
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    client.write_all(&request(&format!("{base}/app/manifests/1"))).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("200 OK"), "{answer}");
    let output = format!("ctr: cannot pull http://{address}{base}/app: EOF");
    let error = RunError::Command { node: "n".into(), argv: Vec::new(), code: 1, output };
    let RunError::Command { output, .. } = registry.conceal(error) else { unreachable!() };
    assert!(output.starts_with(&format!("ctr: cannot pull http://{address}/xxxxx/0/")), "{output}");
    let mut open = tokio::net::TcpStream::connect(address).await.unwrap();
    drop(registry);
    assert!(open.read_to_string(&mut answer).await.is_err() || answer.ends_with('}'));
}
