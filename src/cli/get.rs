//! `get`: what there is, printed to stdout.

use std::io::IsTerminal;

use super::flags::{ClusterName, NodesFlag};
use super::invocation::Invocation;
use super::kind::Program;
use super::output::{FormatFlag, print_json, print_stdout, print_table};
use super::view::{self, ClusterView, ImageView, NodeView};
use crate::admin_kubeconfig::{self, Reader};
use crate::diagnose::Failure;
use crate::environment;
use crate::inventory::{self, ExistingCluster};
use crate::load;
use crate::sbom;
use crate::yaml;

#[derive(clap::Subcommand)]
pub(super) enum Get {
    /// List clusters
    ///
    /// On a terminal a table, otherwise one name a line.
    Clusters {
        #[command(flatten)]
        format: FormatFlag,
    },
    /// List the nodes of a cluster, one name a line
    Nodes {
        #[command(flatten)]
        name: ClusterName,
        /// The nodes of all clusters
        #[arg(short = 'A', long)]
        all_clusters: bool,
        #[command(flatten)]
        format: FormatFlag,
    },
    /// List the images on a cluster's nodes: name, digest, size, nodes
    Images {
        #[command(flatten)]
        nodes: NodesFlag,
        #[command(flatten)]
        format: FormatFlag,
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
        #[command(flatten)]
        format: FormatFlag,
    },
}

impl Get {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        if let Get::Sbom { image: None } = self {
            return print_json(&sbom::of_program());
        }
        let ctx = invocation.context()?;
        match self {
            Get::Sbom { image } => {
                let image = image.unwrap_or_default();
                print_json(&sbom::of_image(&ctx, &image).await?)?;
            }
            Get::Clusters { format } => {
                let clusters: Vec<_> = inventory::clusters(&ctx).await?.into_values().collect();
                if clusters.is_empty() {
                    invocation.progress.info("No kind clusters found.");
                }
                print_clusters(invocation, &clusters, &format)?;
            }
            Get::Nodes { name, all_clusters, format } => {
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
                if format.is_json() {
                    return print_json(&nodes.iter().map(NodeView::of).collect::<Vec<_>>());
                }
                nodes.iter().try_for_each(|node| print_stdout(&node.name))?;
            }
            Get::Images { nodes, format } => {
                let images = load::list(&ctx, &nodes.target()).await?;
                if format.is_json() {
                    return print_json(&images.iter().map(ImageView::of).collect::<Vec<_>>());
                }
                print_images(&images)?;
            }
            Get::Kubeconfig { name, internal, format } => {
                let reader = if internal { Reader::Network } else { Reader::Host };
                let config = admin_kubeconfig::read(&ctx, &name.get(), reader).await?;
                if format.is_json() {
                    return print_json(&config);
                }
                // kind prints an empty line after it.
                print_stdout(yaml::to_string(&config))?;
            }
        }
        Ok(())
    }
}

fn print_clusters(
    invocation: &Invocation,
    clusters: &[ExistingCluster],
    format: &FormatFlag,
) -> Result<(), Failure> {
    if format.is_json() {
        return print_json(&clusters.iter().map(ClusterView::of).collect::<Vec<_>>());
    }
    let is_for_people = invocation.program == Program::Skiff && std::io::stdout().is_terminal();
    if format.is_open() && is_for_people && !clusters.is_empty() {
        return print_table(&view::table(clusters, view::since_1970(environment::now())));
    }
    clusters.iter().try_for_each(|cluster| print_stdout(&cluster.name))
}

fn print_images(images: &[load::ListedImage]) -> Result<(), Failure> {
    let wide = images.iter().map(|image| image.name.len()).max().unwrap_or_default();
    for load::ListedImage { name, digest, size, nodes } in images {
        print_stdout(format!("{name:wide$}  {digest}  {size:>10}  {}", nodes.join(",")))?;
    }
    Ok(())
}
