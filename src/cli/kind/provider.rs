//! The variables that choose kind's engine and its network
//! (kind v0.33.0, `pkg/internal/runtime/runtime.go`, `pkg/cluster/provider.go` and
//! `pkg/cluster/internal/providers/{docker,podman}/provider.go`).

use crate::diagnose::{Failure, Kind};
use crate::engine::EngineError;
use crate::engine::endpoint::{DockerEnv, Endpoint, PodmanEnv};
use crate::environment;
use crate::progress::Progress;

/// Names the engine.
const VARIABLE: &str = "KIND_EXPERIMENTAL_PROVIDER";

/// An engine that kind has a provider for and skiff too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    Docker,
    Podman,
}

impl Provider {
    /// The provider that the environment asks for or, without a word, the only one
    /// that the machine has.
    fn of_process() -> Self {
        Provider::choose(environment::variable(VARIABLE).as_deref(), Found::on_machine)
    }

    /// As kind decides; an unknown value counts as none.
    fn choose(value: Option<&str>, found: impl FnOnce() -> Found) -> Self {
        match value {
            Some("podman") => Provider::Podman,
            Some("docker") => Provider::Docker,
            _ if found().is_only_podman() => Provider::Podman,
            _ => Provider::Docker,
        }
    }

    /// Where the engine answers.
    ///
    /// # Errors
    /// Returns [`EngineError`] if the configuration names no usable engine.
    pub(crate) fn endpoint(self) -> Result<Endpoint, EngineError> {
        match self {
            Provider::Docker => DockerEnv::of_process().endpoint(),
            Provider::Podman => PodmanEnv::of_process().endpoint(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Provider::Docker => "docker",
            Provider::Podman => "podman",
        }
    }
}

/// What a machine has.
#[derive(Clone, Copy)]
struct Found {
    /// An engine that is named, or a socket of Docker.
    docker_engine: bool,
    /// Docker's client, which means that Docker may only be stopped.
    docker_client: bool,
    podman_socket: bool,
}

impl Found {
    fn on_machine() -> Self {
        let path = environment::path_variable("PATH").unwrap_or_default();
        let is_client = |directory: std::path::PathBuf| directory.join("docker").is_file();
        Found {
            docker_engine: DockerEnv::of_process().has_engine(),
            docker_client: std::env::split_paths(&path).any(is_client),
            podman_socket: PodmanEnv::of_process().socket().is_some(),
        }
    }

    fn is_only_podman(self) -> bool {
        self.podman_socket && !self.docker_engine && !self.docker_client
    }
}

/// The network of nodes that the environment names, and the words for it.
pub(crate) fn network() -> Option<(String, String)> {
    let provider = Provider::of_process().name();
    let variable = format!("KIND_EXPERIMENTAL_{}_NETWORK", provider.to_uppercase());
    let network = environment::variable(&variable)?;
    Some((network, format!("Overriding {provider} network due to {variable}")))
}

/// Chooses the provider, in kind's words.
///
/// # Errors
/// Fails for a provider that kind supports and skiff does not.
pub(crate) fn choose(progress: &Progress) -> Result<Provider, Failure> {
    match environment::variable(VARIABLE).as_deref() {
        Some(known @ ("docker" | "podman")) => {
            progress.warn(format!("using {known} due to {VARIABLE}"));
        }
        Some(other @ ("nerdctl" | "finch" | "nerdctl.lima")) => {
            let problem = format!("{VARIABLE} asks for {other}, which is not supported");
            return Err(Failure::new(Kind::Usage, problem)
                .hint(format!("unset {VARIABLE} to use Docker, or set it to podman"))
                .hint("to use another engine with Docker's API, set DOCKER_HOST"));
        }
        Some(other) => progress.warn(format!("ignoring unknown value {other:?} for {VARIABLE}")),
        None => {}
    }
    let provider = Provider::of_process();
    if provider == Provider::Podman {
        progress.warn("enabling experimental podman provider");
    }
    Ok(provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podman_is_taken_if_it_is_asked_for_or_alone() {
        let found = |docker_engine, docker_client, podman_socket| Found {
            docker_engine,
            docker_client,
            podman_socket,
        };
        for (value, found, expected) in [
            (Some("podman"), found(true, true, false), Provider::Podman),
            (Some("docker"), found(false, false, true), Provider::Docker),
            (None, found(false, false, true), Provider::Podman),
            (Some("bogus"), found(false, false, true), Provider::Podman),
            (None, found(true, false, true), Provider::Docker),
            (None, found(false, true, true), Provider::Docker),
            (None, found(false, false, false), Provider::Docker),
        ] {
            assert_eq!(Provider::choose(value, || found), expected, "{value:?}");
        }
    }
}
