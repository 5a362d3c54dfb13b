//! `delete`: clusters, and images on nodes.

use super::flags::{ClusterName, KubeconfigFlag, NodesFlag};
use super::invocation::Invocation;
use super::kind::go;
use crate::delete;
use crate::diagnose::Failure;
use crate::inventory;
use crate::load;

#[derive(clap::Subcommand)]
pub(super) enum Delete {
    /// Delete one cluster; succeeds if it does not exist
    Cluster {
        #[command(flatten)]
        name: ClusterName,
        #[command(flatten)]
        kubeconfig: KubeconfigFlag,
    },
    /// Delete several clusters
    Clusters {
        names: Vec<String>,
        /// Delete all clusters
        #[arg(short = 'A', long)]
        all: bool,
        #[command(flatten)]
        kubeconfig: KubeconfigFlag,
    },
    /// Delete an image from a cluster's nodes
    Image {
        /// The image's name; its content is removed with the last tag
        image: String,
        #[command(flatten)]
        nodes: NodesFlag,
    },
}

impl Delete {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        match self {
            Delete::Image { image, nodes } => {
                let removed = load::remove(&invocation.context()?, &nodes.target(), &image).await?;
                invocation
                    .progress
                    .info(format!("Deleted image {image:?} from nodes: {removed:?}"));
                Ok(())
            }
            Delete::Cluster { name, kubeconfig } => {
                let name = name.get();
                invocation.progress.info(format!("Deleting cluster {name:?} ..."));
                let deleted = delete::delete(&invocation.context()?, &name, kubeconfig.all()).await;
                let nodes = deleted.map_err(|error| {
                    Failure::from(error).during(format!("failed to delete cluster {name:?}"))
                })?;
                if !nodes.is_empty() {
                    invocation.progress.info(format!("Deleted nodes: {}", go::list(&nodes)));
                }
                Ok(())
            }
            Delete::Clusters { names, all, kubeconfig } => {
                if names.is_empty() && !all {
                    return Err(
                        Failure::new("no cluster names provided").hint("name them, or use --all")
                    );
                }
                let ctx = invocation.context()?;
                let names = if all {
                    inventory::clusters(&ctx).await?.into_keys().collect()
                } else {
                    names
                };
                let mut done = Vec::new();
                for name in names {
                    match delete::delete(&ctx, &name, kubeconfig.all()).await {
                        Ok(_) => done.push(name),
                        // As in kind: reported, but the exit code stays 0
                        // (kind v0.33.0, `pkg/cmd/kind/delete/clusters/deleteclusters.go`).
                        Err(error) => {
                            let failure = Failure::from(error)
                                .during(format!("failed to delete cluster {name:?}"));
                            if failure.interrupted {
                                return Err(failure);
                            }
                            invocation.progress.warn(failure.text().trim_end());
                        }
                    }
                }
                invocation.progress.info(format!("Deleted clusters: {}", go::list(&done)));
                Ok(())
            }
        }
    }
}
