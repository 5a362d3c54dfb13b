//! Creating and deleting clusters, their kubeconfigs, kubectl and logs.

use std::time::Duration;

use super::{Failure, Screens, command, denied, interrupted, screens};
use crate::admin_kubeconfig::AdminKubeconfigError;
use crate::bootstrap::BootstrapError;
use crate::check::Check;
use crate::cluster::Place;
use crate::create::{CreateError, Failed, NotUsable, Remains};
use crate::delete::{DeleteError, DeleteFailure};
use crate::engine::EngineError;
use crate::engine::RunStatus;
use crate::health::HealthError;
use crate::image_file::ImageFileError;
use crate::inventory::ClusterState;
use crate::kubeconfig;
use crate::kubectl::KubectlError;
use crate::logs::LogsError;
use crate::preflight::Refused;
use crate::provision::ProvisionError;
use crate::provision::host::HostError;
use crate::pull::PullError;
use crate::status::StatusError;

pub(super) fn add(screens: &mut Screens) {
    add_steps(screens);
    add_creations(screens);
    add_deletions(screens);
    screens!(screens, AdminKubeconfigError {
        Run => [interrupted().into()],
        Kubeconfig => [kubeconfig::Error::Home.into()],
        NotRunning => [super::lifecycle::not_running(ClusterState::Stopped, RunStatus::Stopped).into()],
        NoControlPlane => [AdminKubeconfigError::NoControlPlane("lab".into())],
    });
    let path = || "/usr/bin/kubectl".to_owned();
    let unusable =
        || ImageFileError::Unusable { path: path(), reason: "too many symbolic links".into() };
    screens!(screens, ImageFileError {
        Run => [interrupted().into()],
        Missing => [ImageFileError::Missing { path: path(), reason: "No such image".into() }],
        Unusable => [unusable()],
    });
    screens!(screens, KubectlError {
        Run => [interrupted().into()],
        Kubeconfig => [AdminKubeconfigError::NoControlPlane("lab".into()).into()],
        NotLinux => [KubectlError::NotLinux],
        ImageFile => [unusable().into()],
        Start => [KubectlError::Start(denied())],
    });
    screens!(screens, StatusError {
        Run => [interrupted().into()],
        NoCluster => [StatusError::NoCluster("lab".into())],
    });
    screens!(screens, HealthError {
        Run => [interrupted().into()],
        NoCluster => [HealthError::NoCluster("lab".into())],
    });
    screens!(screens, LogsError {
        Run => [command(&["journalctl"], "no journal").into()],
        Write => [LogsError::Write { path: "logs/journal.log".into(), source: denied() }],
    });
}

fn name_in_use(state: Option<ClusterState>) -> ProvisionError {
    ProvisionError::NameInUse { name: "lab".into(), state }
}

fn add_steps(screens: &mut Screens) {
    screens!(screens, PullError {
        Run => [interrupted().into()],
        Failed => [PullError::Failed {
            image: "kindest/node:v1.37.0".into(),
            reason: "no such host".into(),
        }],
    });
    let of_provision = |error: HostError| Failure::from(ProvisionError::from(error));
    screens!(screens, HostError, of_provision, {
        NoIpvs => [HostError::NoIpvs],
        Inotify => [HostError::Inotify { found: 8, needed: 68 }],
        RootlessVersion => [HostError::RootlessVersion("v1.21.14".into())],
    });
    screens!(screens, ProvisionError {
        Run => [interrupted().into()],
        Host => [HostError::NoIpvs.into()],
        NameInUse => [
            name_in_use(None),
            name_in_use(Some(ClusterState::Stopped)),
            name_in_use(Some(ClusterState::Paused)),
        ],
        PortInUse => [ProvisionError::PortInUse {
            address: "0.0.0.0".into(),
            port: 80,
            protocol: "tcp",
        }],
        Boot => [
            ProvisionError::Boot {
                node: "kind-control-plane".into(),
                reason: "its container exited with 1".into(),
                log: "starting\nFailed to mount cgroup\n".into(),
            },
            ProvisionError::Boot {
                node: "kind-control-plane".into(),
                reason: "systemd did not reach multi-user.target within 120 s".into(),
                log: "Failed to allocate manager object: Too many open files\n".into(),
            },
        ],
        NoIpv6 => [ProvisionError::NoIpv6 {
            network: "kind".into(),
            reason: "Cannot read IPv6 setup for bridge br-1".into(),
        }],
        NoSubnet => [ProvisionError::NoSubnet("kind".into())],
    });
    screens!(screens, BootstrapError {
        Run => [interrupted().into()],
        Host => [HostError::RootlessVersion("v1.21.14".into()).into()],
        NotANodeImage => [BootstrapError::NotANodeImage(
            "busybox:1".into(),
            "cat: can't open '/kind/version': No such file or directory".into(),
        )],
        Patch => [BootstrapError::Patch {
            node: "kind-control-plane".into(),
            reason: "kubeadmConfigPatches[0]: the path \"/a\" does not exist".into(),
        }],
        Containerd => [BootstrapError::Containerd {
            node: "kind-control-plane".into(),
            output: "failed to load plugin error=\"expected integer\"".into(),
            place: Place {
                path: "containerdConfigPatches[0]".into(),
                file: Some("lab.yaml".into()),
                line: Some(7),
            },
        }],
        Unreadable => [BootstrapError::Unreadable {
            node: "kind-control-plane".into(),
            what: "the containerd patches",
            reason: "line 2: invalid TOML".into(),
        }],
    });
}

