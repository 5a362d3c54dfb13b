//! `kubectl`: that of the cluster's own version.

use std::convert::Infallible;

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
    pub(super) async fn run(self, invocation: &Invocation) -> Result<Infallible, Failure> {
        Ok(kubectl::run(&invocation.context()?, &self.name.get(), &self.args).await?)
    }
}
