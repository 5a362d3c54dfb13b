//! Which engine to talk to, found the way the docker client finds it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::EngineError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    Unix(PathBuf),
    /// `host:port` without TLS.
    Tcp(String),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self {
            Endpoint::Unix(path) => write!(f, "unix://{}", path.display()),
            Endpoint::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

/// What the choice depends on; a struct so that it can be tested.
#[derive(Debug, Default)]
pub struct Surroundings {
    pub docker_host: Option<String>,
    pub docker_context: Option<String>,
    pub docker_config: Option<PathBuf>,
    pub home: Option<PathBuf>,
}

impl Surroundings {
    pub fn of_process() -> Self {
        let text = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
        Surroundings {
            docker_host: text("DOCKER_HOST"),
            docker_context: text("DOCKER_CONTEXT"),
            docker_config: text("DOCKER_CONFIG").map(Into::into),
            home: text("HOME").map(Into::into),
        }
    }

    /// `DOCKER_HOST`, else the context (`DOCKER_CONTEXT` or the configured
    /// one), else the first default socket that is there.
    ///
    /// # Errors
    /// An unknown context, or a kind of address that is not supported.
    pub fn endpoint(&self) -> Result<Endpoint, EngineError> {
        if let Some(host) = &self.docker_host {
            return parse(host);
        }
        let folder =
            self.docker_config.clone().or_else(|| Some(self.home.as_ref()?.join(".docker")));
        let current = || {
            read(&folder.as_ref()?.join("config.json"))?
                .get("currentContext")?
                .as_str()
                .map(str::to_owned)
        };
        match self.docker_context.clone().or_else(current) {
            Some(name) if name != "default" => {
                let host = folder.as_deref().and_then(|folder| context_host(folder, &name));
                parse(&host.ok_or_else(|| {
                    EngineError::Endpoint(format!("there is no docker context {name:?}"))
                })?)
            }
            _ => Ok(Endpoint::Unix(self.default_socket())),
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

fn parse(host: &str) -> Result<Endpoint, EngineError> {
    match host.split_once("://") {
        Some(("unix", path)) => Ok(Endpoint::Unix(path.into())),
        Some(("tcp" | "http", address)) => {
            Ok(Endpoint::Tcp(address.trim_end_matches('/').to_owned()))
        }
        _ => Err(EngineError::Endpoint(format!(
            "{host:?} is not an address skiff can use; it knows unix:// and tcp://"
        ))),
    }
}

/// The docker endpoint of a context: its folder's name is a digest, so all are looked at.
fn context_host(folder: &Path, name: &str) -> Option<String> {
    std::fs::read_dir(folder.join("contexts/meta")).ok()?.flatten().find_map(|entry| {
        let meta = read(&entry.path().join("meta.json"))?;
        (meta.get("Name")?.as_str()? == name)
            .then(|| meta.pointer("/Endpoints/docker/Host")?.as_str().map(str::to_owned))?
    })
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_comes_before_the_context() {
        let home = tempfile::tempdir().unwrap();
        let docker = home.path().join(".docker");
        let meta = docker.join("contexts/meta/abc");
        std::fs::create_dir_all(&meta).unwrap();
        std::fs::write(docker.join("config.json"), r#"{"currentContext":"lab"}"#).unwrap();
        std::fs::write(
            meta.join("meta.json"),
            r#"{"Name":"lab","Endpoints":{"docker":{"Host":"unix:///lab.sock"}}}"#,
        )
        .unwrap();
        let mut around = Surroundings { home: Some(home.path().into()), ..Default::default() };
        assert_eq!(around.endpoint().unwrap(), Endpoint::Unix("/lab.sock".into()));
        around.docker_host = Some("tcp://10.0.0.1:2375".into());
        assert_eq!(around.endpoint().unwrap(), Endpoint::Tcp("10.0.0.1:2375".into()));
        around.docker_host = Some("ssh://me@there".into());
        assert!(around.endpoint().unwrap_err().to_string().contains("ssh://me@there"));
        around.docker_host = None;
        around.docker_context = Some("nowhere".into());
        assert!(around.endpoint().unwrap_err().to_string().contains("nowhere"));
    }
}
