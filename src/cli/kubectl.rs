//! `kubectl`: the cluster's own.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitCode;

use super::flags::ClusterName;
use super::invocation::Invocation;
use crate::diagnose::Failure;
use crate::kubectl;

#[derive(clap::Args)]
pub(super) struct Kubectl {
    #[command(flatten)]
    name: ClusterName,
    /// kubectl's own arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    args: Vec<std::ffi::OsString>,
}

impl Kubectl {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<ExitCode, Failure> {
        let status = kubectl::run(&invocation.context()?, &self.name.get(), &self.args).await?;
        // 128 + the signal if one ended kubectl, as shells report it.
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
        Ok(ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
    }
}
