//! The command line: kind's commands and flags, and a few of our own.

mod addon;
mod build;
mod cobra;
mod completion;
mod create;
mod delete;
mod export;
mod get;
mod kubectl;
mod load;
mod provider;
mod version;

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use crate::cluster::DEFAULT_NAME;
use crate::context::Context;
use crate::create::DEFAULT_WAIT;
use crate::diagnose::Failure;
use crate::engine::docker::DockerEngine;
use crate::engine::endpoint::DockerEnv;
use crate::kubeconfig;
use crate::load::Target;
use crate::progress::Progress;
use crate::report;
use crate::signal::{self, ReceivedSignal};

/// Local Kubernetes clusters in containers.
///
/// `create cluster` makes one, `kubectl` uses it with the kubectl of its own
/// version, `delete cluster` throws it away.
#[derive(Parser)]
#[command(disable_version_flag = true, disable_help_subcommand = true)]
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
    /// Install add-ons such as ingress-nginx and metrics-server
    #[command(subcommand, arg_required_else_help = true)]
    Addon(addon::Addon),
    /// Build a node image
    #[command(subcommand, arg_required_else_help = true)]
    Build(build::Build),
    /// Print a completion script for a shell
    #[command(subcommand, arg_required_else_help = true)]
    Completion(completion::Completion),
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
    /// Help about any command
    Help {
        #[arg(value_name = "COMMAND")]
        path: Vec<String>,
    },
    /// Run the kubectl of the cluster's own version
    ///
    /// Everything after the options is kubectl's, as in
    /// `kubectl --name lab -- get pods -A`.
    Kubectl(kubectl::Kubectl),
    /// Load images into a cluster's nodes
    #[command(subcommand, arg_required_else_help = true)]
    Load(load::Load),
    /// Print the version
    Version {
        #[arg(hide = true)]
        ignored: Vec<OsString>,
    },
    /// What cobra's completion scripts ask for
    #[command(name = "__complete", hide = true)]
    Complete(completion::Words),
    #[command(name = "__completeNoDesc", hide = true)]
    CompleteNoDesc(completion::Words),
}

/// The option that most commands share.
#[derive(clap::Args)]
struct ClusterName {
    /// The cluster's name [default: $KIND_CLUSTER_NAME, else kind]
    #[arg(short = 'n', long = "name")]
    name: Option<String>,
}

impl ClusterName {
    fn get(&self) -> String {
        let given = self.name.clone().or_else(|| env("KIND_CLUSTER_NAME"));
        given.filter(|name| !name.is_empty()).unwrap_or_else(|| DEFAULT_NAME.to_owned())
    }
}

/// A path, which may be empty and then counts as not given.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// A variable that is set to something.
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
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
        Target { cluster: self.name.get(), nodes: self.nodes }
    }
}

#[derive(clap::Args)]
struct KubeconfigFlag {
    /// The kubeconfig file, instead of $KUBECONFIG or $HOME/.kube/config
    #[arg(long, value_name = "FILE", value_parser = path())]
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
struct Invocation {
    program: Program,
    progress: Progress,
    cancel: CancellationToken,
    /// The command that removes what is left when this one is ended at once.
    clean_up: Arc<OnceLock<String>>,
}

impl Invocation {
    fn context(&self) -> Result<Context, Failure> {
        provider::check(env(provider::VARIABLE).as_deref(), &self.progress)?;
        let engine = DockerEngine::connect(DockerEnv::of_process().endpoint()?)?;
        Ok(Context::new(Arc::new(engine), self.progress.clone(), self.cancel.clone()))
    }
}

/// What the program is called as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    Skiff,
    /// Scripts written for kind call it so: its defaults apply.
    Kind,
}

impl Program {
    fn of(path: Option<&OsString>) -> Self {
        let name = path.and_then(|path| Path::new(path).file_stem());
        if name.is_some_and(|name| name == "kind") { Program::Kind } else { Program::Skiff }
    }

    fn name(self) -> &'static str {
        match self {
            Program::Skiff => "skiff",
            Program::Kind => "kind",
        }
    }

    /// How long `create cluster` waits when nobody says.
    fn default_wait(self) -> Duration {
        match self {
            Program::Skiff => DEFAULT_WAIT,
            Program::Kind => Duration::ZERO,
        }
    }

    fn command(self) -> clap::Command {
        cobra::adapt(Cli::command().name(self.name()).bin_name(self.name()))
    }
}

