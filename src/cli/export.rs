//! `export`: kubeconfig and logs.

use std::path::PathBuf;

use super::flags::{ClusterName, KubeconfigFlag};
use super::invocation::Invocation;
use super::kind::{Program, version};
use super::output::print_stdout;
use crate::admin_kubeconfig::{self, Reader};
use crate::cluster::context_name;
use crate::diagnose::{Failure, Kind};
use crate::inventory::{self, ClusterState};
use crate::logs;
use crate::progress::Step;

#[derive(clap::Subcommand)]
pub(super) enum Export {
    /// Merge a cluster's kubeconfig into your own
    Kubeconfig {
        #[command(flatten)]
        name: ClusterName,
        #[command(flatten)]
        kubeconfig: KubeconfigFlag,
        /// Use the address that other containers on the cluster's network reach
        #[arg(long)]
        internal: bool,
    },
    /// Collect the logs of a cluster's nodes in a directory, and print its path
    Logs {
        /// The directory [default: a new temporary one]
        directory: Option<PathBuf>,
        #[command(flatten)]
        name: ClusterName,
    },
}

impl Export {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let ctx = invocation.context()?;
        match self {
            Export::Kubeconfig { name, kubeconfig, internal } => {
                let name = name.get();
                let reader = if internal { Reader::Network } else { Reader::Host };
                let entry = admin_kubeconfig::read(&ctx, &name, reader).await?;
                admin_kubeconfig::merge(&ctx, entry, kubeconfig.target()?).await?;
                invocation
                    .progress
                    .info(format!("Set kubectl context to \"{}\"", context_name(&name)));
                Ok(())
            }
            Export::Logs { directory, name } => {
                let name = name.get();
                let cluster = inventory::cluster(&ctx, &name).await?;
                if !cluster.exists() {
                    return Err(Failure::new(Kind::Usage, format!("unknown cluster {name:?}"))
                        .hint("`get clusters` lists them"));
                }
                if cluster.state() != ClusterState::Running {
                    invocation.progress.warn("not every node runs: of those that do not there are only the engine's records");
                }
                let directory = match directory {
                    Some(directory) => directory,
                    None => tempfile::tempdir()
                        .map_err(|e| {
                            let problem = format!("cannot create a temporary directory: {e}");
                            Failure::new(Kind::Other, problem)
                        })?
                        .keep(),
                };
                invocation.progress.info(format!("Exporting logs for cluster {name:?} to:"));
                print_stdout(directory.display())?;
                let is_shown = invocation.program == Program::Skiff;
                let step = is_shown.then(|| ctx.progress.step("Collecting logs"));
                let version = version::line(invocation.program);
                let failed = logs::export(&ctx, &cluster, &directory, &version).await;
                let failed: Vec<Failure> = failed.into_iter().map(Failure::from).collect();
                if failed.is_empty() {
                    step.into_iter().for_each(Step::done);
                    return Ok(());
                }
                drop(step);
                let headings: Vec<&str> = failed.iter().map(|f| f.heading.as_str()).collect();
                let heading =
                    format!("some logs could not be collected: [{}]", headings.join(", "));
                let interruption = failed.iter().find(|failure| failure.is_interruption());
                let kind = interruption.unwrap_or(&failed[0]).kind;
                Err(Failure::new(kind, heading))
            }
        }
    }
}
