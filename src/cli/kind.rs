//! What is so because kind does it: everything about the command line that
//! would look odd without knowing kind v0.33.0.
//!
//! | module | what | in kind v0.33.0 |
//! | --- | --- | --- |
//! | [`cobra`] | where flags may stand, what they accept, how a mistake is worded | the libraries cobra and pflag |
//! | [`complete`] | the answers that completion scripts ask for | cobra, `completions.go` |
//! | [`go`] | how Go prints lists | `pkg/cmd/kind/delete/cluster/deletecluster.go` |
//! | [`program`] | the two names, and the defaults that depend on them | `pkg/cmd/kind/create/cluster/createcluster.go` |
//! | [`provider`] | `KIND_EXPERIMENTAL_PROVIDER` | `pkg/internal/runtime/runtime.go` |
//! | [`source`] | the arguments of `build node-image` | `pkg/build/nodeimage/build.go` |
//! | [`version`] | version strings | `pkg/cmd/kind/version/version.go` |
//!
//! Besides, the texts of errors that kind has are kind's, without a
//! signal exit codes are 0 and 1 only (kind v0.33.0, `cmd/kind/app/main.go`), and a slow or half-deleted
//! cluster is a warning (see `create` and `delete`).

pub(super) mod cobra;
pub(super) mod complete;
pub(super) mod go;
mod program;
pub(super) mod provider;
pub(super) mod source;
pub(super) mod version;

pub(super) use program::Program;

/// Commands that kind does not have, and that are not there when called so; and names
/// that nobody types, since clap cannot remove a command.
const OWN: [(&str, &str); 7] = [
    ("doctor", "skiff doctor"),
    ("pause", "skiff pause"),
    ("restart", "skiff restart"),
    ("start", "skiff start"),
    ("status", "skiff status"),
    ("stop", "skiff stop"),
    ("unpause", "skiff unpause"),
];

/// kind's commands.
pub(super) fn without_own(command: clap::Command) -> clap::Command {
    OWN.iter().fold(command, |command, (name, hidden)| {
        command.mut_subcommand(*name, |own| own.name(*hidden).hide(true))
    })
}
