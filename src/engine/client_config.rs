//! The configuration of the docker client: contexts, their TLS material,
//! credentials and proxies (docs.docker.com, "docker context" and "Use a proxy server with the
//! Docker CLI").

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The directory of `config.json`. A missing or invalid file counts as empty.
pub(crate) struct ClientConfig {
    directory: PathBuf,
    config: Value,
}

/// The engine of a docker context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ContextEndpoint {
    /// Address as in `DOCKER_HOST`, such as `unix:///var/run/docker.sock`.
    pub host: String,
    /// Do not check the engine's certificate.
    pub skip_tls_verify: bool,
    /// The directory of `ca.pem`, `cert.pem` and `key.pem`, if it exists.
    pub tls: Option<PathBuf>,
}

impl ClientConfig {
    /// Reads `config.json` in `directory`.
    pub(crate) fn read(directory: &Path) -> Self {
        let config = json(&directory.join("config.json")).unwrap_or_default();
        ClientConfig { directory: directory.to_owned(), config }
    }

    /// A part of `config.json`, such as `auths`.
    pub(crate) fn section(&self, name: &str) -> Option<&Value> {
        self.config.get(name)
    }

    /// Where `config.json` is, usually `~/.docker`.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The configured context, if any.
    pub(crate) fn current_context(&self) -> Option<String> {
        Some(self.config.get("currentContext")?.as_str()?.to_owned())
    }

    /// The engine of a context; `None` if there is no such context. All contexts
    /// are read, because their directories are named by digests.
    pub(crate) fn context(&self, name: &str) -> Option<ContextEndpoint> {
        let found = std::fs::read_dir(self.directory.join("contexts/meta")).ok()?.flatten();
        found.into_iter().find_map(|entry| {
            let meta = json(&entry.path().join("meta.json"))?;
            if meta.get("Name")?.as_str()? != name {
                return None;
            }
            let docker = meta.pointer("/Endpoints/docker")?;
            let tls = self.directory.join("contexts/tls").join(entry.file_name()).join("docker");
            Some(ContextEndpoint {
                host: docker.get("Host")?.as_str()?.to_owned(),
                skip_tls_verify: docker.get("SkipTLSVerify").is_some_and(|skip| skip == true),
                tls: tls.is_dir().then_some(tls),
            })
        })
    }

    /// The value of a proxy variable (`HTTP_PROXY`, `HTTPS_PROXY` or `NO_PROXY`)
    /// for containers of the engine at `host`, else for containers of any engine.
    pub(crate) fn proxy(&self, host: &str, variable: &str) -> Option<String> {
        let key = match variable {
            "HTTP_PROXY" => "httpProxy",
            "HTTPS_PROXY" => "httpsProxy",
            "NO_PROXY" => "noProxy",
            _ => return None,
        };
        let proxies = self.config.get("proxies")?;
        let of_engine = proxies.get(host).or_else(|| proxies.get("default"))?;
        let value = of_engine.get(key)?.as_str()?;
        (!value.is_empty()).then(|| value.to_owned())
    }
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
