//! An engine behind TLS: pretended, or a real one's socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Signs certificates for engines and clients.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key.
    fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    /// What `DOCKER_CERT_PATH` names.
    pub fn client(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = self.issue();
        for (name, text) in [("ca.pem", self.pem()), ("cert.pem", certificate), ("key.pem", key)] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    /// Takes connections of clients that have a certificate of this authority, or
    /// of all.
    fn acceptor(&self, clients_are_known: bool) -> TlsAcceptor {
        let provider = Arc::new(default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem().as_bytes()).unwrap()).unwrap();
        let clients =
            WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).build();
        let (certificate, key) = self.issue();
        let clients = if clients_are_known {
            clients.unwrap()
        } else {
            WebPkiClientVerifier::no_client_auth()
        };
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            );
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }
}

/// What a connection leads to.
#[derive(Clone)]
enum Behind {
    Nothing,
    Socket(PathBuf),
    Port(SocketAddr),
}

/// Serves until the test process ends; returns the port.
fn serve(acceptor: TlsAcceptor, address: Ipv4Addr, behind: Behind) -> u16 {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::bind((address, 0)).await.unwrap();
            tell.send(listener.local_addr().unwrap().port()).unwrap();
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    // A client that is refused is what some tests want.
                    let Ok(tls) = acceptor.accept(tcp).await else { return };
                    match behind {
                        Behind::Nothing => answer(tls).await,
                        Behind::Socket(path) => {
                            relay(tls, UnixStream::connect(path).await.unwrap()).await
                        }
                        Behind::Port(port) => {
                            relay(tls, TcpStream::connect(port).await.unwrap()).await
                        }
                    }
                });
            }
        });
    });
    told.recv().unwrap()
}

fn engine(authority: &Authority, behind: Behind) -> String {
    format!("tcp://localhost:{}", serve(authority.acceptor(true), Ipv4Addr::LOCALHOST, behind))
}

/// An engine that has nothing: every list is empty.
pub fn pretend_engine(authority: &Authority) -> String {
    engine(authority, Behind::Nothing)
}

/// The engine behind a socket, reached with TLS.
pub fn engine_behind_tls(authority: &Authority, socket: &Path) -> String {
    engine(authority, Behind::Socket(socket.to_owned()))
}

/// Another server with TLS, on a port of every address, for every client.
pub fn server_behind_tls(authority: &Authority, server: SocketAddr) -> u16 {
    serve(authority.acceptor(false), Ipv4Addr::UNSPECIFIED, Behind::Port(server))
}

async fn answer(mut client: impl AsyncRead + AsyncWrite + Unpin) {
    let mut request = [0; 4096];
    while client.read(&mut request).await.is_ok_and(|read| read > 0) {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]";
        if client.write_all(answer).await.is_err() {
            return;
        }
    }
}

async fn relay(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut server: impl AsyncRead + AsyncWrite + Unpin,
) {
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}
