use std::sync::{Arc, Mutex};

use rcgen::CertifiedKey;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::engine::fake::FakeEngine;
use crate::progress::Progress;

const TEXT: &str = "kind: ConfigMap";

/// A server on this machine, and the paths that it was asked for.
#[derive(Clone)]
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers each path with a status, and with a body or the target of a redirect.
    async fn start(answers: fn(&str) -> (u16, String), tls: Option<TlsAcceptor>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = Server { address, asked: Arc::default() };
        let here = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                match &tls {
                    None => here.answer(stream, answers).await,
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => here.answer(stream, answers).await,
                        Err(_) => continue,
                    },
                }
            }
        });
        server
    }

    async fn answer(
        &self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        answers: fn(&str) -> (u16, String),
    ) {
        let mut request = [0; 4096];
        let length = stream.read(&mut request).await.unwrap_or_default();
        let request = String::from_utf8_lossy(&request[..length]).into_owned();
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        let (status, text) = answers(&path);
        self.asked.lock().unwrap().push(path);
        let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nLocation: {text}");
        let answer = format!("{head}\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        let _ = stream.write_all(answer.as_bytes()).await;
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn answers(path: &str) -> (u16, String) {
    match path {
        "/text" => (200, TEXT.into()),
        "/moved" => (302, "/text".into()),
        "/round" => (302, "/round".into()),
        "/broken" => (503, "later".into()),
        "/often" => (429, "later".into()),
        _ => (404, "nothing here".into()),
    }
}

/// Downloads into an empty directory for copies, or one with a copy of the URL.
struct Lab {
    copies: TempDir,
    ctx: Context,
}

impl Lab {
    fn new() -> Lab {
        let engine = Arc::new(FakeEngine::default());
        let ctx = Context::new(engine, Progress::silent(), CancellationToken::new());
        Lab { copies: tempfile::tempdir().unwrap(), ctx }
    }

    fn with_copy(self, url: &str, text: &str) -> Lab {
        let copy = self.copies.path().join(content::sha256(url.as_bytes()));
        std::fs::write(copy, text).unwrap();
        self
    }

    async fn get(&self, url: &str, sha256: Option<&str>) -> Result<String, AddonError> {
        let copies = [self.copies.path().to_owned()];
        let bytes = get_or_copy(&self.ctx, &copies, url, sha256).await?;
        Ok(String::from_utf8(bytes).unwrap())
    }
}

#[tokio::test]
async fn plain_http_needs_a_digest() {
    let server = Server::start(answers, None).await;
    for url in [server.url("/text"), server.url("/text").replace("http", "HTTP")] {
        let lab = Lab::new().with_copy(&url, TEXT);
        let error = lab.get(&url, None).await.unwrap_err();
        assert!(matches!(error, AddonError::Unprotected { .. }), "{url}: {error}");
    }
    assert!(server.asked.lock().unwrap().is_empty(), "nothing was asked for");
    let digest = content::sha256(TEXT.as_bytes());
    for path in ["/text", "/moved"] {
        assert_eq!(Lab::new().get(&server.url(path), Some(digest.as_str())).await.unwrap(), TEXT);
        let error = Lab::new().get(&server.url(path), Some("00")).await.unwrap_err();
        assert!(matches!(error, AddonError::Checksum { .. }), "{path}: {error}");
    }
    let error = Lab::new().get(&server.url("/round"), Some(digest.as_str())).await.unwrap_err();
    assert!(error.to_string().contains("more than 10 times"), "{error}");
}

#[test]
fn redirects_do_not_leave_https() {
    let url = |text: &str| Url::parse(text).unwrap();
    for (previous, next, fine) in [
        (&["https://a/"][..], "https://b/", true),
        (&["https://a/"], "http://a/", false),
        (&["https://a/", "https://b/"], "http://b/", false),
        (&["http://a/"], "http://b/", true),
        (&["http://a/"], "https://b/", true),
        (&["http://a/", "https://b/"], "http://c/", false),
        (&["https://a/"; 11], "https://a/", false),
    ] {
        let previous: Vec<Url> = previous.iter().map(|text| url(text)).collect();
        assert_eq!(check_redirect(&previous, &url(next)).is_ok(), fine, "{previous:?} {next}");
    }
}

/// Only where nobody answers.
#[tokio::test]
async fn a_copy_does_not_hide_what_went_wrong() {
    let server = Server::start(answers, None).await;
    let digest = content::sha256(TEXT.as_bytes());
    let gone = "http://127.0.0.1:1/gone";
    assert_eq!(
        Lab::new().with_copy(gone, TEXT).get(gone, Some(digest.as_str())).await.unwrap(),
        TEXT
    );
    let nobody = "https://127.0.0.1:1/gone";
    assert_eq!(Lab::new().with_copy(nobody, TEXT).get(nobody, None).await.unwrap(), TEXT);
    let error = Lab::new().get(nobody, None).await.unwrap_err();
    assert!(matches!(error, AddonError::Download { .. }), "{error}");

    for (path, is_temporary) in [("/broken", true), ("/often", true), ("/absent", false)] {
        let failure = fetch(&server.url(path)).await.unwrap_err();
        assert_eq!(matches!(failure, Failure::Unreachable(_)), is_temporary, "{path}");
    }
    let (absent, broken) = (server.url("/absent"), server.url("/broken"));
    let error =
        Lab::new().with_copy(&absent, "old").get(&absent, Some(digest.as_str())).await.unwrap_err();
    assert!(error.to_string().contains("404"), "{error}");
    let error =
        Lab::new().with_copy(&broken, "old").get(&broken, Some(digest.as_str())).await.unwrap_err();
    assert!(matches!(error, AddonError::Checksum { .. }), "a copy is checked as well: {error}");
}

#[tokio::test]
async fn a_copy_does_not_hide_a_wrong_certificate() {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let server = Server::start(answers, Some(TlsAcceptor::from(Arc::new(config)))).await;
    let url = server.url("/text").replace("http", "https");
    let error = Lab::new().with_copy(&url, "old").get(&url, None).await.unwrap_err();
    let AddonError::Download { reason, .. } = &error else { panic!("{error}") };
    assert!(reason.contains("certificate"), "{reason}");
    assert!(server.asked.lock().unwrap().is_empty());
}
