//! Creating and deleting clusters, their kubeconfigs, kubectl and logs.

use super::{Failure, Screens, command, denied, interrupted, screens};
use crate::admin_kubeconfig::AdminKubeconfigError;
use crate::bootstrap::BootstrapError;
use crate::create::{CreateError, Failed, Remains};
use crate::delete::{DeleteError, DeleteFailure};
use crate::engine::EngineError;
use crate::image_file::ImageFileError;
use crate::kubeconfig;
use crate::kubectl::KubectlError;
use crate::logs::LogsError;
use crate::provision::ProvisionError;
use crate::provision::host::HostError;
use crate::pull::PullError;

pub(super) fn add(screens: &mut Screens) {
    add_steps(screens);
    add_creations(screens);
    add_deletions(screens);
    screens!(screens, AdminKubeconfigError {
        Run => [interrupted().into()],
        Kubeconfig => [kubeconfig::Error::Home.into()],
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
    screens!(screens, LogsError {
        Run => [command(&["journalctl"], "no journal").into()],
        Write => [LogsError::Write { path: "logs/journal.log".into(), source: denied() }],
    });
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
        RootlessCgroupV1 => [HostError::RootlessCgroupV1],
        RootlessControllers => [HostError::RootlessControllers(vec!["cpu", "pids"])],
        NoIpvs => [HostError::NoIpvs],
        OldKernel => [HostError::OldKernel("5.10.0-33-amd64".into())],
        Inotify => [HostError::Inotify { found: 8, needed: 68 }],
        RootlessVersion => [HostError::RootlessVersion("v1.21.14".into())],
    });
    screens!(screens, ProvisionError {
        Run => [interrupted().into()],
        Host => [HostError::RootlessCgroupV1.into()],
        NameInUse => [ProvisionError::NameInUse("lab".into())],
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
        NoIpv6 => [
            ProvisionError::NoIpv6 { network: "kind".into(), reason: None },
            ProvisionError::NoIpv6 {
                network: "kind".into(),
                reason: Some("Cannot read IPv6 setup for bridge br-1".into()),
            },
        ],
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
        }],
        Unreadable => [BootstrapError::Unreadable {
            node: "kind-control-plane".into(),
            what: "the containerd patches",
            reason: "line 2: invalid TOML".into(),
        }],
    });
}

fn add_creations(screens: &mut Screens) {
    screens!(screens, CreateError {
        Pull => [PullError::from(interrupted()).into()],
        Provision => [ProvisionError::NameInUse("lab".into()).into()],
        Bootstrap => [BootstrapError::NotANodeImage("busybox:1".into(), "no".into()).into()],
        Crash => [super::components::crash().into()],
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
