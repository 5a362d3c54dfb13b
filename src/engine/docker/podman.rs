//! Where Podman answers Docker's API in a way of its own (seen with Podman 5.8).

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{SystemVersion, VolumeCreateRequest};
use bollard::query_parameters::{ListVolumesOptions, RemoveVolumeOptions};

use crate::engine::spec::ContainerSpec;

/// What kind mounts `/var` with: by default Podman's volumes have neither devices
/// nor set-user-ID programs (kind v0.33.0,
/// `pkg/cluster/internal/providers/podman/provision.go`, `runArgsForNode`).
const VOLUME_OPTIONS: &str = "suid,exec,dev";

/// Whether an engine says that it is Podman.
pub(super) fn is_podman(version: &SystemVersion) -> bool {
    let mut components = version.components.iter().flatten();
    components.any(|component| component.name == "Podman Engine")
}

/// Whether an internal error (HTTP status 500) is what other engines call a
/// conflict (409): a name in use.
pub(super) fn is_conflict(message: &str) -> bool {
    message.contains("name is already in use")
}

/// Replaces a container's anonymous volumes by volumes with options. They carry
/// the container's name as a label, as kind's do, because the engine does not
/// remove them with the container.
///
/// # Errors
/// Returns the engine's error if it does not create them.
pub(super) async fn with_volumes(
    docker: &Docker,
    spec: &ContainerSpec,
) -> Result<ContainerSpec, Error> {
    let mut spec = spec.clone();
    for path in std::mem::take(&mut spec.volumes) {
        let labels = [(spec.name.clone(), "true".to_owned())].into();
        let request = VolumeCreateRequest { labels: Some(labels), ..Default::default() };
        let volume = docker.create_volume(request).await?;
        spec.binds.push(format!("{}:{path}:{VOLUME_OPTIONS}", volume.name));
    }
    Ok(spec)
}

/// Removes the volumes of a container that is gone, also of one that kind made.
///
/// # Errors
/// Returns the engine's error if it does not remove them.
pub(super) async fn remove_volumes(docker: &Docker, container: &str) -> Result<(), Error> {
    let filters = [("label".to_owned(), vec![container.to_owned()])].into();
    let found = docker.list_volumes(Some(ListVolumesOptions { filters: Some(filters) })).await?;
    let mut failure = None;
    for volume in found.volumes.into_iter().flatten() {
        match docker.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await {
            Ok(()) | Err(Error::DockerResponseServerError { status_code: 404, .. }) => {}
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use bollard::models::SystemVersionComponents;

    use super::*;

    fn version(component: &str) -> SystemVersion {
        let component = SystemVersionComponents { name: component.into(), ..Default::default() };
        SystemVersion { components: Some(vec![component]), ..Default::default() }
    }

    #[test]
    fn podman_is_known_by_its_component() {
        assert!(is_podman(&version("Podman Engine")));
        assert!(!is_podman(&version("Engine")));
        assert!(!is_podman(&SystemVersion::default()));
    }

    #[test]
    fn a_name_in_use_is_a_conflict() {
        assert!(is_conflict(
            "container create: creating container storage: the container name \"a\" is already in use by 9ac1. You have to remove that container to be able to reuse that name: that name is already in use"
        ));
        assert!(!is_conflict("rootlessport listen tcp 127.0.0.1:80: bind: address already in use"));
    }
}
