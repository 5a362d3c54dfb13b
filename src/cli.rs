//! The command line: kind's commands and flags, and a few of our own.
//!
//! A file per command parses its flags, calls an operation and prints what it
//! returns. What is odd here because kind is so stands in [`kind`].

mod addon;
mod build;
mod completion;
mod create;
mod definition;
mod delete;
mod doctor;
mod export;
#[cfg(feature = "fake-engine")]
mod fake_engine;
mod flags;
mod get;
mod invocation;
mod kind;
mod kubectl;
mod lifecycle;
mod load;
mod output;
mod status;
mod view;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use self::invocation::Invocation;
use self::kind::{Program, cobra, version};
use self::output::print_stdout;
use crate::context::RunError;
use crate::diagnose::{Failure, Kind, exit_codes};
use crate::report::{self, Report};
use crate::signal::{self, Reactions, ReceivedSignal};

/// Local Kubernetes clusters in containers.
///
/// `create cluster` makes one, `kubectl` uses it with the kubectl of its own
/// version, `delete cluster` throws it away.
#[derive(Parser)]
#[command(disable_version_flag = true, disable_help_subcommand = true)]
struct Cli {
    /// How much to report: 1 adds debug lines, 3 kubeadm's output
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
    /// How progress is written to stderr: json is one event a line, for programs
    #[arg(long, global = true, value_name = "FORMAT", default_value = "auto")]
    progress: output::ProgressFormat,
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
    /// Build node images and add-on images
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
    /// Check whether this machine can run clusters, or whether a cluster works
    ///
    /// Without --name it checks the engine and its host, as `create cluster` does before
    /// it makes anything. With --name it examines every node of a cluster that exists,
    /// its API server, Services, DNS and pods; nothing is changed. The exit code is 0 if no check fails. What may fail is a warning.
    Doctor(doctor::Doctor),
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
    /// Pause clusters, which then use no processor time
    #[command(subcommand, arg_required_else_help = true)]
    Pause(lifecycle::Pause),
    /// Stop clusters and start them again
    #[command(subcommand, arg_required_else_help = true)]
    Restart(lifecycle::Restart),
    /// Start clusters that were stopped
    #[command(subcommand, arg_required_else_help = true)]
    Start(lifecycle::Start),
    /// Stop clusters, which keep their data
    #[command(subcommand, arg_required_else_help = true)]
    Stop(lifecycle::Stop),
    /// Let paused clusters go on
    #[command(subcommand, arg_required_else_help = true)]
    Unpause(lifecycle::Unpause),
    /// Show one cluster: its state, nodes, versions, addresses and ports
    Status(status::StatusCommand),
    /// Print the version
    Version {
        #[arg(hide = true)]
        ignored: Vec<OsString>,
        #[command(flatten)]
        format: output::FormatFlag,
    },
    /// What cobra's completion scripts ask for
    #[command(name = "__complete", hide = true)]
    Complete(kind::complete::Words),
    #[command(name = "__completeNoDesc", hide = true)]
    CompleteNoDesc(kind::complete::Words),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let program = Program::of(args.first());
    let command = root_command(program);
    let (quiet, json) =
        (cobra::is_quiet(&command, &args), cobra::has_value(&command, &args, "--progress", "json"));
    let line = cobra::reorder(&command, args);
    let parsed = command.try_get_matches_from(&line.args);
    let (report, outcome) = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => {
            let report = Report::new(cli.report_options(program));
            (report.clone(), start(cli, program, &report))
        }
        Err(error) => {
            let format = if json { report::Format::Json } else { report::Format::default() };
            let as_kind = program == Program::Kind;
            let options = report::Options { quiet, format, as_kind, ..Default::default() };
            (Report::new(options), usage(&error, program, &line))
        }
    };
    match outcome {
        Ok(()) => {
            report.succeeded();
            ExitCode::SUCCESS
        }
        Err(failure) => {
            report.failed(&failure);
            ExitCode::from(report.exit_code(&failure))
        }
    }
}

impl Cli {
    fn report_options(&self, program: Program) -> report::Options {
        report::Options {
            verbosity: self.verbosity,
            quiet: self.quiet,
            format: self.progress.get(),
            as_kind: program == Program::Kind,
        }
    }
}

/// All commands, with the manners of kind's.
fn root_command(program: Program) -> clap::Command {
    let command = Cli::command().name(program.name()).bin_name(program.name());
    cobra::adapt_flags(match program {
        Program::Skiff => command.after_help(MORE_HELP),
        Program::Kind => kind::without_own(command, program),
    })
}

/// Where the help of the program goes on.
const MORE_HELP: &str = "`skiff help exit-codes` explains what skiff ends with.";

