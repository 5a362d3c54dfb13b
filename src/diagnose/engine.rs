//! The engine, and commands that run in nodes.

use super::{Failure, Kind};
use crate::context::RunError;
use crate::engine::EngineError;
use crate::platform;

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        let failure = Failure::new(Kind::Engine, &error);
        match &error {
            EngineError::Unreachable { endpoint, .. } => failure.hint(unreachable_hint(endpoint)),
            EngineError::Permission { .. } => failure
                .hint("add yourself to the group \"docker\" (`sudo usermod -aG docker $USER`, then log in again), or use sudo"),
            EngineError::Endpoint(_) => failure.hint("`docker context ls` shows the contexts; DOCKER_HOST overrides them"),
            EngineError::Other { message, .. } if message.contains("no space left") => {
                Failure { kind: Kind::Host, ..failure.hint(DISK_FULL) }
            }
            EngineError::Other { message, .. } if message.contains("cannot assign requested address") => {
                failure.hint("the engine's host has no such address: correct apiServerAddress or listenAddress in the cluster definition")
            }
            EngineError::Other { message, .. } if message.contains("no command specified") => {
                let hint = "use a node image: kindest/node, or one made by `build node-image`";
                Failure { kind: Kind::Image, ..failure.hint(hint) }
            }
            EngineError::Conflict { .. }
            | EngineError::NotFound { .. }
            | EngineError::Other { .. } => failure,
        }
    }
}

fn unreachable_hint(endpoint: &str) -> &'static str {
    if endpoint.starts_with("ssh://") {
        "`ssh HOST docker version` must work without asking for anything"
    } else if endpoint.ends_with("(with TLS)") {
        "ca.pem, cert.pem and key.pem must be those of the engine: in DOCKER_CERT_PATH for DOCKER_HOST, otherwise in the docker context"
    } else if endpoint.contains("podman") {
        "start Podman's API service: `systemctl --user enable --now podman.socket` (for root's Podman: `sudo systemctl enable --now podman.socket`)"
    } else if platform::IS_WINDOWS {
        "start Docker Desktop, or set DOCKER_HOST to an engine that is running"
    } else {
        "start Docker (on Linux: `sudo systemctl start docker`), or set DOCKER_HOST to an engine that is running"
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Cancelled | RunError::CutOff(_) => Failure::new(Kind::Interrupted, &error),
            RunError::Engine(error) => error.into(),
            RunError::Random(error) => Failure::new(Kind::Host, error),
            RunError::Command { ref output, .. } => {
                let failure = Failure::new(Kind::Other, &error);
                command_hints(failure.details(format!("Command Output: {}", output.trim())), output)
            }
        }
    }
}

pub(super) const DISK_FULL: &str =
    "free disk space where the engine keeps its data; `docker system df` shows what uses it";
pub(super) const OPEN_FILES: &str = "raise the limits of the engine's host: `sudo sysctl fs.inotify.max_user_instances=512 fs.inotify.max_user_watches=524288`";

/// Known causes, recognised by what a failing command wrote.
fn command_hints(failure: Failure, output: &str) -> Failure {
    let known = [
        ("no space left on device", Kind::Host, DISK_FULL),
        ("too many open files", Kind::Host, OPEN_FILES),
        (
            "unknown field",
            Kind::Definition,
            "a kubeadm patch sets a field that this Kubernetes version does not know; --dry-run shows the documents",
        ),
        (
            "strict decoding error",
            Kind::Definition,
            "a kubeadm patch sets a field that this Kubernetes version does not know; --dry-run shows the documents",
        ),
        (
            "failed to create cgroup",
            Kind::Host,
            "the kubelet cannot use this host's cgroups: read `journalctl -u kubelet` in the node",
        ),
    ];
    let output = output.to_lowercase();
    match known.iter().find(|(sign, ..)| output.contains(sign)) {
        Some((_, kind, hint)) => Failure { kind: *kind, ..failure.hint(*hint) },
        None => failure,
    }
}
