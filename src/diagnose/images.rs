//! Images: pulled, built, loaded.

use super::{Failure, Kind};
use crate::builder::BuildError;
use crate::context::RunError;
use crate::load::LoadError;
use crate::node_image::NodeImageError;
use crate::pull::PullError;
use crate::sbom::SbomError;
use crate::text::last_lines;

impl From<PullError> for Failure {
    fn from(error: PullError) -> Self {
        match error {
            PullError::Run(error) => error.into(),
            PullError::Failed { .. } => Failure::new(Kind::Image, &error)
                .hint("without a registry, build one from Debian packages and Go modules: `build node-image`")
                .hint("use an image that the engine has: --image"),
        }
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let failure = Failure::new(Kind::Image, &error);
        match error {
            BuildError::Run(error) => error.into(),
            BuildError::NoBase { .. } => {
                failure.hint("install mmdebstrap (`apt-get install mmdebstrap`), or load an image named debian:trixie-slim")
            }
            BuildError::Failed { output, .. } => failure
                .details(last_lines(&output, 40))
                .hint("finished parts are kept: running it again goes on from there"),
            BuildError::OtherArchitecture { .. } => Failure { kind: Kind::Usage, ..failure },
        }
    }
}

impl From<NodeImageError> for Failure {
    fn from(error: NodeImageError) -> Self {
        match error {
            NodeImageError::Build(error) => error.into(),
            NodeImageError::UnknownVersion { .. } => Failure::new(Kind::Usage, error),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        let failure = Failure::new(load_kind(&error), &error);
        let similar = |names: &[String]| match names {
            [] => None,
            names => Some(format!("did you mean {}?", names.join(" or "))),
        };
        match error {
            LoadError::Run(RunError::Command { ref output, .. }) => failure.details(output.trim()),
            LoadError::Run(error) => error.into(),
            LoadError::NoNodes(_) => failure.hint("use --name to choose another cluster; `get clusters` lists them"),
            LoadError::UnknownNode { nodes, .. } => failure.hint(format!("the nodes are {}", nodes.join(", "))),
            LoadError::NotRunning(error) => error.into(),
            LoadError::NotPresent { name, similar: names } => {
                let mut failure = failure;
                failure.hints.extend(similar(&names));
                failure.hint(format!("if a registry has it: `docker pull {name}`"))
            }
            LoadError::NotOnNodes { similar: names, .. } => {
                let mut failure = failure;
                failure.hints.extend(similar(&names));
                failure.hint("`get images` lists the images on nodes")
            }
            LoadError::Failed { output, .. } if output.contains("no space left") => failure
                .details(output)
                .hint("free disk space where the engine keeps its data; `docker system df` shows what uses it, `delete image` removes images from nodes"),
            LoadError::Failed { output, .. } => failure.details(output),
            LoadError::Archive { .. } => failure.hint("`docker save` archives and OCI layouts can be loaded, plain or compressed with gzip or zstd"),
            LoadError::Name(_) | LoadError::Unreadable { .. } => failure,
        }
    }
}

fn load_kind(error: &LoadError) -> Kind {
    match error {
        LoadError::NoNodes(_) | LoadError::UnknownNode { .. } | LoadError::Name(_) => Kind::Usage,
        LoadError::Failed { output, .. } if output.contains("no space left") => Kind::Host,
        LoadError::NotPresent { .. }
        | LoadError::NotOnNodes { .. }
        | LoadError::Failed { .. }
        | LoadError::Archive { .. }
        | LoadError::Unreadable { .. } => Kind::Image,
        LoadError::Run(_) | LoadError::NotRunning(_) => Kind::Other,
    }
}

impl From<SbomError> for Failure {
    fn from(error: SbomError) -> Self {
        let failure = Failure::new(Kind::Image, &error);
        match error {
            SbomError::Run(error) => error.into(),
            SbomError::None(_) => failure.hint(
                "images that `build node-image` and `build addon-images` made have one; --force builds them again",
            ),
            SbomError::NoImage(_) | SbomError::Unreadable { .. } => failure,
        }
    }
}
