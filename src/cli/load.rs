//! `load`: images into nodes.

use super::flags::NodesFlag;
use super::invocation::Invocation;
use crate::diagnose::{Failure, Kind};
use crate::load;

#[derive(clap::Subcommand)]
pub(super) enum Load {
    /// Load images from the container engine into nodes
    ///
    /// Nodes get only the layers they lack; an image that is already there
    /// costs nothing.
    DockerImage {
        /// Names, digests or IDs, as `docker images` shows them
        #[arg(value_name = "IMAGE")]
        images: Vec<String>,
        #[command(flatten)]
        nodes: NodesFlag,
    },
    /// Load images from archives into nodes
    ///
    /// Archives are those of `docker save` or OCI layouts, plain or compressed
    /// with gzip or zstd; `-` is stdin.
    ImageArchive {
        #[arg(value_name = "FILE")]
        files: Vec<String>,
        #[command(flatten)]
        nodes: NodesFlag,
    },
}

impl Load {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        match self {
            Load::DockerImage { images, nodes } => {
                let Some(images) = given(images) else {
                    let problem = "a list of image names is required";
                    return Err(Failure::new(Kind::Usage, problem));
                };
                let ctx = invocation.context()?;
                Ok(load::docker_images(&ctx, &nodes.target(), &images).await?)
            }
            Load::ImageArchive { files, nodes } => {
                let Some(files) = given(files) else {
                    let problem = "name of image archive is required";
                    return Err(Failure::new(Kind::Usage, problem));
                };
                if files.len() > 1 {
                    invocation.progress.warn("several archives are loaded one after the other; one archive of all images (`docker save A B`) shares their layers");
                }
                let ctx = invocation.context()?;
                Ok(load::image_archives(&ctx, &nodes.target(), &files).await?)
            }
        }
    }
}

/// What was named, each once.
fn given(mut names: Vec<String>) -> Option<Vec<String>> {
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    (!names.is_empty()).then_some(names)
}
