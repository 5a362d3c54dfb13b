//! `delete`: clusters, and images on nodes.

use serde::Serialize;
use serde_json::Value;

use super::flags::{ClusterName, KubeconfigFlag, NodesFlag};
use super::invocation::Invocation;
use super::kind::{Program, go};
use super::output::{FormatFlag, print_json};
use crate::context::Context;
use crate::delete;
use crate::diagnose::{Failure, Kind};
use crate::inventory;
use crate::load;
use crate::progress::Step;
use crate::report::events;

#[derive(clap::Subcommand)]
pub(super) enum Delete {
    /// Delete one cluster; succeeds if it does not exist
    Cluster {
        #[command(flatten)]
        name: ClusterName,
        #[command(flatten)]
        kubeconfig: KubeconfigFlag,
        #[command(flatten)]
        format: FormatFlag,
    },
    /// Delete several clusters
    Clusters {
        names: Vec<String>,
        /// Delete all clusters
        #[arg(short = 'A', long)]
        all: bool,
        #[command(flatten)]
        kubeconfig: KubeconfigFlag,
        #[command(flatten)]
        format: FormatFlag,
    },
    /// Delete an image from a cluster's nodes
    Image {
        /// The image's name; its content is removed with the last tag
        image: String,
        #[command(flatten)]
        nodes: NodesFlag,
        #[command(flatten)]
        format: FormatFlag,
    },
}

/// What became of one cluster or image: the JSON that programs rely on, in which fields
/// may be added.
#[derive(Serialize)]
struct Deleted {
    /// The name of the cluster or image.
    name: String,
    /// The nodes that were deleted, or on which the image was.
    nodes: Vec<String>,
    /// As in the last event of `--progress json`; null if everything was deleted.
    error: Option<Value>,
}

impl Deleted {
    fn new(name: &str, nodes: Vec<String>, failure: Option<&Failure>) -> Self {
        let error = failure.map(|failure| events::error(failure, failure.exit_code()));
        Deleted { name: name.to_owned(), nodes, error }
    }
}

impl Delete {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        match self {
            Delete::Image { image, nodes, format } => {
                let (ctx, mut removed) = (invocation.context()?, Vec::new());
                let done = load::remove(&ctx, &nodes.target(), &image, &mut removed).await;
                let failure = done.err().map(Failure::from);
                if format.is_json() {
                    print_json(&Deleted::new(&image, removed.clone(), failure.as_ref()))?;
                }
                if let Some(failure) = failure {
                    return Err(failure);
                }
                let said = format!("Deleted image {image:?} from nodes: {removed:?}");
                invocation.progress.info(said);
                Ok(())
            }
            Delete::Cluster { name, kubeconfig, format } => {
                let name = name.get();
                invocation.progress.info(format!("Deleting cluster {name:?} ..."));
                let ctx = invocation.context()?;
                let (nodes, failure) = delete(invocation, &ctx, &name, &kubeconfig).await;
                if format.is_json() {
                    print_json(&Deleted::new(&name, nodes.clone(), failure.as_ref()))?;
                }
                if let Some(failure) = failure {
                    return Err(failure);
                }
                if !nodes.is_empty() {
                    invocation.progress.info(format!("Deleted nodes: {}", go::list(&nodes)));
                }
                Ok(())
            }
            Delete::Clusters { names, all, kubeconfig, format } => {
                if names.is_empty() && !all {
                    return Err(Failure::new(Kind::Usage, "no cluster names provided")
                        .hint("name them, or use --all"));
                }
                let ctx = invocation.context()?;
                let names = match all {
                    true => inventory::clusters(&ctx).await?.into_keys().collect(),
                    false => names,
                };
                several(invocation, &ctx, names, &kubeconfig, &format).await
            }
        }
    }
}

/// Deletes a cluster; returns the nodes that are gone, and what failed.
async fn delete(
    invocation: &Invocation,
    ctx: &Context,
    name: &str,
    kubeconfig: &KubeconfigFlag,
) -> (Vec<String>, Option<Failure>) {
    let is_shown = invocation.program == Program::Skiff;
    let step = is_shown.then(|| ctx.progress.step(format!("Removing cluster {name:?} 🧹")));
    match delete::delete(ctx, name, kubeconfig.all()).await {
        Ok(nodes) => {
            step.into_iter().for_each(Step::done);
            (nodes, None)
        }
        Err(mut error) => {
            let nodes = std::mem::take(&mut error.removed);
            let failure = Failure::from(error).during(format!("failed to delete cluster {name:?}"));
            (nodes, Some(failure))
        }
    }
}

async fn several(
    invocation: &Invocation,
    ctx: &Context,
    names: Vec<String>,
    kubeconfig: &KubeconfigFlag,
    format: &FormatFlag,
) -> Result<(), Failure> {
    let (mut all, mut done, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        let (nodes, failure) = delete(invocation, ctx, &name, kubeconfig).await;
        all.push(Deleted::new(&name, nodes, failure.as_ref()));
        match failure {
            None => done.push(name),
            Some(failure) if failure.is_interruption() => {
                failures = vec![failure];
                break;
            }
            Some(failure) => {
                invocation.progress.warn(failure.text().trim_end());
                failures.push(failure);
            }
        }
    }
    if format.is_json() {
        print_json(&all)?;
    }
    let interrupted = failures.iter().position(Failure::is_interruption);
    if let Some(at) = interrupted {
        return Err(failures.swap_remove(at));
    }
    invocation.progress.info(format!("Deleted clusters: {}", go::list(&done)));
    match failures.first() {
        // In kind they are only reported
        // (kind v0.33.0, `pkg/cmd/kind/delete/clusters/deleteclusters.go`).
        Some(first) if invocation.program == Program::Skiff => {
            let problem = format!("{} of {} clusters are not deleted", failures.len(), all.len());
            Err(Failure::new(first.kind, problem))
        }
        _ => Ok(()),
    }
}