fn check() -> Check {
    Check::error("disk space", "120.0 MB free where the engine keeps its data")
        .needed("1.4 GB for 3 nodes, and some more")
        .remedy("`docker system df` shows what uses it; remove what is unused: docker system prune")
}

fn port() -> Check {
    Check::error(
        "nodes[0].extraPortMappings[1].hostPort",
        "0.0.0.0:80/tcp is already in use by container web",
    )
    .needed("a port that is free")
    .remedy("stop what uses it, or change the field (0 picks a free port)")
}

fn add_creations(screens: &mut Screens) {
    screens!(screens, CreateError {
        Preflight => [Refused(vec![check()]).into()],
        Pull => [PullError::from(interrupted()).into()],
        Provision => [name_in_use(None).into()],
        Bootstrap => [BootstrapError::NotANodeImage("busybox:1".into(), "no".into()).into()],
        Settings => [super::components::refused().into()],
        Crash => [super::components::crash().into()],
        NotUsable => [not_usable()],
        Kubeconfig => [kubeconfig::Error::Home.into()],
        AdminKubeconfig => [AdminKubeconfigError::NoControlPlane("lab".into()).into()],
        Run => [interrupted().into()],
    });
    let failed = |error, remains| Failed { cluster: "lab".into(), error, remains };
    let busy = |container: &str| DeleteFailure::Container {
        container: container.into(),
        error: EngineError::other("removing it", "device or resource busy"),
    };
    let busy = |names: &[&str]| Remains::Unremoved(names.iter().copied().map(busy).collect());
    let init = || BootstrapError::from(command(&["kubeadm", "init"], "timed out")).into();
    let kubeconfig = |error| AdminKubeconfigError::Kubeconfig(error).into();
    let path = || "/home/me/.kube/config".into();
    for (name, failed) in [
        ("Failed, refused", failed(Refused(vec![check(), port()]).into(), Remains::Nothing)),
        ("Failed", failed(init(), Remains::Nothing)),
        ("Failed, retained", failed(init(), Remains::Nodes)),
        ("Failed, with a failed clean-up", failed(init(), busy(&["kind-worker"]))),
        (
            "Failed, with several failures in the clean-up",
            failed(init(), busy(&["kind-worker", "kind-worker2"])),
        ),
        ("Failed, interrupted", failed(interrupted().into(), Remains::Nothing)),
        (
            "Failed, interrupted, with a failed clean-up",
            failed(interrupted().into(), busy(&["kind-worker"])),
        ),
        ("Failed, not usable in time", failed(not_usable(), Remains::Cluster)),
        (
            "Failed, without a kubeconfig",
            failed(
                kubeconfig(kubeconfig::Error::Write { path: path(), source: denied() }),
                Remains::Cluster,
            ),
        ),
        (
            "Failed, interrupted, without a kubeconfig",
            failed(kubeconfig(kubeconfig::Error::Interrupted { path: path() }), Remains::Cluster),
        ),
    ] {
        screens.add(name, &failed.into());
    }
}

/// A cluster whose nodes nothing can run on.
fn not_usable() -> CreateError {
    let unscheduled = "pods kube-system/coredns-7d764666f9-4xk2q and kube-system/coredns-7d764666f9-vw8zt: cannot be scheduled: 0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
    let reasons = ["CoreDNS is not available", unscheduled].map(str::to_owned).into();
    let after = Duration::from_secs(30);
    NotUsable { version: "v1.37.2".into(), after, reasons }.into()
}

fn add_deletions(screens: &mut Screens) {
    let busy = || DeleteFailure::Container {
        container: "lab-worker".into(),
        error: EngineError::other("removing it", "device or resource busy"),
    };
    let locked =
        || kubeconfig::Error::Locked { path: "/home/me/.kube/config.lock".into(), age: 12 };
    screens!(screens, DeleteFailure {
        Run => [interrupted().into()],
        Kubeconfig => [locked().into()],
        Container => [busy()],
    });
    for failures in
        [vec![busy()], vec![locked().into(), busy()], vec![locked().into(), interrupted().into()]]
    {
        let failure = Failure::from(DeleteError { failures, removed: Vec::new() });
        screens.add("DeleteError", &failure.during("failed to delete cluster \"lab\""));
    }
}
