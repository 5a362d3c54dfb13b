//! What can go wrong with an engine.

pub type Result<T> = std::result::Result<T, EngineError>;

/// `what` says what was being done, such as `creating container kind-worker`;
/// `message` is the engine's own text.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    #[error("cannot reach the container engine at {endpoint}: {reason}")]
    Unreachable { endpoint: String, reason: String },
    #[error("no permission to use the container engine at {endpoint}")]
    Permission { endpoint: String },
    /// The configuration names no usable engine.
    #[error("cannot determine which container engine to use: {0}")]
    Endpoint(String),
    /// Something of that name exists already, or is in use.
    #[error("{what}: {message}")]
    Conflict { what: String, message: String },
    #[error("{what}: {message}")]
    NotFound { what: String, message: String },
    #[error("{what}: {message}")]
    Other { what: String, message: String },
}

impl EngineError {
    /// An [`EngineError::Other`].
    pub fn other(what: impl Into<String>, message: impl ToString) -> Self {
        EngineError::Other { what: what.into(), message: message.to_string() }
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
