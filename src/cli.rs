//! The command line: kind's commands and flags, and a few of our own.

mod build;
mod create;
mod delete;
mod duration;
mod export;
mod get;
mod kubectl;
mod load;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::diagnose::Failure;
use crate::engine::docker::DockerEngine;
use crate::engine::endpoint::Surroundings;
use crate::kubeconfig;
use crate::load::Target;
use crate::progress::Progress;
use crate::report;
use crate::signal::{self, Heard};
use crate::work::Work;

/// The kind release whose behaviour is followed.
const KIND_VERSION: &str = "0.33.0";

/// Local Kubernetes clusters in containers.
///
/// Create a cluster with `create cluster`, use it with kubectl (or
/// `skiff kubectl -- get nodes`), throw it away with `delete cluster`.
#[derive(Parser)]
#[command(name = "skiff", version, disable_version_flag = true, arg_required_else_help = false)]
struct Cli {
    /// How much to tell: 1 adds debug lines, 3 kubeadm's output
    #[arg(
        short = 'v',
        long = "verbosity",
        global = true,
        default_value_t = 0,
        allow_negative_numbers = true
    )]
    verbosity: i32,
    /// Write nothing to stderr, not even errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print the version
    #[arg(long)]
    version: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Build a node image
    #[command(subcommand, arg_required_else_help = true)]
    Build(build::Build),
    /// Print a completion script for a shell
    Completion {
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Create a cluster
    #[command(subcommand, arg_required_else_help = true)]
    Create(create::Create),
    /// Delete clusters, or an image from nodes
    #[command(subcommand, arg_required_else_help = true)]
    Delete(delete::Delete),
    /// Export a cluster's kubeconfig or logs
    #[command(subcommand, arg_required_else_help = true)]
    Export(export::Export),
    /// List clusters, nodes and images, print a kubeconfig
    #[command(subcommand, arg_required_else_help = true)]
    Get(get::Get),
    /// Run the kubectl of the cluster's own version
    ///
    /// Everything after the options is kubectl's:
    /// `skiff kubectl --name lab -- get pods -A`
    Kubectl(kubectl::Kubectl),
    /// Load images into a cluster's nodes
    #[command(subcommand, arg_required_else_help = true)]
    Load(load::Load),
    /// Print the version
    Version,
}

/// The option that most commands share.
#[derive(clap::Args)]
struct ClusterName {
    /// The cluster's name
    #[arg(
        short = 'n',
        long = "name",
        env = "KIND_CLUSTER_NAME",
        default_value = "kind",
        hide_env_values = true
    )]
    name: String,
}

/// Some nodes of a cluster.
#[derive(clap::Args)]
struct NodesFlag {
    #[command(flatten)]
    name: ClusterName,
    /// Only these nodes, separated by commas
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    nodes: Vec<String>,
}

impl NodesFlag {
    fn target(self) -> Target {
        Target { cluster: self.name.name, nodes: self.nodes }
    }
}

#[derive(clap::Args)]
struct KubeconfigFlag {
    /// The kubeconfig file, instead of $KUBECONFIG or $HOME/.kube/config
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
}

impl KubeconfigFlag {
    fn target(&self) -> Result<PathBuf, Failure> {
        let (env, home) = (std::env::var_os("KUBECONFIG"), std::env::var_os("HOME"));
        Ok(kubeconfig::write_target(
            self.kubeconfig.as_deref(),
            env.as_deref(),
            home.as_deref().map(Path::new),
        )?)
    }

    fn all(&self) -> Vec<PathBuf> {
        let (env, home) = (std::env::var_os("KUBECONFIG"), std::env::var_os("HOME"));
        kubeconfig::read_paths(
            self.kubeconfig.as_deref(),
            env.as_deref(),
            home.as_deref().map(Path::new),
        )
    }
}

/// What a command gets besides its own flags.
struct Context {
    /// `skiff`, or `kind` where the binary is called so.
    program: &'static str,
    progress: Progress,
    cancel: CancellationToken,
}