/// Prints help that was asked for; everything else is an error.
fn usage(error: &clap::Error, program: Program, line: &cobra::Line) -> Result<(), Failure> {
    if error.kind() == clap::error::ErrorKind::DisplayHelp {
        return print_stdout(error.render().to_string().trim_end());
    }
    let mut root = root_command(program);
    let command =
        find_subcommand(&mut root, &line.path).expect("the command was found when reordering");
    match cobra::mistake(error, line, command) {
        cobra::Mistake::Other(text) => Err(Failure::new(Kind::Usage, text)),
        cobra::Mistake::SubcommandRequired => {
            print_stdout(command.render_help().to_string().trim_end())?;
            Err(Failure::new(Kind::Usage, "Subcommand is required"))
        }
    }
}

fn start(cli: Cli, program: Program, report: &Report) -> Result<(), Failure> {
    #[cfg(feature = "fake-engine")]
    let mut runtime = fake_engine::runtime();
    #[cfg(not(feature = "fake-engine"))]
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Kind::Host, error))?;
    let outcome = runtime.block_on(async {
        let invocation = Invocation::new(program, report.progress());
        let received = listen(&invocation, report);
        let received = received.map_err(|error| Failure::new(Kind::Host, error))?;
        let outcome = run(cli, &invocation).await;
        outcome.map_err(|failure| failure.after_signal(received.number()))
    });
    // Threads that are stuck, such as those that look up names, are not waited for.
    runtime.shutdown_background();
    outcome
}

async fn run(cli: Cli, invocation: &Invocation) -> Result<(), Failure> {
    let program = invocation.program;
    match cli.command {
        _ if cli.version => print_stdout(version::long(program))?,
        None => print_stdout(root_command(program).render_long_help().to_string().trim_end())?,
        Some(Command::Addon(command)) => command.run(invocation).await?,
        Some(Command::Build(command)) => command.run(invocation).await?,
        Some(Command::Completion(shell)) => shell.run(root_command(program), program.name())?,
        Some(Command::Create(command)) => command.run(invocation).await?,
        Some(Command::Delete(command)) => command.run(invocation).await?,
        Some(Command::Doctor(command)) => command.run(invocation).await?,
        Some(Command::Export(command)) => command.run(invocation).await?,
        Some(Command::Get(command)) => command.run(invocation).await?,
        Some(Command::Help { path }) => print_stdout(help(program, &path))?,
        Some(Command::Kubectl(command)) => match command.run(invocation).await? {},
        Some(Command::Load(command)) => command.run(invocation).await?,
        Some(Command::Pause(command)) => command.run(invocation).await?,
        Some(Command::Restart(command)) => command.run(invocation).await?,
        Some(Command::Start(command)) => command.run(invocation).await?,
        Some(Command::Stop(command)) => command.run(invocation).await?,
        Some(Command::Unpause(command)) => command.run(invocation).await?,
        Some(Command::Status(command)) => command.run(invocation).await?,
        Some(Command::Version { format, .. }) if format.is_json() => {
            output::print_json(&version::facts(program))?;
        }
        Some(Command::Version { .. }) if cli.quiet || cli.verbosity < 0 => {
            print_stdout(version::semver(program))?;
        }
        Some(Command::Version { .. }) => print_stdout(version::line(program))?,
        Some(Command::Complete(words)) => words.run(root_command(program), true)?,
        Some(Command::CompleteNoDesc(words)) => words.run(root_command(program), false)?,
    }
    Ok(())
}

/// The help of the command at `path`. If there is none, that and the help of
/// the program.
fn help(program: Program, path: &[String]) -> String {
    if program == Program::Skiff && path == ["exit-codes"] {
        return exit_codes().trim_end().to_owned();
    }
    let mut root = root_command(program);
    if let Some(command) = find_subcommand(&mut root, path) {
        return command.render_long_help().to_string().trim_end().to_owned();
    }
    let help = root_command(program).render_long_help().to_string();
    format!("Unknown help topic [`{}`]\n{}", path.join("` `"), help.trim_end())
}

/// The command at a path, with its full name.
fn find_subcommand<'a>(
    root: &'a mut clap::Command,
    path: &[String],
) -> Option<&'a mut clap::Command> {
    root.build();
    path.iter().try_fold(root, |command, word| command.find_subcommand_mut(word))
}

fn listen(invocation: &Invocation, report: &Report) -> std::io::Result<ReceivedSignal> {
    let (first, second) = (invocation.progress.clone(), invocation.progress.clone());
    let (on_second, on_stuck) = (report.clone(), report.clone());
    let failure = |number| Failure::from(RunError::Cancelled).after_signal(Some(number));
    let clean_up = invocation.clean_up.clone();
    signal::listen(Reactions {
        cancel: invocation.cancel.clone(),
        unfinished: invocation.unfinished.clone(),
        on_first: Box::new(move || {
            first.info("Interrupted: stopping (press Ctrl-C again to quit now)");
        }),
        on_second: Box::new(move |number| {
            if let Some(command) = clean_up.get() {
                second.warn(format!("quit now; this removes what is left: `{command}`"));
            }
            on_second.ended_at_once(&failure(number));
        }),
        on_stuck: Box::new(move |number| on_stuck.failed(&failure(number))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_valid() {
        root_command(Program::Kind).debug_assert();
    }
}
