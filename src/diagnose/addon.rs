//! Add-ons.

use super::Failure;
use crate::addon::AddonError;
use crate::context::RunError;

impl From<AddonError> for Failure {
    fn from(error: AddonError) -> Self {
        let failure = Failure::new(&error);
        match error {
            AddonError::Run(RunError::Command { ref output, .. }) => failure.details(output.trim()),
            AddonError::Run(error) => error.into(),
            AddonError::Load(error) => error.into(),
            AddonError::Unknown { similar, known, .. } => match &similar[..] {
                [] => failure.hint(format!("there are {}; a folder of your own needs a /", known.join(", "))),
                names => failure.hint(format!("did you mean {}?", names.join(" or "))),
            },
            AddonError::Setting { .. } => failure.hint("`addon list -o json` shows the settings with their defaults"),
            AddonError::NoCluster(_) => failure.hint("use --name to say another cluster; `get clusters` lists them"),
            AddonError::Stopped { nodes, .. } => failure.hint(format!("start it: docker start {}", nodes.join(" "))),
            AddonError::DoesNotFit { .. } => failure.hint("create the cluster with another node image, or take the add-on's own manifest of a version that fits: `addon install --manifest`"),
            AddonError::PortTaken { .. } => failure.hint("remove what has it (another ingress controller?), or label another node for it"),
            AddonError::NoImage { image, built, .. } => {
                let failure = match built {
                    Some(_) => failure.hint("without a registry, `build addon-images` makes one from Debian packages and Go modules"),
                    None => failure,
                };
                failure.hint(format!("if this machine can reach the registry: docker pull {image}; then install again, the image is loaded from here"))
            }
            AddonError::NoSuchImage { image, .. } => failure.hint(format!("if this machine has it or can pull it (docker pull {image}): load docker-image {image}")),
            AddonError::Foreign { objects, .. } => failure
                .details(objects.join("\n"))
                .hint("--adopt takes them over; or remove them by the way they came"),
            AddonError::Conflict { output, .. } => failure
                .details(output)
                .hint("--adopt sets it again; or change it by --set"),
            AddonError::Refused { output, .. } => failure.details(output),
            AddonError::NotReady { addon, report, .. } => failure
                .details(report)
                .hint(format!("`addon status {addon}` looks again; installing again goes on from here, --timeout gives it longer")),
            AddonError::Checksum { .. } => failure.hint("it is not the file that was meant, or it has been changed since"),
            AddonError::Download { .. } => failure.hint("download it elsewhere and give the file"),
            AddonError::NoRecipe { .. } | AddonError::Definition { .. } | AddonError::Strange { .. } | AddonError::Manifest { .. } => failure,
        }
    }
}
