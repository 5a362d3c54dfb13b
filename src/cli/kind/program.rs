//! The two names of the program.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use crate::create::DEFAULT_WAIT;

/// The name that the program was called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    Skiff,
    /// For scripts that were written for kind: kind's defaults apply.
    Kind,
}

impl Program {
    pub(crate) fn of(path: Option<&OsString>) -> Self {
        let name = path.and_then(|path| Path::new(path).file_stem());
        if name.is_some_and(|name| name == "kind") { Program::Kind } else { Program::Skiff }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Program::Skiff => "skiff",
            Program::Kind => "kind",
        }
    }

    /// How long `create cluster` waits unless `--wait` is given
    /// (kind v0.33.0, `pkg/cmd/kind/create/cluster/createcluster.go`).
    pub(crate) fn default_wait(self) -> Duration {
        match self {
            Program::Skiff => DEFAULT_WAIT,
            Program::Kind => Duration::ZERO,
        }
    }
}
