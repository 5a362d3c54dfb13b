//! Stopping, starting and pausing clusters, and commands for clusters that do not run.

use super::{Failure, Kind};
use crate::inventory::NotRunning;
use crate::lifecycle::{Action, Failed, LifecycleError};

/// The command that lets a cluster go on. It is skiff's own, by whatever name this
/// program was called.
pub(super) fn go_on(action: &str, cluster: &str) -> String {
    let what = if action == "unpause" { "let it go on" } else { "start it" };
    format!("{what}: skiff {action} cluster --name {cluster}")
}

impl From<NotRunning> for Failure {
    fn from(error: NotRunning) -> Self {
        let action = if error.is_paused() { "unpause" } else { "start" };
        Failure::new(Kind::Other, &error).hint(go_on(action, &error.cluster))
    }
}

impl From<LifecycleError> for Failure {
    fn from(error: LifecycleError) -> Self {
        match error {
            LifecycleError::Run(error) => error.into(),
            LifecycleError::Unknown(_) => Failure::new(Kind::Usage, error).hint("`get clusters` lists them"),
            LifecycleError::NoControlPlane(ref name) => {
                let hint = format!("remove what is left of it: skiff delete cluster --name {name}");
                Failure::new(Kind::Other, &error).hint(hint)
            }
            LifecycleError::NotRunning(error) => error.into(),
            LifecycleError::PortInUse { ref container, .. } => Failure::new(Kind::Host, &error)
                .hint(format!("stop the program or container that uses the port, and start the cluster again; the ports of {container} cannot be changed without creating it anew")),
            LifecycleError::Boot(error) => error.into(),
            LifecycleError::Crash(crash) => (*crash).into(),
            LifecycleError::Kubeconfig(error) => error.into(),
            LifecycleError::NotUsable { .. } => Failure::new(Kind::TimeOut, error),
        }
    }
}

impl From<Failed> for Failure {
    fn from(Failed { action, cluster, error }: Failed) -> Self {
        let is_late = matches!(error, LifecycleError::NotUsable { .. });
        let failure =
            Failure::from(error).during(format!("failed to {action} cluster {cluster:?}"));
        let again = format!("skiff {} cluster --name {cluster}", rest_of(action));
        if failure.is_interruption() {
            return failure.hint(format!("the containers stay as they are; this goes on: {again}"));
        }
        if is_late {
            let logs = format!("skiff export logs --name {cluster}");
            return failure
                .hint(format!("the containers run; this waits again: {again}"))
                .hint(format!("this collects the logs: {logs}"));
        }
        failure
    }
}

/// What goes on with an operation that ended early. A restart that has stopped the
/// cluster need not stop it again.
fn rest_of(action: Action) -> Action {
    match action {
        Action::Restart => Action::Start,
        other => other,
    }
}
