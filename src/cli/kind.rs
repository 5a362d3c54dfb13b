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

/// Commands that kind does not have, and that are not there when called so.
const OWN: [&str; 7] = ["doctor", "pause", "restart", "start", "status", "stop", "unpause"];

/// The commands of this program. clap cannot remove one, so the others are taken over.
pub(super) fn without_own(command: clap::Command, program: Program) -> clap::Command {
    if program == Program::Skiff {
        return command;
    }
    let is_kept = |below: &&clap::Command| !OWN.contains(&below.get_name());
    clap::Command::new(program.name())
        .bin_name(program.name())
        .about(command.get_about().cloned().unwrap_or_default())
        .long_about(command.get_long_about().cloned().unwrap_or_default())
        .disable_version_flag(true)
        .disable_help_subcommand(true)
        .args(command.get_arguments().cloned())
        .subcommands(command.get_subcommands().filter(is_kept).cloned())
}