impl Context {
    fn work(&self) -> Result<Work, Failure> {
        let engine = DockerEngine::connect(Surroundings::of_process().endpoint()?)?;
        Ok(Work::new(Arc::new(engine), self.progress.clone(), self.cancel.clone()))
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let program = args
        .first()
        .and_then(|path| Path::new(path).file_stem())
        .map(|name| name.to_string_lossy().into_owned());
    let program = if program.as_deref() == Some("kind") { "kind" } else { "skiff" };
    // Quiet counts before anything is understood, errors of usage included.
    let quiet =
        args.iter().take_while(|arg| *arg != "--").any(|arg| arg == "-q" || arg == "--quiet");

    let command = Cli::command().name(program).bin_name(program);
    let cli = match command
        .try_get_matches_from(args)
        .and_then(|matches| Cli::from_arg_matches(&matches))
    {
        Ok(cli) => cli,
        Err(error) => return usage(error, quiet),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(cli, program)),
        Err(error) => Err((Failure::new(error), None)),
    };
    match outcome {
        Ok(code) => code,
        Err((failure, heard)) => {
            if !quiet {
                eprint!("{}", failure.render());
            }
            ExitCode::from(heard.filter(|_| failure.interrupted).unwrap_or(1))
        }
    }
}

/// Help goes to stdout with 0; everything else is an error, and those are 1.
fn usage(error: clap::Error, quiet: bool) -> ExitCode {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand};
    match error.kind() {
        DisplayHelp => {
            let _ = error.print();
            ExitCode::SUCCESS
        }
        DisplayHelpOnMissingArgumentOrSubcommand => {
            print!("{}", error.render());
            if !quiet {
                eprintln!("ERROR: Subcommand is required");
            }
            ExitCode::FAILURE
        }
        _ => {
            if !quiet {
                let text = error.render().to_string();
                eprintln!("ERROR: {}", text.strip_prefix("error: ").unwrap_or(&text).trim_end());
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli, program: &'static str) -> Result<ExitCode, (Failure, Option<u8>)> {
    let progress = report::for_stderr(cli.verbosity, cli.quiet);
    let cancel = CancellationToken::new();
    let heard = listen(&progress, &cancel, program).map_err(|e| (Failure::new(e), None))?;
    let context = Context { program, progress, cancel };
    let outcome = match cli.command {
        _ if cli.version => {
            println!("{} version {}", context.program, semver(context.program));
            Ok(())
        }
        None => {
            let mut command = Cli::command().name(context.program).bin_name(context.program);
            command.print_long_help().map_err(Failure::new)
        }
        Some(Command::Build(command)) => command.run(&context).await,
        Some(Command::Completion { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), context.program, &mut script);
            print!("{}", String::from_utf8_lossy(&script));
            Ok(())
        }
        Some(Command::Create(command)) => command.run(&context).await,
        Some(Command::Delete(command)) => command.run(&context).await,
        Some(Command::Export(command)) => command.run(&context).await,
        Some(Command::Get(command)) => command.run(&context).await,
        Some(Command::Kubectl(command)) => {
            return command.run(&context).await.map_err(|failure| (failure, heard.exit_code()));
        }
        Some(Command::Load(command)) => command.run(&context).await,
        Some(Command::Version) => {
            if cli.quiet || cli.verbosity < 0 {
                println!("{}", semver(context.program));
            } else {
                println!("{}", version_line(context.program));
            }
            Ok(())
        }
    };
    outcome.map(|()| ExitCode::SUCCESS).map_err(|failure| (failure, heard.exit_code()))
}

fn listen(
    progress: &Progress,
    cancel: &CancellationToken,
    program: &'static str,
) -> std::io::Result<Heard> {
    let first = progress.clone();
    let second = progress.clone();
    signal::listen(
        cancel.clone(),
        move || first.info("Interrupted: cleaning up, once more leaves at once"),
        move || {
            second.warn(format!("left at once; what may be left over: {program} get clusters, then {program} delete cluster --name NAME"))
        },
    )
}

/// The version scripts see: kind's when called `kind`.
fn semver(program: &str) -> &'static str {
    if program == "kind" { KIND_VERSION } else { env!("CARGO_PKG_VERSION") }
}

/// In kind's form: name, version, what it is built with, platform.
fn version_line(program: &str) -> String {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!(
        "{program} v{} skiff-{} {}/{arch}",
        semver(program),
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
