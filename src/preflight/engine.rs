//! The engine itself, and how its host is set up for it.

use super::facts::Facts;
use super::kernel;
use crate::check::{Check, Outcome};
use crate::engine::{CgroupControllers, Product};

/// The first Docker that can give each container a cgroup namespace of its own
/// (kind v0.33.0, `pkg/cluster/internal/providers/docker/provision.go`, `commonArgs`).
const DOCKER: (u32, u32) = (20, 10);
/// skiff has been tried with Podman 5.8 only. Before 4.0 it has another network stack.
const PODMAN: (u32, u32) = (4, 0);

/// kubeadm's certificates are valid from five minutes before they are made
/// (Kubernetes 1.37, `cmd/kubeadm/app/constants/constants.go`, `CertificateBackdate`).
/// In the other direction they are valid for a year, but tokens and leases are not.
const CLOCK_TOLERANCE: u64 = 300;

const ROOTLESS: &str = "https://kind.sigs.k8s.io/docs/user/rootless";

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let checks = [
        Some(version(facts)),
        Some(storage(facts)),
        Some(cgroups(facts)),
        Some(controllers(facts)),
        app_armor(facts),
        clock(facts),
    ];
    checks.into_iter().flatten().collect()
}

fn version(facts: &Facts) -> Check {
    let host = &facts.host;
    let (name, least, outcome) = match host.product {
        Product::Docker => ("Docker", DOCKER, Outcome::Error),
        Product::Podman => ("Podman", PODMAN, Outcome::Warning),
    };
    let check = Check::ok("container engine", format!("{name} {}", host.version));
    // Builds of a developer have the number 0.
    match kernel::numbers(&host.version) {
        Some(found) if found < least && found.0 > 0 => Check { outcome, ..check }
            .needed(format!("{name} {}.{} or later", least.0, least.1))
            .remedy(format!("upgrade {name}")),
        _ => check,
    }
}

fn storage(facts: &Facts) -> Check {
    let storage = &facts.host.storage;
    let place = if storage.root.is_empty() { "" } else { " in " };
    let check = Check::ok("storage driver", format!("{}{place}{}", storage.driver, storage.root));
    match storage.driver.as_str() {
        // vfs is Docker's and Podman's, native containerd's.
        "vfs" | "native" => Check { outcome: Outcome::Warning, ..check }
            .needed("overlay2 or another one that shares layers: this one copies the whole node image for each node")
            .remedy("set storage-driver to overlay2 in the engine's daemon.json"),
        _ => check,
    }
}

fn cgroups(facts: &Facts) -> Check {
    let title = "cgroups";
    match (facts.host.cgroup_v1, facts.host.rootless) {
        (false, _) => Check::ok(title, "cgroup v2"),
        (true, true) => Check::error(title, "cgroup v1, with a rootless engine")
            .needed("cgroup v2, which a rootless engine needs")
            .remedy(format!("boot with systemd.unified_cgroup_hierarchy=1: {ROOTLESS}")),
        (true, false) => Check::warning(title, "cgroup v1, which is deprecated in Kubernetes")
            .needed("cgroup v2")
            .remedy("boot the engine's host with systemd.unified_cgroup_hierarchy=1"),
    }
}

/// The kubelet limits pods with these, and does not start without one of them.
fn controllers(facts: &Facts) -> Check {
    let title = "cgroup controllers";
    let CgroupControllers { cpu, memory, pids } = facts.host.cgroup_controllers;
    let needed = [("memory", memory), ("pids", pids), ("cpu", cpu)];
    let names = |usable: bool| {
        let found = needed.iter().filter(|(_, is_usable)| *is_usable == usable);
        found.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    };
    if names(false).is_empty() {
        return Check::ok(title, names(true));
    }
    let remedy = match facts.host.rootless {
        true => format!("set Delegate=yes for the user's service: {ROOTLESS}"),
        false if !memory => "boot the engine's host with cgroup_enable=memory".into(),
        false => "use a kernel with these controllers for the engine's host".into(),
    };
    Check::error(title, format!("the engine cannot use {}", names(false)))
        .needed("memory, pids and cpu")
        .remedy(remedy)
}

/// Nodes are privileged and not confined by AppArmor or SELinux. Without root, what runs
/// in them may still be kept from making user namespaces (Ubuntu since 23.10).
fn app_armor(facts: &Facts) -> Option<Check> {
    let restricts = facts.machine.as_ref()?.restricts_user_namespaces;
    (restricts && facts.host.rootless).then(|| {
        Check::warning("AppArmor", "it restricts user namespaces, with a rootless engine")
            .needed("kernel.apparmor_restrict_unprivileged_userns=0 for pods with hostUsers: false")
            .remedy("sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0")
    })
}

