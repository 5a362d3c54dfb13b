//! `get`: what there is, printed to stdout.

use super::flags::{ClusterName, NodesFlag};
use super::invocation::Invocation;
use super::output::print_stdout;
use crate::admin_kubeconfig::{self, Reader};
use crate::diagnose::Failure;
use crate::inventory;
use crate::load;
use crate::sbom;
use crate::yaml;

#[derive(clap::Subcommand)]
pub(super) enum Get {
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
    /// Print what an image or skiff itself is made of, as a CycloneDX bill of materials
    Sbom {
        /// An image that skiff built [default: the skiff program]
        image: Option<String>,
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
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        if let Get::Sbom { image: None } = self {
            return print_sbom(&sbom::of_program());
        }
        let ctx = invocation.context()?;
        match self {
            Get::Sbom { image } => {
                let image = image.unwrap_or_default();
                print_sbom(&sbom::of_image(&ctx, &image).await?)?;
            }
            Get::Clusters => {
                let clusters = inventory::clusters(&ctx).await?;
                if clusters.is_empty() {
                    invocation.progress.info("No kind clusters found.");
                }
                clusters.keys().try_for_each(print_stdout)?;
            }
            Get::Nodes { name, all_clusters } => {
                let name = name.get();
                let nodes: Vec<_> = if all_clusters {
                    let clusters = inventory::clusters(&ctx).await?;
                    clusters.into_values().flat_map(|cluster| cluster.nodes).collect()
                } else {
                    inventory::cluster(&ctx, &name).await?.nodes
                };
                if nodes.is_empty() {
                    invocation.progress.info(if all_clusters {
                        "No kind nodes for any cluster.".to_owned()
                    } else {
                        format!("No kind nodes found for cluster {name:?}.")
                    });
                }
                nodes.iter().try_for_each(|node| print_stdout(&node.name))?;
            }
            Get::Images { nodes } => print_images(&load::list(&ctx, &nodes.target()).await?)?,
            Get::Kubeconfig { name, internal } => {
                let reader = if internal { Reader::Network } else { Reader::Host };
                let config = admin_kubeconfig::read(&ctx, &name.get(), reader).await?;
                // kind prints an empty line after it.
                print_stdout(yaml::to_string(&config))?;
            }
        }
        Ok(())
    }
}

fn print_images(images: &[load::ListedImage]) -> Result<(), Failure> {
    let wide = images.iter().map(|image| image.name.len()).max().unwrap_or_default();
    for load::ListedImage { name, digest, size, nodes } in images {
        print_stdout(format!("{name:wide$}  {digest}  {size:>10}  {}", nodes.join(",")))?;
    }
    Ok(())
}

fn print_sbom(document: &serde_json::Value) -> Result<(), Failure> {
    print_stdout(format!("{document:#}"))
}
