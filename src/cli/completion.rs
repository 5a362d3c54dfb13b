//! Completion scripts for shells.

use std::ffi::OsString;

use clap_complete::Shell;

use super::output::print_stdout;
use crate::diagnose::Failure;

#[derive(clap::Subcommand)]
pub(super) enum Completion {
    /// For bash, which reads it with `source <(... completion bash)`
    Bash,
    /// For fish, kept in a file in ~/.config/fish/completions
    Fish {
        #[arg(hide = true)]
        ignored: Vec<OsString>,
    },
    /// For PowerShell, piped into `Out-String | Invoke-Expression`
    Powershell,
    /// For zsh, kept in a file in ${fpath[1]}
    Zsh,
}

impl Completion {
    pub(super) fn run(&self, mut root: clap::Command, program: &str) -> Result<(), Failure> {
        let shell = match self {
            Completion::Bash => Shell::Bash,
            Completion::Fish { .. } => Shell::Fish,
            Completion::Powershell => Shell::PowerShell,
            Completion::Zsh => Shell::Zsh,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut root, program, &mut script);
        print_stdout(String::from_utf8_lossy(&script).trim_end())
    }
}
