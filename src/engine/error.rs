//! What can go wrong with an engine.

/// The result of a method of [`Engine`](super::Engine).
pub type Result<T> = std::result::Result<T, EngineError>;

/// Why a request to an engine failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// Nothing answers at the address, as when Docker is not running.
    #[error("cannot reach the container engine at {endpoint}: {reason}")]
    Unreachable {
        /// Such as `unix:///var/run/docker.sock`.
        endpoint: String,
        /// The error of the connection, such as `Connection refused`.
        reason: String,
    },
    /// This user may not open the engine's Unix socket.
    #[error("no permission to use the container engine at {endpoint}")]
    Permission {
        /// Such as `unix:///var/run/docker.sock`.
        endpoint: String,
    },
    /// The configuration names no usable engine.
    #[error("cannot determine which container engine to use: {0}")]
    Endpoint(String),
    /// Something of that name exists already, or is in use (HTTP status 409).
    #[error("{what}: {message}")]
    Conflict {
        /// What was being done, such as `creating container kind-worker`.
        what: String,
        /// The engine's own text.
        message: String,
    },
    /// The container, image or network does not exist (HTTP status 404).
    #[error("{what}: {message}")]
    NotFound {
        /// What was being done, such as `creating container kind-worker`.
        what: String,
        /// The engine's own text.
        message: String,
    },
    /// Any other failure of a request.
    #[error("{what}: {message}")]
    Other {
        /// What was being done, such as `creating container kind-worker`.
        what: String,
        /// The engine's own text, or that of a connection that broke.
        message: String,
    },
}

impl EngineError {
    /// An [`EngineError::Other`].
    pub fn other(what: impl Into<String>, message: impl ToString) -> Self {
        EngineError::Other { what: what.into(), message: message.to_string() }
    }

    /// Adds a reason to the engine's message. Errors of reaching the engine stay as
    /// they are.
    pub(crate) fn with_reason(mut self, reason: &str) -> Self {
        if let EngineError::Conflict { message, .. }
        | EngineError::NotFound { message, .. }
        | EngineError::Other { message, .. } = &mut self
        {
            message.push_str(&format!(" ({reason})"));
        }
        self
    }

    /// The engine's own text, without what was being done.
    pub fn message(&self) -> &str {
        match self {
            EngineError::Conflict { message, .. }
            | EngineError::NotFound { message, .. }
            | EngineError::Other { message, .. } => message,
            EngineError::Unreachable { reason, .. } => reason,
            EngineError::Permission { .. } | EngineError::Endpoint(_) => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_added_without_changing_the_kind_of_error() {
        let missing = EngineError::NotFound { what: "pulling a".into(), message: "gone".into() };
        let missing = missing.with_reason("no credentials");
        assert!(matches!(missing, EngineError::NotFound { .. }));
        assert_eq!(missing.to_string(), "pulling a: gone (no credentials)");
        let unreachable =
            EngineError::Unreachable { endpoint: "unix:///x".into(), reason: "refused".into() };
        let text = unreachable.to_string();
        assert_eq!(unreachable.with_reason("no credentials").to_string(), text);
    }
}
