//! `build node-image`, with kind's arguments as far as our recipe can follow.

mod source;

use self::source::Source;
use super::{Context, Program};
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
    NodeImage(NodeImage),
}

#[derive(clap::Args)]
pub struct NodeImage {
    /// The Kubernetes version, such as v1.37.2
    source: Option<String>,
    /// What the source is; only release can be built
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// The Kubernetes version, as a flag
    #[arg(long, value_name = "VERSION", conflicts_with = "source")]
    kubernetes_version: Option<String>,
    /// The image's name [default: skiff/node:VERSION; kindest/node:latest when called kind]
    #[arg(long)]
    image: Option<String>,
    /// Not supported: the base is made of Debian packages
    #[arg(long, value_name = "IMAGE")]
    base_image: Option<String>,
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
}

impl Build {
    pub async fn run(self, context: &Context) -> Result<(), Failure> {
        let Build::NodeImage(command) = self;
        let done = command.run(context).await;
        done.map_err(|failure| failure.during("error building node image"))
    }
}

impl NodeImage {
    async fn run(self, context: &Context) -> Result<(), Failure> {
        let options = self.options(context.program)?;
        let image = options.image.clone();
        let line = match node_image::build(&context.work()?, &options).await? {
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

    fn options(self, program: Program) -> Result<Options, Failure> {
        if self.base_image.is_some_and(|base| !base.is_empty()) {
            return Err(Failure::new("--base-image is not supported").hint(
                "the base is made of Debian packages; --debian-mirror says where they come from",
            ));
        }
        let source = self.source.or(self.kubernetes_version);
        let source = source.unwrap_or_else(|| DEFAULT_VERSION.to_owned());
        let version = match Source::of(&source, self.kind.as_deref()) {
            Source::Release(version) => version,
            other => {
                return Err(Failure::new(format!("cannot build from {other}")).hint(format!(
                    "give a Kubernetes version: {}",
                    node_image::versions().join(", ")
                )));
            }
        };
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        let image = given(self.image).unwrap_or_else(|| match program {
            Program::Skiff => node_image::reference(&version),
            Program::Kind => "kindest/node:latest".to_owned(),
        });
        Ok(Options {
            image,
            version,
            arch: given(self.arch),
            mirror: self.debian_mirror,
            force: self.force,
            prefer_pull: self.prefer_pull,
        })
    }
}
