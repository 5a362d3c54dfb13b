use super::{ClusterName, Invocation, KubeconfigFlag, NodesFlag};
use crate::context::Context;
use crate::diagnose::Failure;
use crate::inventory;
use crate::kubeconfig;
use crate::load;

#[derive(clap::Subcommand)]
pub enum Delete {
    /// Delete one cluster; one that does not exist is no error
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
        /// Its name; content goes with the last tag
        image: String,
        #[command(flatten)]
        nodes: NodesFlag,
    },
}

impl Delete {
    pub async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
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
                let deleted = delete(&invocation.context()?, &name, &kubeconfig).await;
                let nodes = deleted.map_err(|failure| {
                    failure.during(format!("failed to delete cluster {name:?}"))
                })?;
                if !nodes.is_empty() {
                    invocation.progress.info(format!("Deleted nodes: {}", listed(&nodes)));
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
                    inventory::clusters(&*ctx.engine).await?.into_keys().collect()
                } else {
                    names
                };
                let mut done = Vec::new();
                for name in names {
                    match delete(&ctx, &name, &kubeconfig).await {
                        Ok(_) => done.push(name),
                        // As kind does: told, but not the exit code's business.
                        Err(failure) => invocation.progress.warn(
                            failure.during(format!("failed to delete cluster {name:?}")).render(),
                        ),
                    }
                }
                invocation.progress.info(format!("Deleted clusters: {}", listed(&done)));
                Ok(())
            }
        }
    }
}

/// As Go prints a list of quoted names: `["a" "b"]`.
fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    format!("[{}]", quoted.join(" "))
}

/// Kubeconfig first, so that no entry is left for a cluster that is gone; its
/// failure is reported, but does not keep the nodes.
async fn delete(
    ctx: &Context,
    name: &str,
    kubeconfig: &KubeconfigFlag,
) -> Result<Vec<String>, Failure> {
    let nodes: Vec<String> =
        inventory::nodes(&*ctx.engine, name).await?.into_iter().map(|n| n.name).collect();
    let (paths, cluster) = (kubeconfig.all(), name.to_owned());
    let forgotten = tokio::task::spawn_blocking(move || kubeconfig::forget(&paths, &cluster)).await;
    inventory::remove(&*ctx.engine, &nodes).await?;
    forgotten.expect("writing a file does not panic")?;
    Ok(nodes)
}
