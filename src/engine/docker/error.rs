//! Classifies bollard's errors by what the caller can do about them.

use std::error::Error as StdError;
use std::io;

use bollard::errors::Error;
use hyper_util::client::legacy;

use super::podman;
use crate::engine::endpoint::Endpoint;
use crate::engine::error::EngineError;

/// `what` says what was being done, such as `listing images`.
pub(super) fn classify(endpoint: &Endpoint, what: String, error: Error) -> EngineError {
    match error {
        Error::DockerResponseServerError { status_code, message } => {
            refused(what, status_code, message)
        }
        Error::DockerStreamError { error } => EngineError::Other { what, message: error },
        other => transport_error(endpoint, what, &other),
    }
}

/// Classifies an answer that is an error. What stands between skiff and the engine,
/// such as a proxy, may answer without a text.
fn refused(what: String, status: u16, text: String) -> EngineError {
    let message = match text.trim() {
        "" => format!("HTTP status {status}"),
        _ => text,
    };
    match status {
        404 => EngineError::NotFound { what, message },
        409 => EngineError::Conflict { what, message },
        _ if podman::is_conflict(&message) => EngineError::Conflict { what, message },
        _ => EngineError::Other { what, message },
    }
}

/// Classifies an error of the connection.
fn transport_error(endpoint: &Endpoint, what: String, error: &Error) -> EngineError {
    let text = with_sources(error);
    // Over TCP and ssh, permission is denied by something other than a socket's mode.
    if endpoint.is_local() && has_kind(error, &[io::ErrorKind::PermissionDenied]) {
        EngineError::Permission { endpoint: endpoint.to_string() }
    } else if is_connection_error(error, &text) {
        let reason = text.rsplit_once("client error (Connect): ");
        let reason = reason.map_or(text.as_str(), |(_, reason)| reason).to_owned();
        EngineError::Unreachable { endpoint: endpoint.to_string(), reason }
    } else {
        EngineError::Other { what, message: text }
    }
}

fn is_connection_error(error: &Error, text: &str) -> bool {
    use io::ErrorKind::*;
    let failed_to_connect = chain(error)
        .filter_map(|e| e.downcast_ref::<legacy::Error>())
        .any(legacy::Error::is_connect);
    let kinds = [NotFound, ConnectionRefused, ConnectionReset, ConnectionAborted, NotConnected];
    failed_to_connect
        || has_kind(error, &kinds)
        // hyper reports a connection that was closed early without an
        // `io::Error`: "connection closed before message completed".
        || text.to_lowercase().contains("connect")
}

fn has_kind(error: &Error, kinds: &[io::ErrorKind]) -> bool {
    chain(error).filter_map(|e| e.downcast_ref::<io::Error>()).any(|e| kinds.contains(&e.kind()))
}

/// The error and its sources, outermost first.
fn chain(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let first: &(dyn StdError + 'static) = match error {
        // This variant is transparent: it is not a source of itself.
        Error::IOError { err } => err,
        other => other,
    };
    std::iter::successors(Some(first), |error: &&(dyn StdError + 'static)| (*error).source())
}

/// The texts of the error and its sources: bollard's own text shows only
/// "client error", not the system's error behind it.
fn with_sources(error: &Error) -> String {
    let mut text = error.to_string();
    for source in chain(error).skip(1) {
        let source = source.to_string();
        if !text.contains(&source) {
            text = format!("{text}: {source}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_errors_are_classified_by_kind() {
        let socket = Endpoint::Unix("/run/docker.sock".into());
        let tcp = Endpoint::Tcp("engine:2375".into());
        let classified = |endpoint: &Endpoint, kind: io::ErrorKind, text: &str| {
            classify(endpoint, "asking".into(), Error::IOError { err: io::Error::new(kind, text) })
        };
        let denied = classified(&socket, io::ErrorKind::PermissionDenied, "x");
        assert!(matches!(denied, EngineError::Permission { .. }), "{denied}");
        let remote = classified(&tcp, io::ErrorKind::PermissionDenied, "x");
        assert!(matches!(remote, EngineError::Other { .. }), "{remote}");
        for (kind, text) in [
            (io::ErrorKind::NotFound, "x"),
            (io::ErrorKind::ConnectionRefused, "x"),
            (io::ErrorKind::Other, "Connection closed before message completed"),
        ] {
            let lost = classified(&tcp, kind, text);
            assert!(matches!(&lost, EngineError::Unreachable { reason, .. } if reason == text));
        }
        let other = classified(&tcp, io::ErrorKind::InvalidData, "x");
        assert!(matches!(other, EngineError::Other { .. }), "{other}");
    }

    #[test]
    fn an_error_without_a_text_names_the_status() {
        for (status, text, expected) in [
            (503, "", "asking: HTTP status 503"),
            (404, " \n", "asking: HTTP status 404"),
            (409, "", "asking: HTTP status 409"),
            (500, "no space left", "asking: no space left"),
        ] {
            let answer =
                Error::DockerResponseServerError { status_code: status, message: text.into() };
            let found = classify(&Endpoint::Tcp("engine:2375".into()), "asking".into(), answer);
            assert_eq!(found.to_string(), expected);
            assert_eq!(matches!(found, EngineError::NotFound { .. }), status == 404);
            assert_eq!(matches!(found, EngineError::Conflict { .. }), status == 409);
        }
    }

    #[test]
    fn podmans_name_in_use_is_a_conflict() {
        let answer = |message: &str| Error::DockerResponseServerError {
            status_code: 500,
            message: message.to_owned(),
        };
        let socket = Endpoint::Unix("/run/podman/podman.sock".into());
        let said = "container create: creating container storage: the container name \"a\" is already in use by 9ac1: that name is already in use";
        let found = classify(&socket, "creating".into(), answer(said));
        assert!(matches!(found, EngineError::Conflict { .. }), "{found}");
        let found = classify(&socket, "creating".into(), answer("no space"));
        assert!(matches!(found, EngineError::Other { .. }), "{found}");
    }

    #[tokio::test]
    async fn a_socket_without_a_listener_is_unreachable() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("docker.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let docker = super::super::dial::Dialler::local(&path).client(5).unwrap();
        let failure = docker.info().await.unwrap_err();
        assert!(has_kind(&failure, &[io::ErrorKind::ConnectionRefused]), "{failure:?}");
        let found = classify(&Endpoint::Unix(path), "asking".into(), failure);
        assert!(matches!(found, EngineError::Unreachable { .. }), "{found}");
    }
}
