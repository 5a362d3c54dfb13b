//! What the engine's host must offer before anything is made
//! (kind v0.33.0, `pkg/cluster/internal/create/create.go`, `validateProvider`).

use crate::engine::{CgroupControllers, Host};
use crate::version::Version;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HostError {
    #[error("a rootless engine needs cgroup v2, but its host has cgroup v1")]
    RootlessCgroupV1,
    #[error("a rootless engine needs the cgroup controllers {}", .0.join(", "))]
    RootlessControllers(Vec<&'static str>),
    #[error("kubeProxyMode: ipvs needs IPVS, which the kernel of the engine's host does not have")]
    NoIpvs,
    #[error("kubeProxyMode: nftables needs Linux 5.13 or later; the engine's host has {0}")]
    OldKernel(String),
    #[error(
        "the engine's host allows {found} inotify instances (fs.inotify.max_user_instances), about {needed} are needed, and skiff may not raise the limit"
    )]
    Inotify { found: u64, needed: u64 },
    #[error("a rootless engine needs Kubernetes 1.22 or later, not {0}")]
    RootlessVersion(String),
}

/// Checks the host; returns a warning about what works but should change.
///
/// # Errors
/// Returns [`HostError`] for a host on which clusters cannot work.
pub(crate) fn check(host: &Host) -> Result<Option<&'static str>, HostError> {
    if host.rootless && host.cgroup_v1 {
        return Err(HostError::RootlessCgroupV1);
    }
    let missing = missing_controllers(host.cgroup_controllers);
    if host.rootless && !missing.is_empty() {
        return Err(HostError::RootlessControllers(missing));
    }
    Ok(host.cgroup_v1.then_some(
        "this host has cgroup v1, which is deprecated in Kubernetes: please upgrade to cgroup v2",
    ))
}

/// The controllers that the kubelet needs and the engine cannot use.
fn missing_controllers(usable: CgroupControllers) -> Vec<&'static str> {
    let needed = [("memory", usable.memory), ("pids", usable.pids), ("cpu", usable.cpu)];
    needed.into_iter().filter(|(_, usable)| !usable).map(|(name, _)| name).collect()
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
    fn only_rootless_engines_have_requirements() {
        let all = CgroupControllers { cpu: true, memory: true, pids: true };
        let usual = Host { cgroup_controllers: all, ..Host::default() };
        let v1 = Host { cgroup_v1: true, ..usual.clone() };
        let some = CgroupControllers { memory: true, ..CgroupControllers::default() };
        let bare = Host { cgroup_controllers: some, ..usual.clone() };
        let rootless = |host: &Host| Host { rootless: true, ..host.clone() };
        assert_eq!(check(&usual), Ok(None));
        assert_eq!(check(&bare), Ok(None));
        assert!(check(&v1).unwrap().unwrap().contains("cgroup v2"));
        assert_eq!(check(&rootless(&usual)), Ok(None));
        assert_eq!(check(&rootless(&v1)), Err(HostError::RootlessCgroupV1));
        let error = check(&rootless(&bare)).unwrap_err().to_string();
        assert!(error.ends_with("pids, cpu"), "{error}");
        for (rootless, version, fine) in
            [(true, "v1.21.14", false), (true, "v1.22.0", true), (false, "v1.21.14", true)]
        {
            let found = check_version(rootless, &version.parse().unwrap());
            assert_eq!(found.is_ok(), fine, "{rootless} {version}");
        }
    }
}
