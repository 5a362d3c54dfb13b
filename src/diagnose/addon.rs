//! Failures of add-ons.

use super::{Failure, Kind};
use crate::addon::AddonError;
use crate::context::RunError;

impl From<AddonError> for Failure {
    fn from(error: AddonError) -> Self {
        let failure = Failure::new(kind(&error), &error);
        match error {
            AddonError::Run(RunError::Command { ref output, .. }) => failure.details(output.trim()),
            AddonError::Run(error) => error.into(),
            AddonError::Load(error) => error.into(),
            AddonError::Unknown { similar, known, .. } => match &similar[..] {
                [] => failure.hint(format!("available add-ons: {}; a path with a / names a directory of your own", known.join(", "))),
                names => failure.hint(format!("did you mean {}?", names.join(" or "))),
            },
            AddonError::Setting { .. } => failure.hint("`addon list -o json` shows the settings with their defaults"),
            AddonError::NoCluster(_) => failure.hint("--name selects another cluster; `get clusters` lists them"),
            AddonError::NotRunning(error) => error.into(),
            AddonError::Incompatible { .. } => failure.hint("create the cluster with another node image, or install the manifest of a version that supports it: `addon install --manifest`"),
            AddonError::PortInUse { .. } => failure.hint("remove the pod (another ingress controller?), or label another node for this add-on"),
            AddonError::NoImage { image, built, .. } => {
                let failure = match built {
                    Some(_) => failure.hint("without a registry, `build addon-images` builds the image from Debian packages and Go modules"),
                    None => failure,
                };
                failure.hint(format!("if this host can reach the registry, run `docker pull {image}` and install again: the image is loaded from the engine"))
            }
            AddonError::PodImage { image, .. } => failure.hint(format!("if the engine has the image or can pull it (`docker pull {image}`): `load docker-image {image}`")),
            AddonError::NotOwned { objects, .. } => failure
                .items(objects)
                .hint("--adopt takes them over; otherwise remove them in the way they were installed"),
            AddonError::Conflict { output, .. } => failure
                .details(output)
                .hint("--adopt overwrites the changes; --set changes a setting of the add-on"),
            AddonError::Rejected { output, .. } => failure.details(output),
            AddonError::NotReady { addon, report, .. } => failure
                .items(report)
                .hint(format!("`addon status {addon}` checks again; `addon install {addon}` continues, with --timeout for more time")),
            AddonError::Checksum { .. } => failure.hint("this is not the expected file, or the file has changed"),
            AddonError::Unprotected { .. } => failure.hint("use https, or give the SHA-256 digest that the manifest must have: --sha256 HEX"),
            AddonError::Download { .. } => failure.hint("download it elsewhere and pass the file"),
            AddonError::NotBuildable { .. }
            | AddonError::Definition { .. }
            | AddonError::UnexpectedResponse { .. }
            | AddonError::NoNode { .. }
            | AddonError::Manifest { .. } => failure,
        }
    }
}

fn kind(error: &AddonError) -> Kind {
    match error {
        AddonError::Unknown { .. }
        | AddonError::Setting { .. }
        | AddonError::NoCluster(_)
        | AddonError::NotBuildable { .. }
        | AddonError::Unprotected { .. } => Kind::Usage,
        AddonError::Definition { .. } | AddonError::Manifest { .. } => Kind::Definition,
        AddonError::NoImage { .. } | AddonError::PodImage { .. } => Kind::Image,
        AddonError::NotReady { .. } => Kind::TimeOut,
        AddonError::Run(_)
        | AddonError::Load(_)
        | AddonError::NotRunning(_)
        | AddonError::Incompatible { .. }
        | AddonError::PortInUse { .. }
        | AddonError::NotOwned { .. }
        | AddonError::Conflict { .. }
        | AddonError::Rejected { .. }
        | AddonError::Checksum { .. }
        | AddonError::Download { .. }
        | AddonError::UnexpectedResponse { .. }
        | AddonError::NoNode { .. } => Kind::Other,
    }
}
