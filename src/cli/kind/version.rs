//! The versions that scripts see: kind's when the program is called `kind`
//! (kind v0.33.0, `pkg/cmd/kind/version/version.go`).

use super::Program;

/// The kind release whose behaviour is followed, and what it is built with.
const KIND_VERSION: &str = "0.33.0";
const KIND_GO: &str = "go1.27.2";

pub(crate) fn semver(program: Program) -> &'static str {
    match program {
        Program::Skiff => env!("CARGO_PKG_VERSION"),
        Program::Kind => KIND_VERSION,
    }
}

/// What `--version` prints.
pub(crate) fn long(program: Program) -> String {
    format!("{} version {}", program.name(), semver(program))
}

/// In kind's form, `kind v0.33.0 go1.27.2 linux/amd64`; the third word also
/// shows that the program is skiff.
pub(crate) fn line(program: Program) -> String {
    let made_with = match program {
        Program::Skiff => format!("kind-{KIND_VERSION}"),
        Program::Kind => format!("{KIND_GO}-skiff-{}", env!("CARGO_PKG_VERSION")),
    };
    let (name, version) = (program.name(), semver(program));
    format!("{name} v{version} {made_with} {}/{}", std::env::consts::OS, arch())
}

/// For programs.
pub(crate) fn facts(program: Program) -> serde_json::Value {
    serde_json::json!({
        "name": program.name(),
        "version": semver(program),
        // What it is, whatever it is called, and what it follows.
        "skiff": env!("CARGO_PKG_VERSION"),
        "kind": KIND_VERSION,
        "os": std::env::consts::OS,
        "arch": arch(),
    })
}

/// As in GOARCH.
fn arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
