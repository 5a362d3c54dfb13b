//! What the engine's host turns out not to offer once there is a node image, or a node.
//! What can be known before that is found by `preflight`.

use crate::version::Version;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostError {
    #[error("kubeProxyMode: ipvs needs IPVS, which the kernel of the engine's host does not have")]
    NoIpvs,
    #[error(
        "the engine's host allows {found} inotify instances (fs.inotify.max_user_instances), about {needed} are needed, and skiff may not raise the limit"
    )]
    Inotify { found: u64, needed: u64 },
    #[error("a rootless engine needs Kubernetes 1.22 or later, not {0}")]
    RootlessVersion(String),
}

/// Checks the Kubernetes version of a node image.
///
/// # Errors
/// Returns [`HostError::RootlessVersion`] if a rootless engine cannot run it.
pub(crate) fn check_version(rootless: bool, version: &Version) -> Result<(), HostError> {
    match rootless && !version.at_least(1, 22) {
        true => Err(HostError::RootlessVersion(version.to_string())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_need_an_engine_with_root() {
        for (rootless, version, fine) in
            [(true, "v1.21.14", false), (true, "v1.22.0", true), (false, "v1.21.14", true)]
        {
            let found = check_version(rootless, &version.parse().unwrap());
            assert_eq!(found.is_ok(), fine, "{rootless} {version}");
        }
    }
}
