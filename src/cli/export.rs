use std::path::PathBuf;

use super::{ClusterName, Invocation, KubeconfigFlag, get, say, version};
use crate::cluster::context_name;
use crate::diagnose::Failure;
use crate::inventory;
use crate::kubeconfig;
use crate::logs;

#[derive(clap::Subcommand)]
pub enum Export {
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
    /// Collect the logs of a cluster's nodes in a folder, and print its path
    Logs {
        /// Where to; a new folder for temporary files if not said
        folder: Option<PathBuf>,
        #[command(flatten)]
        name: ClusterName,
    },
}

impl Export {
    pub async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let ctx = invocation.context()?;
        match self {
            Export::Kubeconfig { name, kubeconfig, internal } => {
                let name = name.get();
                let entry = get::of_cluster(&ctx, &name, internal).await?;
                let path = kubeconfig.target()?;
                let written =
                    tokio::task::spawn_blocking(move || kubeconfig::export(&path, &entry)).await;
                written.expect("writing a file does not panic")?;
                invocation
                    .progress
                    .info(format!("Set kubectl context to \"{}\"", context_name(&name)));
                Ok(())
            }
            Export::Logs { folder, name } => {
                let name = name.get();
                let nodes = inventory::nodes(&*ctx.engine, &name).await?;
                if nodes.is_empty() {
                    return Err(Failure::new(format!("unknown cluster {name:?}"))
                        .hint("`get clusters` lists them"));
                }
                let folder = match folder {
                    Some(folder) => folder,
                    None => tempfile::tempdir()
                        .map_err(|e| Failure::new(format!("no folder for temporary files: {e}")))?
                        .keep(),
                };
                invocation.progress.info(format!("Exporting logs for cluster {name:?} to:"));
                say(folder.display())?;
                let failed =
                    logs::export(&ctx, &nodes, &folder, &version::line(invocation.program)).await;
                let failed: Vec<String> =
                    failed.into_iter().map(|e| Failure::from(e).heading).collect();
                match failed.is_empty() {
                    true => Ok(()),
                    false => Err(Failure::new(format!(
                        "some logs could not be collected: [{}]",
                        failed.join(", ")
                    ))),
                }
            }
        }
    }
}
