//! Which engine to use, determined as the docker client does.

mod podman;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::client_config::{ClientConfig, ContextEndpoint};
use super::error::EngineError;
use crate::{environment, platform};

pub(crate) use podman::PodmanEnv;

/// The address of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// Path of a Unix socket, such as `/var/run/docker.sock`.
    Unix(PathBuf),
    /// Path of a named pipe of Windows, such as `//./pipe/docker_engine`.
    Pipe(PathBuf),
    /// `host:port` without TLS.
    Tcp(String),
    /// `tcp://` with TLS material from the environment or a docker context.
    Tls(TlsEndpoint),
    /// `docker system dial-stdio` on another host, by the `ssh` program.
    Ssh(SshEndpoint),
}

/// An engine behind TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsEndpoint {
    /// `host:port`.
    pub address: String,
    /// PEM files. Without a `ca`, the system's certificate authorities are used.
    pub ca: Option<PathBuf>,
    /// Certificate of the client; `None` if the engine does not ask for one.
    pub certificate: Option<PathBuf>,
    /// Private key of [`Self::certificate`].
    pub key: Option<PathBuf>,
    /// Whether the engine's certificate is checked.
    pub verify: bool,
}

/// `ssh://[user@]host[:port][/socket]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SshEndpoint {
    /// `None`: `ssh` chooses the user.
    pub user: Option<String>,
    /// Name or address, without brackets if it is IPv6.
    pub host: String,
    /// `None`: `ssh` chooses the port, usually 22.
    pub port: Option<u16>,
    /// Path of the engine's socket on that host; `None` for docker's default.
    pub socket: Option<String>,
}

impl Endpoint {
    /// On this machine, or in a virtual machine of it.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self, Endpoint::Unix(_) | Endpoint::Pipe(_))
    }

    /// How long an engine may take for the answer to a ping: far more than one that
    /// works needs. By ssh each request logs in anew, which alone can take seconds.
    pub(crate) fn ping_limit(&self) -> Duration {
        Duration::from_secs(if matches!(self, Endpoint::Ssh(_)) { 10 } else { 2 })
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Endpoint::Unix(path) => write!(f, "unix://{}", path.display()),
            Endpoint::Pipe(path) => write!(f, "npipe://{}", path.display()),
            Endpoint::Tcp(address) => write!(f, "tcp://{address}"),
            Endpoint::Tls(tls) => write!(f, "tcp://{} (with TLS)", tls.address),
            Endpoint::Ssh(ssh) => {
                let user = ssh.user.iter().map(|user| format!("{user}@")).collect::<String>();
                let port = ssh.port.iter().map(|port| format!(":{port}")).collect::<String>();
                write!(f, "ssh://{user}{}{port}{}", ssh.host, ssh.socket.as_deref().unwrap_or(""))
            }
        }
    }
}

/// The environment that the choice depends on.
#[derive(Debug, Default)]
pub struct DockerEnv {
    /// `DOCKER_HOST`: an address such as `tcp://10.0.0.5:2376`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`: the name of a docker context.
    pub docker_context: Option<String>,
    /// `DOCKER_CONFIG`: the directory of the client's `config.json`.
    pub docker_config: Option<PathBuf>,
    /// `HOME`, where `.docker` and sockets of the user are.
    pub home: Option<PathBuf>,
    /// `DOCKER_TLS_VERIFY` is set: TLS, and the certificate is checked.
    pub tls_verify: bool,
    /// `DOCKER_TLS` is set: TLS at least.
    pub tls: bool,
    /// `DOCKER_CERT_PATH`: the directory of `ca.pem`, `cert.pem` and `key.pem`;
    /// `None`: that of the client's configuration.
    pub cert_path: Option<PathBuf>,
}

impl DockerEnv {
    /// Reads the environment of this process.
    pub fn of_process() -> Self {
        let text = environment::variable;
        DockerEnv {
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            docker_config: text("DOCKER_CONFIG").map(Into::into),
            home: platform::home()
                .map(Into::into)
                .filter(|home: &PathBuf| !home.as_os_str().is_empty()),
            tls_verify: text("DOCKER_TLS_VERIFY").is_some(),
            tls: text("DOCKER_TLS").is_some(),
            cert_path: text("DOCKER_CERT_PATH").map(Into::into),
        }
    }

    /// The client's configuration, from `DOCKER_CONFIG` or else the home directory.
    pub(crate) fn client_config(&self) -> Option<ClientConfig> {
        let of_home = || Some(self.home.as_ref()?.join(".docker"));
        self.docker_config.clone().or_else(of_home).map(|directory| ClientConfig::read(&directory))
    }

    /// `DOCKER_HOST`, else the context (`DOCKER_CONTEXT` or the configured
    /// one), else the first default socket that exists.
    ///
    /// # Errors
    /// Returns [`EngineError::Endpoint`] if the context is unknown or the kind of
    /// address is not supported.
    pub fn endpoint(&self) -> Result<Endpoint, EngineError> {
        if let Some(host) = &self.docker_host {
            return parse(host, self.tls_of_environment());
        }
        match self.context()? {
            Some(context) => {
                let tls = (context.tls.is_some() || context.skip_tls_verify)
                    .then(|| Tls::existing(context.tls.as_deref(), !context.skip_tls_verify));
                parse(&context.host, tls)
            }
            None => Ok(self.default_endpoint()),
        }
    }

    /// Whether the environment or the configuration names an engine, or a default
    /// socket exists.
    pub(crate) fn has_engine(&self) -> bool {
        self.docker_host.is_some()
            || !matches!(self.context(), Ok(None))
            || platform::IS_WINDOWS
            || self.default_socket().exists()
    }