fn clock(facts: &Facts) -> Option<Check> {
    let title = "clock";
    let ahead = facts.clock_ahead?;
    let (seconds, side) = (ahead.unsigned_abs(), if ahead < 0 { "behind" } else { "ahead of" });
    Some(match seconds > CLOCK_TOLERANCE {
        false => Check::ok(title, "this machine's and that of the engine's host agree"),
        true => Check::warning(
            title,
            format!("this machine's is {seconds} s {side} that of the engine's host"),
        )
        .needed(format!("at most {CLOCK_TOLERANCE} s: certificates are refused before their time"))
        .remedy("set the clock that is wrong, as with: sudo timedatectl set-ntp true"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Host;
    use crate::preflight::fixtures::{facts, with};

    fn on(change: impl FnOnce(&mut Host)) -> Facts {
        let mut facts = facts();
        change(&mut facts.host);
        facts
    }

    #[test]
    fn on_a_usual_machine_all_is_well() {
        for check in checks(&facts()) {
            assert_eq!((check.outcome, &check.needed), (Outcome::Ok, &None), "{check}");
        }
    }

    #[test]
    fn an_engine_without_cgroup_namespaces_is_refused() {
        use Product::{Docker, Podman};
        for (product, found, outcome) in [
            (Docker, "20.10.0", Outcome::Ok),
            (Docker, "20.9.99", Outcome::Error),
            (Docker, "19.03.15", Outcome::Error),
            (Docker, "1.13.1", Outcome::Error),
            (Docker, "26.1.5+dfsg1", Outcome::Ok),
            (Docker, "0.0.0-20251103", Outcome::Ok),
            (Docker, "master-moby", Outcome::Ok),
            (Docker, "", Outcome::Ok),
            (Podman, "4.0.0", Outcome::Ok),
            (Podman, "3.4.4", Outcome::Warning),
        ] {
            let facts = on(|host| (host.product, host.version) = (product, found.into()));
            assert_eq!(version(&facts).outcome, outcome, "{product:?} {found}");
        }
    }

    #[test]
    fn a_driver_that_copies_whole_images_is_warned_about() {
        for (driver, outcome) in [
            ("overlay2", Outcome::Ok),
            ("overlayfs", Outcome::Ok),
            ("fuse-overlayfs", Outcome::Ok),
            ("btrfs", Outcome::Ok),
            ("vfs", Outcome::Warning),
            ("native", Outcome::Warning),
        ] {
            assert_eq!(storage(&on(|host| host.storage.driver = driver.into())).outcome, outcome);
        }
    }

    #[test]
    fn cgroup_v1_is_deprecated_and_refused_without_root() {
        for (cgroup_v1, rootless, outcome) in [
            (false, false, Outcome::Ok),
            (false, true, Outcome::Ok),
            (true, false, Outcome::Warning),
            (true, true, Outcome::Error),
        ] {
            let facts = on(|host| (host.cgroup_v1, host.rootless) = (cgroup_v1, rootless));
            assert_eq!(cgroups(&facts).outcome, outcome, "{cgroup_v1} {rootless}");
        }
    }

    #[test]
    fn every_controller_that_the_kubelet_needs_is_named() {
        for ((cpu, memory, pids), missing) in [
            ((true, true, true), None),
            ((true, false, true), Some("cannot use memory")),
            ((false, true, false), Some("cannot use pids, cpu")),
        ] {
            let of_root = if memory { "use a kernel" } else { "cgroup_enable=memory" };
            for (rootless, remedy) in [(true, "Delegate=yes"), (false, of_root)] {
                let facts = on(|host| {
                    host.cgroup_controllers = CgroupControllers { cpu, memory, pids };
                    host.rootless = rootless;
                });
                let check = controllers(&facts);
                match missing {
                    None => assert_eq!(check.outcome, Outcome::Ok),
                    Some(words) => {
                        assert_eq!(check.outcome, Outcome::Error);
                        assert!(check.found.ends_with(words), "{check}");
                        assert!(check.remedy.unwrap().contains(remedy));
                    }
                }
            }
        }
    }

    #[test]
    fn app_armor_matters_without_root() {
        for (restricts, rootless, warns) in
            [(true, true, true), (true, false, false), (false, true, false)]
        {
            let mut facts = with(|machine| machine.restricts_user_namespaces = restricts);
            facts.host.rootless = rootless;
            assert_eq!(app_armor(&facts).is_some(), warns, "{restricts} {rootless}");
        }
    }

    #[test]
    fn clocks_may_differ_by_five_minutes() {
        for (ahead, words) in [
            (0, None),
            (300, None),
            (-300, None),
            (301, Some("301 s ahead of that")),
            (-301, Some("301 s behind that")),
        ] {
            let check = clock(&Facts { clock_ahead: Some(ahead), ..facts() }).unwrap();
            let expected = if words.is_some() { Outcome::Warning } else { Outcome::Ok };
            assert_eq!(check.outcome, expected, "{ahead}");
            assert!(check.found.contains(words.unwrap_or("agree")), "{check}");
        }
        assert_eq!(clock(&Facts { clock_ahead: None, ..facts() }), None);
    }
}
