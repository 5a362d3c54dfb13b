//! `kubectl`: the cluster's own.

use std::process::ExitCode;

use super::flags::ClusterName;
use super::invocation::Invocation;
use crate::diagnose::Failure;
use crate::{kubectl, platform};

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
        let code = platform::exit_code(status);
        Ok(ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
    }
}