    /// The value of a proxy variable for containers, as the client's configuration
    /// defines it for the engine in use.
    pub fn proxy(&self, variable: &str) -> Option<String> {
        let host = match (&self.docker_host, self.context()) {
            (Some(host), _) => host.clone(),
            (None, Ok(Some(context))) => context.host,
            (None, _) => self.default_endpoint().to_string(),
        };
        self.client_config()?.proxy(&host, variable)
    }

    /// The context in use; `None` is the default one.
    fn context(&self) -> Result<Option<ContextEndpoint>, EngineError> {
        let config = self.client_config();
        let configured = || config.as_ref()?.current_context();
        match self.docker_context.clone().or_else(configured) {
            Some(name) if name != "default" => {
                let found = config.as_ref().and_then(|config| config.context(&name));
                let missing =
                    || EngineError::Endpoint(format!("there is no docker context {name:?}"));
                Ok(Some(found.ok_or_else(missing)?))
            }
            _ => Ok(None),
        }
    }

    /// TLS material as the docker client finds it through its environment. The
    /// certificate authority must exist if it is used, certificate and key need not.
    fn tls_of_environment(&self) -> Option<Tls> {
        if !self.tls && !self.tls_verify {
            return None;
        }
        let of_config = || Some(self.client_config()?.directory().to_owned());
        let directory = self.cert_path.clone().or_else(of_config);
        let mut tls = Tls::existing(directory.as_deref(), self.tls_verify);
        tls.ca = directory.filter(|_| self.tls_verify).map(|directory| directory.join("ca.pem"));
        Some(tls)
    }

    /// The first default socket that exists; on Windows the engine's pipe.
    fn default_endpoint(&self) -> Endpoint {
        match platform::IS_WINDOWS {
            true => Endpoint::Pipe("//./pipe/docker_engine".into()),
            false => Endpoint::Unix(self.default_socket()),
        }
    }

    fn default_socket(&self) -> PathBuf {
        let usual = PathBuf::from("/var/run/docker.sock");
        let of_home = [
            ".docker/run/docker.sock",
            ".orbstack/run/docker.sock",
            ".colima/default/docker.sock",
            ".rd/docker.sock",
        ];
        let candidates =
            self.home.iter().flat_map(|home| of_home.iter().map(|socket| home.join(socket)));
        std::iter::once(usual.clone()).chain(candidates).find(|path| path.exists()).unwrap_or(usual)
    }
}

/// TLS material, which counts only for addresses that use TLS.
struct Tls {
    ca: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    verify: bool,
}

impl Tls {
    fn existing(directory: Option<&Path>, verify: bool) -> Self {
        let file = |name| Some(directory?.join(name)).filter(|path: &PathBuf| path.exists());
        Tls { ca: file("ca.pem"), certificate: file("cert.pem"), key: file("key.pem"), verify }
    }
}

fn parse(host: &str, tls: Option<Tls>) -> Result<Endpoint, EngineError> {
    match host.split_once("://") {
        Some(("unix", path)) if !platform::IS_WINDOWS => Ok(Endpoint::Unix(path.into())),
        Some(("npipe", path)) if platform::IS_WINDOWS => Ok(Endpoint::Pipe(path.into())),
        Some((scheme @ ("unix" | "npipe"), _)) => Err(EngineError::Endpoint(format!(
            "{host:?} is not a supported engine address on {}; {scheme}:// is for {}",
            std::env::consts::OS,
            if scheme == "npipe" { "Windows" } else { "Linux and macOS" },
        ))),
        Some(("tcp" | "http" | "https", address)) => {
            let address = address.trim_end_matches('/');
            Ok(match tls {
                None => Endpoint::Tcp(with_port(address, 2375)),
                Some(Tls { ca, certificate, key, verify }) => {
                    let address = with_port(address, 2376);
                    Endpoint::Tls(TlsEndpoint { address, ca, certificate, key, verify })
                }
            })
        }
        Some(("ssh", address)) => parse_ssh(address).map(Endpoint::Ssh).ok_or_else(|| {
            EngineError::Endpoint(format!("{host:?} is not of the form ssh://[user@]host[:port]"))
        }),
        _ => Err(EngineError::Endpoint(format!(
            "{host:?} is not a supported engine address; use unix://, npipe://, tcp:// or ssh://"
        ))),
    }
}

/// Adds docker's default port unless the address has one.
fn with_port(address: &str, port: u16) -> String {
    let rest = address.rsplit_once(']').map_or(address, |(_, rest)| rest);
    if rest.contains(':') { address.to_owned() } else { format!("{address}:{port}") }
}

fn parse_ssh(address: &str) -> Option<SshEndpoint> {
    let (authority, socket) = match address.find('/') {
        Some(at) => (&address[..at], Some(&address[at..]).filter(|path| *path != "/")),
        None => (address, None),
    };
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, authority),
    };
    let (host, port) = match place.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':').or(rest.is_empty().then_some("")))
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, Some("")),
        },
    };
    let port = match port? {
        "" => None,
        digits => Some(digits.parse().ok()?),
    };
    // ssh reads a leading dash as an option; a password is not supported.
    let is_safe = |text: &str| !text.is_empty() && !text.starts_with('-') && !text.contains(':');
    if host.is_empty() || host.starts_with('-') || !user.is_none_or(is_safe) {
        return None;
    }
    Some(SshEndpoint {
        user: user.map(str::to_owned),
        host: host.to_owned(),
        port,
        socket: socket.map(str::to_owned),
    })
}

#[cfg(test)]
mod tests;
