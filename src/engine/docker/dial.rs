//! Connections to engines: the socket or pipe of this machine, TLS with the files
//! of a docker context, and the system's ssh. bollard's own cannot close one
//! direction of a pipe, and lack what docker contexts need.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use futures_util::future::BoxFuture;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::tls;
use crate::engine::endpoint::{SshEndpoint, TlsEndpoint};
use crate::platform;

/// How long to wait for the stderr of an ssh that failed.
const STDERR_TIMEOUT: Duration = Duration::from_secs(2);

/// Makes connections to one engine.
#[derive(Clone)]
pub(super) enum Dialler {
    Local { path: PathBuf },
    Tls { address: String, name: ServerName<'static>, connector: TlsConnector },
    Ssh { ssh: SshEndpoint, stderr: Arc<Mutex<Option<JoinHandle<String>>>> },
}

impl Dialler {
    /// A Unix socket or a named pipe.
    pub(super) fn local(path: &Path) -> Self {
        Dialler::Local { path: path.to_owned() }
    }

    /// Reads the TLS files; connects only later.
    ///
    /// # Errors
    /// Returns a sentence that names the TLS file that cannot be used, and why.
    pub(super) fn tls(endpoint: &TlsEndpoint) -> Result<Self, String> {
        let host = endpoint.address.rsplit_once(':').map_or("", |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|e| e.to_string())?;
        let connector = tls::connector(endpoint)?;
        Ok(Dialler::Tls { address: endpoint.address.clone(), name, connector })
    }

    pub(super) fn ssh(endpoint: &SshEndpoint) -> Self {
        Dialler::Ssh { ssh: endpoint.clone(), stderr: Arc::default() }
    }

    /// A client that uses these connections; `timeout` in seconds.
    ///
    /// # Errors
    /// Returns bollard's error if the client cannot be created.
    pub(super) fn client(self, timeout: u64) -> Result<Docker, Error> {
        let mut builder = Client::builder(TokioExecutor::new());
        if let Dialler::Local { .. } = self {
            // A new connection costs nothing, and an old one may lead to an engine
            // that was restarted.
            builder.pool_max_idle_per_host(0);
        }
        let client = builder.build(self.clone());
        let transport = move |request: BollardRequest| {
            let (response, dialler) = (client.request(request), self.clone());
            async move {
                match response.await {
                    Ok(response) => Ok(response),
                    Err(error) => Err(dialler.ssh_error().await.unwrap_or_else(|| error.into())),
                }
            }
        };
        // Only for the Host header of requests.
        let host = Some("http://engine");
        Docker::connect_with_custom_transport(transport, host, timeout, API_DEFAULT_VERSION)
    }

    async fn dial(self) -> io::Result<TokioIo<EngineConnection>> {
        let connection = match self {
            Dialler::Local { path } => {
                EngineConnection(Box::pin(platform::open_pipe(&path).await?))
            }
            Dialler::Tls { address, name, connector } => {
                let tcp = TcpStream::connect(&address).await?;
                tcp.set_nodelay(true)?;
                EngineConnection(Box::pin(connector.connect(name, tcp).await?))
            }
            Dialler::Ssh { ssh, stderr } => {
                let (connection, text) = SshConnection::open(&ssh)?;
                *stderr.lock().expect("no holder panics") = Some(text);
                EngineConnection(Box::pin(connection))
            }
        };
        Ok(TokioIo::new(connection))
    }

    /// The stderr of the latest ssh as an error, if it wrote any.
    async fn ssh_error(&self) -> Option<Error> {
        let Dialler::Ssh { stderr, .. } = self else { return None };
        let text = stderr.lock().expect("no holder panics").take()?;
        let text = tokio::time::timeout(STDERR_TIMEOUT, text).await.ok()?.ok()?;
        let text = text.trim();
        (!text.is_empty()).then(|| {
            let text = format!("cannot connect by ssh: {text}");
            Error::IOError { err: io::Error::new(io::ErrorKind::NotConnected, text) }
        })
    }
}

impl<T> tower_service::Service<T> for Dialler {
    type Response = TokioIo<EngineConnection>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<TokioIo<EngineConnection>>>;

    fn poll_ready(&mut self, _: &mut Context) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: T) -> Self::Future {
        Box::pin(self.clone().dial())
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

/// A connection of any kind.
pub(super) struct EngineConnection(Pin<Box<dyn Duplex>>);

impl Connection for EngineConnection {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for EngineConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(cx, buffer)
    }
}

impl AsyncWrite for EngineConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(cx)
    }
}

/// `docker system dial-stdio` on the remote host, as in the docker client.
struct SshConnection {
    /// `None` if closed: the shutdown of a pipe does nothing.
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
}

impl SshConnection {
    /// The connection, and the stderr of ssh when it has exited.
    fn open(ssh: &SshEndpoint) -> io::Result<(Self, JoinHandle<String>)> {
        let mut child = Command::new("ssh")
            .args(arguments(ssh))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| io::Error::new(e.kind(), format!("cannot connect, ssh: {e}")))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (stdin, Some(stdout), Some(mut stderr)) = pipes else {
            return Err(io::Error::other("ssh has no pipes"));
        };
        let text = tokio::spawn(async move {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text).await;
            let _ = child.wait().await;
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok((SshConnection { stdin, stdout }, text))
    }
}

fn arguments(ssh: &SshEndpoint) -> Vec<String> {
    let mut arguments: Vec<String> = ["-o", "ConnectTimeout=30", "-T"].map(str::to_owned).into();
    if let Some(user) = &ssh.user {
        arguments.extend(["-l".to_owned(), user.clone()]);
    }
    if let Some(port) = ssh.port {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    arguments.extend(["--".to_owned(), ssh.host.clone(), "docker".to_owned()]);
    if let Some(socket) = &ssh.socket {
        // The shell of the remote host parses this.
        let quoted = format!("'unix://{}'", socket.replace('\'', r"'\''"));
        arguments.extend(["--host".to_owned(), quoted]);
    }
    arguments.extend(["system".to_owned(), "dial-stdio".to_owned()]);
    arguments
}

impl AsyncRead for SshConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context,
        buffer: &mut ReadBuf,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdout).poll_read(cx, buffer)
    }
}

impl AsyncWrite for SshConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_write(cx, bytes),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context) -> Poll<io::Result<()>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context) -> Poll<io::Result<()>> {
        self.stdin = None;
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_called_as_the_docker_client_calls_it() {
        let plain = SshEndpoint { host: "there".into(), ..SshEndpoint::default() };
        assert_eq!(
            arguments(&plain).join(" "),
            "-o ConnectTimeout=30 -T -- there docker system dial-stdio"
        );
        let full = SshEndpoint {
            user: Some("me".into()),
            port: Some(2222),
            socket: Some("/run/it's.sock".into()),
            ..plain
        };
        assert_eq!(
            arguments(&full).join(" "),
            r"-o ConnectTimeout=30 -T -l me -p 2222 -- there docker --host 'unix:///run/it'\''s.sock' system dial-stdio"
        );
    }
}
