use super::{ClusterName, Invocation, NodesFlag, say};
use crate::bootstrap::ADMIN_CONF;
use crate::context::Context;
use crate::diagnose::Failure;
use crate::inventory;
use crate::kubeconfig;
use crate::load;
use crate::yaml;

#[derive(clap::Subcommand)]
pub enum Get {
    /// List clusters, one name a line
    Clusters,
    /// List the nodes of a cluster, one name a line
    Nodes {
        #[command(flatten)]
        name: ClusterName,
        /// The nodes of all clusters
        #[arg(short = 'A', long)]
        all_clusters: bool,
    },
    /// List the images on a cluster's nodes: name, digest, size, nodes
    Images {
        #[command(flatten)]
        nodes: NodesFlag,
    },
    /// Print a cluster's kubeconfig
    Kubeconfig {
        #[command(flatten)]
        name: ClusterName,
        /// Use the address that other containers on the cluster's network reach
        #[arg(long)]
        internal: bool,
    },
}

impl Get {
    pub async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let ctx = invocation.context()?;
        match self {
            Get::Clusters => {
                let clusters = inventory::clusters(&*ctx.engine).await?;
                if clusters.is_empty() {
                    invocation.progress.info("No kind clusters found.");
                }
                clusters.keys().try_for_each(say)?;
            }
            Get::Nodes { name, all_clusters } => {
                let name = name.get();
                let nodes = if all_clusters {
                    inventory::clusters(&*ctx.engine).await?.into_values().flatten().collect()
                } else {
                    inventory::nodes(&*ctx.engine, &name).await?
                };
                if nodes.is_empty() {
                    invocation.progress.info(if all_clusters {
                        "No kind nodes for any cluster.".to_owned()
                    } else {
                        format!("No kind nodes found for cluster {name:?}.")
                    });
                }
                nodes.iter().try_for_each(|node| say(&node.name))?;
            }
            Get::Images { nodes } => print_images(&load::list(&ctx, &nodes.target()).await?)?,
            Get::Kubeconfig { name, internal } => {
                let config = of_cluster(&ctx, &name.get(), internal).await?;
                // kind prints an empty line after it.
                say(yaml::to_string(&config))?;
            }
        }
        Ok(())
    }
}

/// A cluster's kubeconfig, with the address for this host or for its network.
pub async fn of_cluster(
    ctx: &Context,
    name: &str,
    internal: bool,
) -> Result<serde_json::Value, Failure> {
    let nodes = inventory::nodes(&*ctx.engine, name).await?;
    let missing = || {
        Failure::new(format!("could not locate any control plane nodes for cluster named '{name}'. Use the --name option to select a different cluster"))
            .hint("`get clusters` lists them")
    };
    let plane = inventory::control_plane(&nodes).ok_or_else(missing)?;
    let admin_conf = ctx.read(&plane.name, ADMIN_CONF).await?;
    let server = if internal {
        let balancer = nodes.iter().find(|n| n.role == inventory::LOAD_BALANCER);
        format!("{}:6443", balancer.unwrap_or(plane).name)
    } else {
        inventory::api_endpoint(&*ctx.engine, name, &nodes).await?
    };
    Ok(kubeconfig::renamed(&admin_conf, name, &format!("https://{server}"))?)
}

fn print_images(images: &[load::Listed]) -> Result<(), Failure> {
    let wide = images.iter().map(|image| image.name.len()).max().unwrap_or_default();
    for load::Listed { name, digest, size, nodes } in images {
        say(format!("{name:wide$}  {digest}  {size:>10}  {}", nodes.join(",")))?;
    }
    Ok(())
}
