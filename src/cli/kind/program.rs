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
        let name = path.and_then(|path| Path::new(path).file_name()).unwrap_or_default();
        // kind's releases have names such as `kind-linux-amd64`, and people keep
        // several as `kind-v0.33.0`: the first word counts.
        let name = name.to_string_lossy().to_lowercase();
        let word = name.split(|c: char| !c.is_alphanumeric()).next();
        if word == Some("kind") { Program::Kind } else { Program::Skiff }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_of_the_files_name_counts() {
        for name in [
            "kind",
            "/usr/local/bin/kind",
            "./kind",
            "kind.exe",
            "KIND.EXE",
            "kind-linux-amd64",
            "kind_linux_arm64",
            "kind-windows-amd64.exe",
            "kind-v0.33.0",
            "kind-0.33",
            "kind.v0.33.0",
        ] {
            assert_eq!(Program::of(Some(&name.into())), Program::Kind, "{name}");
        }
        for name in [
            "skiff",
            "skiff-linux-amd64",
            "skiff-kind",
            "skiff.exe",
            "kindle",
            "kinder",
            "kind2",
            "kinder-v1.37.0",
            "mankind",
            "-kind",
            "/opt/kind/skiff",
            "",
        ] {
            assert_eq!(Program::of(Some(&name.into())), Program::Skiff, "{name}");
        }
        assert_eq!(Program::of(None), Program::Skiff);
    }
}
