//! `build`: images for machines that cannot pull them. `build node-image` has
//! kind's arguments as far as our recipe can follow.

use std::time::SystemTime;

use super::invocation::Invocation;
use super::kind::Program;
use super::kind::source::Source;
use crate::addon;
use crate::builder::{self, BuildOptions, UpToDate};
use crate::diagnose::{Failure, Kind};
use crate::environment;
use crate::node_image::{self, DEFAULT_VERSION, NodeImageOptions, Outcome};
use crate::pull;

#[derive(clap::Subcommand)]
pub(super) enum Build {
    /// Build a node image from Debian packages and Go modules
    ///
    /// For machines that cannot pull kindest/node. The first build compiles
    /// Kubernetes and takes some minutes; what is finished is kept in the volume
    /// skiff-build-cache. Nothing happens when the image is up to date.
    NodeImage(NodeImage),
    /// Build images of add-ons from Debian packages and Go modules
    ///
    /// For machines that cannot pull the official ones. `addon install` takes what
    /// was built in their place where they are not to be had. Nothing happens to
    /// images that are up to date.
    AddonImages(AddonImages),
}

#[derive(clap::Args)]
pub(super) struct AddonImages {
    /// The add-ons [default: all whose image can be built]
    #[arg(value_name = "NAME")]
    addons: Vec<String>,
    /// Where Debian packages come from
    #[arg(long, value_name = "URL")]
    debian_mirror: Option<String>,
    /// Build although the images are up to date, with today's Debian packages
    #[arg(long)]
    force: bool,
}

#[derive(clap::Args)]
pub(super) struct NodeImage {
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
    /// Build although the image is up to date, with today's Debian packages
    #[arg(long)]
    force: bool,
    /// Pull the published image instead, where that is possible
    #[arg(long)]
    prefer_pull: bool,
}

impl Build {
    pub(super) async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        match self {
            Build::NodeImage(command) => {
                let done = command.run(invocation).await;
                done.map_err(|failure| failure.during("error building node image"))
            }
            Build::AddonImages(command) => {
                let done = command.run(invocation).await;
                done.map_err(|failure| failure.during("error building add-on images"))
            }
        }
    }
}

impl AddonImages {
    async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let images = addon::buildable(&self.addons)?;
        let options = BuildOptions { arch: None, mirror: self.debian_mirror, force: self.force };
        let ctx = invocation.context()?;
        for image in images {
            let name = image.image.clone();
            let present = image.build(&ctx, &options).await?;
            invocation.progress.info(match present {
                None => done(&name),
                Some(present) => up_to_date(&name, &present, environment::now()),
            });
        }
        Ok(())
    }
}

fn done(image: &str) -> String {
    format!("Image {image:?} built.")
}

fn up_to_date(image: &str, present: &UpToDate, now: SystemTime) -> String {
    match &present.debian {
        None => format!("Image {image:?} is up to date (--force builds it again)."),
        Some(date) if builder::is_old(date, now) => format!(
            "Image {image:?} is up to date, but its Debian packages are of {date}: --force builds it again with today's."
        ),
        Some(date) => format!(
            "Image {image:?} is up to date, with Debian packages of {date} (--force builds it again with today's)."
        ),
    }
}

impl NodeImage {
    async fn run(self, invocation: &Invocation) -> Result<(), Failure> {
        let options = self.options(invocation.program)?;
        let image = options.image.clone();
        let line = match node_image::build(&invocation.context()?, &options).await? {
            Outcome::Built => done(&image),
            Outcome::UpToDate(present) => up_to_date(&image, &present, environment::now()),
            Outcome::Published => format!(
                "Using the published image {}; nothing to build.",
                pull::without_digest(node_image::PUBLISHED)
            ),
        };
        invocation.progress.info(line);
        Ok(())
    }

    fn options(self, program: Program) -> Result<NodeImageOptions, Failure> {
        if self.base_image.is_some_and(|base| !base.is_empty()) {
            return Err(Failure::new(Kind::Usage, "--base-image is not supported").hint(
                "the base is made of Debian packages; --debian-mirror says where they come from",
            ));
        }
        let source = self.source.or(self.kubernetes_version);
        let source = source.unwrap_or_else(|| DEFAULT_VERSION.to_owned());
        let version = match Source::of(&source, self.kind.as_deref()) {
            Source::Release(version) => version,
            other => {
                let versions = node_image::versions().join(", ");
                return Err(Failure::new(Kind::Usage, format!("cannot build from {other}"))
                    .hint(format!("give a Kubernetes version: {versions}")));
            }
        };
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        let image = given(self.image).unwrap_or_else(|| match program {
            Program::Skiff => node_image::reference(&version),
            Program::Kind => "kindest/node:latest".to_owned(),
        });
        Ok(NodeImageOptions {
            image,
            version,
            build: BuildOptions {
                arch: given(self.arch),
                mirror: self.debian_mirror,
                force: self.force,
            },
            prefer_pull: self.prefer_pull,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::FromArgMatches;

    use super::*;
    use crate::cli::{Cli, Command, root_command};

    fn options(program: Program, args: &[&str]) -> NodeImageOptions {
        let line = [&[program.name(), "build", "node-image"], args].concat();
        let matches = root_command(program).get_matches_from(line);
        let command = Cli::from_arg_matches(&matches).unwrap().command;
        let Some(Command::Build(Build::NodeImage(node_image))) = command else {
            panic!("{args:?}")
        };
        node_image.options(program).unwrap()
    }

    #[test]
    fn old_packages_are_noticed() {
        let message = |debian: Option<&str>| {
            let present = UpToDate { debian: debian.map(str::to_owned) };
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(20_781 * 24 * 60 * 60);
            up_to_date("a:1", &present, now)
        };
        assert!(message(None).contains("up to date (--force"));
        assert!(message(Some("2026-11-20")).contains("with Debian packages of 2026-11-20"));
        assert!(message(Some("2026-09-20")).contains("but its Debian packages are of 2026-09-20"));
    }

    #[test]
    fn versions_and_names_are_those_that_were_asked_for() {
        use Program::{Kind, Skiff};
        for (program, args, version, image) in [
            (Skiff, &[][..], DEFAULT_VERSION, "skiff/node:v1.37.2"),
            (Skiff, &["v1.36.4"], "v1.36.4", "skiff/node:v1.36.4"),
            (Skiff, &["--kubernetes-version", "1.36.4"], "v1.36.4", "skiff/node:v1.36.4"),
            (Skiff, &["1.36.4", "--image", "a/b:c"], "v1.36.4", "a/b:c"),
            (Kind, &[], DEFAULT_VERSION, "kindest/node:latest"),
            (Kind, &["v1.36.4", "--type=release"], "v1.36.4", "kindest/node:latest"),
        ] {
            let found = options(program, args);
            assert_eq!(
                (found.version.as_str(), found.image.as_str()),
                (version, image),
                "{args:?}"
            );
        }
        assert_eq!(options(Kind, &["--arch", "arm64"]).build.arch.as_deref(), Some("arm64"));
        assert_eq!(options(Kind, &["--arch", ""]).build.arch, None);
    }
}