/// Writes to stdout, which is for what was asked for.
fn say(text: impl Display) -> Result<(), Failure> {
    let written = writeln!(std::io::stdout(), "{text}");
    written.map_err(|e| Failure::new(format!("cannot write to stdout: {e}")))
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let program = Program::of(args.first());
    let command = program.command();
    let quiet = cobra::is_quiet(&command, &args);
    let line = cobra::arrange(&command, args);
    let parsed = command.try_get_matches_from(&line.args);
    let outcome = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => start(cli, program),
        Err(error) => usage(&error, program, &line),
    };
    outcome.unwrap_or_else(|(failure, code)| {
        if !quiet {
            report::error(&failure.render());
        }
        ExitCode::from(code.filter(|_| failure.interrupted).unwrap_or(1))
    })
}

/// A failure, and the exit code if a signal caused it.
type Outcome = Result<ExitCode, (Failure, Option<u8>)>;

/// Help goes to stdout with 0; everything else is an error, and those are 1.
fn usage(error: &clap::Error, program: Program, line: &cobra::Line) -> Outcome {
    let plain = |failure| (failure, None);
    if error.kind() == clap::error::ErrorKind::DisplayHelp {
        return say(error.render().to_string().trim_end())
            .map_err(plain)
            .map(|()| ExitCode::SUCCESS);
    }
    let mut root = program.command();
    let command = below(&mut root, &line.path).expect("the line was arranged by it");
    let failure = match cobra::mistake(error, line, command) {
        cobra::Mistake::Other(text) => Failure::new(text),
        cobra::Mistake::SubcommandRequired => {
            say(command.render_help().to_string().trim_end()).map_err(plain)?;
            Failure::new("Subcommand is required")
        }
    };
    Err(plain(failure))
}

fn start(cli: Cli, program: Program) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| (Failure::new(e), None))?;
    runtime.block_on(async {
        let progress = report::for_stderr(cli.verbosity, cli.quiet);
        let invocation = Invocation {
            program,
            progress,
            cancel: CancellationToken::new(),
            clean_up: Arc::default(),
        };
        let heard = listen(&invocation).map_err(|e| (Failure::new(e), None))?;
        run(cli, &invocation).await.map_err(|failure| (failure, heard.exit_code()))
    })
}

async fn run(cli: Cli, invocation: &Invocation) -> Result<ExitCode, Failure> {
    let program = invocation.program;
    match cli.command {
        _ if cli.version => say(version::long(program))?,
        None => say(program.command().render_long_help().to_string().trim_end())?,
        Some(Command::Addon(command)) => command.run(invocation).await?,
        Some(Command::Build(command)) => command.run(invocation).await?,
        Some(Command::Completion(shell)) => shell.run(program)?,
        Some(Command::Create(command)) => command.run(invocation).await?,
        Some(Command::Delete(command)) => command.run(invocation).await?,
        Some(Command::Export(command)) => command.run(invocation).await?,
        Some(Command::Get(command)) => command.run(invocation).await?,
        Some(Command::Help { path }) => say(help(program, &path))?,
        Some(Command::Kubectl(command)) => return command.run(invocation).await,
        Some(Command::Load(command)) => command.run(invocation).await?,
        Some(Command::Version { .. }) if cli.quiet || cli.verbosity < 0 => {
            say(version::semver(program))?;
        }
        Some(Command::Version { .. }) => say(version::line(program))?,
        Some(Command::Complete(words)) => words.run(program, true)?,
        Some(Command::CompleteNoDesc(words)) => words.run(program, false)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A command's help; for a command that is none, that and the program's.
fn help(program: Program, path: &[String]) -> String {
    let mut root = program.command();
    if let Some(command) = below(&mut root, path) {
        return command.render_long_help().to_string().trim_end().to_owned();
    }
    let help = program.command().render_long_help().to_string();
    format!("Unknown help topic [`{}`]\n{}", path.join("` `"), help.trim_end())
}

/// The command at a path, with its full name.
fn below<'a>(root: &'a mut clap::Command, path: &[String]) -> Option<&'a mut clap::Command> {
    root.build();
    path.iter().try_fold(root, |command, word| command.find_subcommand_mut(word))
}

fn listen(invocation: &Invocation) -> std::io::Result<ReceivedSignal> {
    let (first, second) = (invocation.progress.clone(), invocation.progress.clone());
    let clean_up = invocation.clean_up.clone();
    signal::listen(
        invocation.cancel.clone(),
        move || first.info("Interrupted: cleaning up, once more leaves at once"),
        move || {
            if let Some(command) = clean_up.get() {
                second.warn(format!("left at once; this removes what is left: {command}"));
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Program::Kind.command().debug_assert();
    }
}
