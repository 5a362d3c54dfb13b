use super::{ClusterName, Context, KubeconfigFlag, NodesFlag};
use crate::diagnose::Failure;
use crate::existing;
use crate::kubeconfig;
use crate::load;
use crate::work::Work;

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
    pub async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Delete::Image { image, nodes } => {
                let removed = load::remove(&context.work()?, &nodes.target(), &image).await?;
                context.progress.info(format!("Deleted image {image:?} from nodes: {removed:?}"));
                Ok(())
            }
            Delete::Cluster { name, kubeconfig } => {
                let name = name.get();
                context.progress.info(format!("Deleting cluster {name:?} ..."));
                let deleted = delete(&context.work()?, &name, &kubeconfig).await;
                let nodes = deleted.map_err(|failure| {
                    failure.during(format!("failed to delete cluster {name:?}"))
                })?;
                if !nodes.is_empty() {
                    context.progress.info(format!("Deleted nodes: {}", listed(&nodes)));
                }
                Ok(())
            }
            Delete::Clusters { names, all, kubeconfig } => {
                if names.is_empty() && !all {
                    return Err(
                        Failure::new("no cluster names provided").hint("name them, or use --all")
                    );
                }
                let work = context.work()?;
                let names = if all {
                    existing::clusters(&*work.engine).await?.into_keys().collect()
                } else {
                    names
                };
                let mut done = Vec::new();
                for name in names {
                    match delete(&work, &name, &kubeconfig).await {
                        Ok(_) => done.push(name),
                        // As kind does: told, but not the exit code's business.
                        Err(failure) => context.progress.warn(
                            failure.during(format!("failed to delete cluster {name:?}")).render(),
                        ),
                    }
                }
                context.progress.info(format!("Deleted clusters: {}", listed(&done)));
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
    work: &Work,
    name: &str,
    kubeconfig: &KubeconfigFlag,
) -> Result<Vec<String>, Failure> {
    let nodes: Vec<String> =
        existing::nodes(&*work.engine, name).await?.into_iter().map(|n| n.name).collect();
    let (paths, cluster) = (kubeconfig.all(), name.to_owned());
    let forgotten = tokio::task::spawn_blocking(move || kubeconfig::forget(&paths, &cluster)).await;
    existing::remove(&*work.engine, &nodes).await?;
    forgotten.expect("writing a file does not panic")?;
    Ok(nodes)
}
