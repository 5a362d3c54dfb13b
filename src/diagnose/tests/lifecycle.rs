//! Stopping, starting and pausing clusters.

use std::time::Duration;

use super::{Failure, Screens, interrupted, screens};
use crate::engine::RunStatus;
use crate::inventory::{ClusterState, NotRunning};
use crate::kubeconfig;
use crate::lifecycle::{Action, Failed, LifecycleError};
use crate::provision::ProvisionError;

pub(super) fn not_running(state: ClusterState, status: RunStatus) -> NotRunning {
    let containers = vec![("lab-control-plane".to_owned(), status)];
    NotRunning { cluster: "lab".into(), state, containers }
}

pub(super) fn add(screens: &mut Screens) {
    for (name, state, status) in [
        ("stopped", ClusterState::Stopped, RunStatus::Stopped),
        ("paused", ClusterState::Paused, RunStatus::Paused),
        ("stopped in part", ClusterState::Mixed, RunStatus::Stopped),
        ("paused in part", ClusterState::Mixed, RunStatus::Paused),
    ] {
        screens.add(&format!("NotRunning, {name}"), &not_running(state, status).into());
    }
    screens!(screens, LifecycleError {
        Run => [interrupted().into()],
        Unknown => [LifecycleError::Unknown("lab".into())],
        NoControlPlane => [LifecycleError::NoControlPlane("lab".into())],
        NotRunning => [not_running(ClusterState::Stopped, RunStatus::Stopped).into()],
        PortInUse => [LifecycleError::PortInUse {
            container: "lab-control-plane".into(),
            reason: "Bind for 127.0.0.1:6443 failed: port is already allocated".into(),
        }],
        Boot => [ProvisionError::Boot {
            node: "lab-worker".into(),
            reason: "the container exited with status 1".into(),
            log: "Failed to mount cgroup\n".into(),
        }.into()],
        Crash => [super::components::crash().into()],
        Kubeconfig => [kubeconfig::Error::Home.into()],
        NotUsable => [not_usable()],
    });
    for (name, action, error) in [
        ("Failed to start in time", Action::Start, not_usable()),
        ("Failed to stop, interrupted", Action::Stop, interrupted().into()),
        ("Failed to restart, interrupted", Action::Restart, interrupted().into()),
        (
            "Failed to pause",
            Action::Pause,
            not_running(ClusterState::Stopped, RunStatus::Stopped).into(),
        ),
    ] {
        screens.add(name, &Failed { action, cluster: "lab".into(), error }.into());
    }
}

fn not_usable() -> LifecycleError {
    let missing = [
        "node lab-worker is not Ready: PLEG is not healthy",
        "CoreDNS does not run yet: coredns-1",
    ];
    let missing = missing.map(str::to_owned).into();
    LifecycleError::NotUsable { after: Duration::from_secs(300), missing }
}
