use super::Context;
use crate::diagnose::Failure;
use crate::images;
use crate::node_image::{self, DEFAULT_VERSION, Options, Outcome};

#[derive(clap::Subcommand)]
pub enum Build {
    /// Build a node image from Debian packages and Go modules
    ///
    /// For machines that cannot pull kindest/node. The first build compiles
    /// Kubernetes and takes some minutes; what is finished is kept in the volume
    /// skiff-build-cache. Nothing happens when the image is up to date.
    NodeImage {
        /// The Kubernetes version
        #[arg(long, default_value = DEFAULT_VERSION)]
        kubernetes_version: String,
        /// The image's name [default: skiff/node:VERSION]
        #[arg(long)]
        image: Option<String>,
        /// The architecture, amd64 or arm64 [default: the engine's]
        #[arg(long)]
        arch: Option<String>,
        /// Where Debian packages come from
        #[arg(long, value_name = "URL")]
        debian_mirror: Option<String>,
        /// Build although the image is up to date
        #[arg(long)]
        force: bool,
        /// Pull the published image instead, where that is possible
        #[arg(long)]
        prefer_pull: bool,
    },
}

impl Build {
    pub async fn run(self, context: &Context) -> Result<(), Failure> {
        let Build::NodeImage { kubernetes_version, image, arch, debian_mirror, force, prefer_pull } =
            self;
        let version = if kubernetes_version.starts_with('v') {
            kubernetes_version
        } else {
            format!("v{kubernetes_version}")
        };
        let image = image.unwrap_or_else(|| node_image::reference(&version));
        let options = Options {
            image: image.clone(),
            version,
            arch,
            mirror: debian_mirror,
            force,
            prefer_pull,
        };
        let built = node_image::build(&context.work()?, &options).await;
        let line = match built.map_err(|e| Failure::from(e).during("error building node image"))? {
            Outcome::Built => format!("Image {image:?} built."),
            Outcome::UpToDate => {
                format!("Image {image:?} is up to date (--force builds it again).")
            }
            Outcome::Published => format!(
                "Using the published image {}; nothing to build.",
                images::friendly(images::PUBLISHED)
            ),
        };
        context.progress.info(line);
        Ok(())
    }
}
