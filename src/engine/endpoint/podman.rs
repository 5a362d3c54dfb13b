//! Where Podman's API service answers (podman-system-service(1)).

use std::path::PathBuf;

use super::{Endpoint, parse};
use crate::engine::error::EngineError;
use crate::{environment, platform};

/// The environment that the choice depends on.
#[derive(Debug, Default)]
pub(crate) struct PodmanEnv {
    /// `CONTAINER_HOST`, else `DOCKER_HOST`.
    pub host: Option<String>,
    /// `XDG_RUNTIME_DIR`: where a user's own service has its socket.
    pub runtime_directory: Option<PathBuf>,
    /// Where `podman machine` puts a socket on macOS.
    pub home: Option<PathBuf>,
}

impl PodmanEnv {
    /// Reads the environment of this process.
    pub(crate) fn of_process() -> Self {
        let text = environment::variable;
        PodmanEnv {
            host: text("CONTAINER_HOST").or_else(|| text("DOCKER_HOST")),
            runtime_directory: text("XDG_RUNTIME_DIR").map(Into::into),
            home: platform::home().map(Into::into),
        }
    }

    /// The named address, else the first socket that exists.
    ///
    /// # Errors
    /// Returns [`EngineError::Endpoint`] if the kind of address is not supported.
    pub(crate) fn endpoint(&self) -> Result<Endpoint, EngineError> {
        if let Some(host) = &self.host {
            return parse(host, None);
        }
        if platform::IS_WINDOWS {
            return Ok(Endpoint::Pipe("//./pipe/podman-machine-default".into()));
        }
        let likeliest = || self.sockets().into_iter().next().unwrap_or_default();
        Ok(Endpoint::Unix(self.socket().unwrap_or_else(likeliest)))
    }

    /// The first socket that exists: the user's own, then root's.
    pub(crate) fn socket(&self) -> Option<PathBuf> {
        self.sockets().into_iter().find(|path| path.exists())
    }

    fn sockets(&self) -> Vec<PathBuf> {
        let own = self.runtime_directory.iter().map(|run| run.join("podman/podman.sock"));
        let machine = ".local/share/containers/podman/machine/podman.sock";
        let of_machine = self.home.iter().map(|home| home.join(machine));
        own.chain(of_machine).chain([PathBuf::from("/run/podman/podman.sock")]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_own_service_comes_first() {
        let run = tempfile::tempdir().unwrap();
        let env = PodmanEnv { runtime_directory: Some(run.path().into()), ..PodmanEnv::default() };
        let own = run.path().join("podman/podman.sock");
        std::fs::create_dir(own.parent().unwrap()).unwrap();
        std::fs::write(&own, "").unwrap();
        assert_eq!(env.socket(), Some(own.clone()));
        assert_eq!(env.endpoint().unwrap(), Endpoint::Unix(own.clone()));
        let host = Some("tcp://10.0.0.1:8080".to_owned());
        let named = PodmanEnv { host, ..env }.endpoint().unwrap();
        assert_eq!(named, Endpoint::Tcp("10.0.0.1:8080".into()));
    }

    #[test]
    fn without_a_socket_the_likeliest_one_is_named() {
        let run = PathBuf::from("/nowhere/run");
        let env = PodmanEnv { runtime_directory: Some(run.clone()), ..PodmanEnv::default() };
        if env.socket().is_none() {
            assert_eq!(env.endpoint().unwrap(), Endpoint::Unix(run.join("podman/podman.sock")));
        }
    }
}
