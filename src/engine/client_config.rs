//! The docker client's own configuration: contexts, their TLS material, and
//! proxies (docs.docker.com, "docker context" and "Use a proxy server with the
//! Docker CLI").

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folder of `config.json`; a missing or broken file counts as an empty one.
pub struct ClientConfig {
    folder: PathBuf,
    config: Value,
}

/// Where a docker context leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextEndpoint {
    pub host: String,
    /// Do not check the engine's certificate.
    pub skip_tls_verify: bool,
    /// The folder of `ca.pem`, `cert.pem` and `key.pem`, if there is one.
    pub tls: Option<PathBuf>,
}

impl ClientConfig {
    pub fn read(folder: &Path) -> Self {
        let config = json(&folder.join("config.json")).unwrap_or_default();
        ClientConfig { folder: folder.to_owned(), config }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn current_context(&self) -> Option<String> {
        Some(self.config.get("currentContext")?.as_str()?.to_owned())
    }

    /// A context's docker endpoint. Its folder's name is a digest, so all are
    /// looked at.
    pub fn context(&self, name: &str) -> Option<ContextEndpoint> {
        let found = std::fs::read_dir(self.folder.join("contexts/meta")).ok()?.flatten();
        found.into_iter().find_map(|entry| {
            let meta = json(&entry.path().join("meta.json"))?;
            if meta.get("Name")?.as_str()? != name {
                return None;
            }
            let docker = meta.pointer("/Endpoints/docker")?;
            let tls = self.folder.join("contexts/tls").join(entry.file_name()).join("docker");
            Some(ContextEndpoint {
                host: docker.get("Host")?.as_str()?.to_owned(),
                skip_tls_verify: docker.get("SkipTLSVerify").is_some_and(|skip| skip == true),
                tls: tls.is_dir().then_some(tls),
            })
        })
    }

    /// The proxy variable (`HTTP_PROXY`, `HTTPS_PROXY` or `NO_PROXY`) that
    /// containers of the engine at `host` get, else of every engine.
    pub fn proxy(&self, host: &str, variable: &str) -> Option<String> {
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
