//! Network and containers: from a plan to running, booted nodes.

mod error;
pub(crate) mod helper;
pub(crate) mod host;
pub(crate) mod inotify;
pub(crate) mod kernel;
pub(crate) mod network;
pub(crate) mod ports;

pub(crate) use error::ProvisionError;

use std::time::Duration;

use futures_util::StreamExt;

use self::ports::Reserved;
use crate::context::{Context, RunError};
use crate::engine::{ContainerSpec, ContainerState, EngineError};
use crate::text::last_lines;

/// kind waits 30 s for a node to boot; a loaded machine needs more.
const BOOT_TIMEOUT: Duration = Duration::from_secs(120);

/// How many ports of another host are tried before none of them seems to be free.
const PORT_ATTEMPTS: u32 = 10;

/// Creates the first container of a cluster. Its name is the claim on the
/// cluster's name: of several runs at once exactly one gets it.
///
/// # Errors
/// Returns [`ProvisionError::NameInUse`] in all other runs, or the engine's error.
pub(crate) async fn claim(
    ctx: &Context,
    cluster: &str,
    spec: &ContainerSpec,
) -> Result<(), ProvisionError> {
    match create(ctx, spec).await {
        Err(RunError::Engine(EngineError::Conflict { message, .. }))
            if message.contains("name") =>
        {
            Err(ProvisionError::NameInUse { name: cluster.to_owned(), state: None })
        }
        other => Ok(other?),
    }
}

/// Creates a container; a request that was begun is carried out to its end.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(crate) async fn create(ctx: &Context, spec: &ContainerSpec) -> Result<(), RunError> {
    let (engine, spec) = (ctx.engine.clone(), spec.clone());
    ctx.run_to_completion(async move { engine.create_container(&spec).await }).await
}

/// Starts a container. If another program has a port that skiff picked, the container
/// is created again with another one.
///
/// # Errors
/// Returns [`ProvisionError::PortInUse`] if another program has a fixed port or every
/// port that was picked, or the engine's error.
pub(crate) async fn start(ctx: &Context, spec: &ContainerSpec) -> Result<(), ProvisionError> {
    let mut spec = spec.clone();
    let mut refused = Reserved::default();
    let mut attempt = 1;
    loop {
        let (engine, name) = (ctx.engine.clone(), spec.name.clone());
        let started =
            ctx.run_to_completion(async move { engine.start_container(&name).await }).await;
        let Err(RunError::Engine(error)) = &started else { return Ok(started?) };
        let Some(taken) = ports::taken(&mut spec, error.message()) else { return Ok(started?) };
        let can_change = taken.picked.is_some() && attempt < PORT_ATTEMPTS;
        if !can_change || !refused.pick_another(taken) {
            return Err(ports::in_use(taken));
        }
        recreate(ctx, &spec).await?;
        attempt += 1;
    }
}

/// Replaces a container that was never started: an engine cannot change its ports.
async fn recreate(ctx: &Context, spec: &ContainerSpec) -> Result<(), RunError> {
    let (engine, name) = (ctx.engine.clone(), spec.name.clone());
    ctx.run_to_completion(async move { engine.remove_container(&name).await }).await?;
    create(ctx, spec).await
}

/// Starts a container and waits until its init has booted: before that, a
/// command run in it can disturb the set-up of cgroups
/// (kind v0.33.0, `pkg/cluster/internal/providers/common/cgroups.go`).
///
/// # Errors
/// Returns [`ProvisionError::Boot`] with the end of its log,
/// [`ProvisionError::PortInUse`], or the engine's error.
pub(crate) async fn boot(
    ctx: &Context,
    spec: &ContainerSpec,
) -> Result<ContainerState, ProvisionError> {
    start(ctx, spec).await?;
    wait_for_boot(ctx, &spec.name, 0).await
}

/// Waits until the init of a container has booted that was started at this moment, in
/// seconds since 1970 by the engine's clock; its log may be older.
///
/// # Errors
/// Returns [`ProvisionError::Boot`] with the end of its log, or the engine's error.
pub(crate) async fn wait_for_boot(
    ctx: &Context,
    name: &str,
    since: i64,
) -> Result<ContainerState, ProvisionError> {
    let mut log = String::new();
    let booted = ctx.interruptible(async {
        let mut lines = ctx.engine.logs(name, since, true).await?;
        let read = async {
            while let Some(Ok(piece)) = lines.next().await {
                log.push_str(&String::from_utf8_lossy(&piece));
                if has_booted(&log) {
                    return true;
                }
            }
            false
        };
        Ok::<_, RunError>(tokio::time::timeout(BOOT_TIMEOUT, read).await)
    });
    let failed = |reason: String, log: &str| {
        let log = last_lines(log, 20);
        ProvisionError::Boot { node: name.to_owned(), reason, log }
    };
    match booted.await? {
        Ok(true) => Ok(ctx.interruptible(ctx.engine.inspect(name)).await?),
        Ok(false) => {
            let state = ctx.interruptible(ctx.engine.inspect(name)).await?;
            let code = state.exit_code.filter(|_| !state.running);
            Err(failed(
                code.map_or("the container's log ended".into(), |c| {
                    format!("the container exited with status {c}")
                }),
                &log,
            ))
        }
        Err(_) => Err(failed(
            format!("systemd did not reach multi-user.target within {} s", BOOT_TIMEOUT.as_secs()),
            &log,
        )),
    }
}

/// Whether the log has the line that kind waits for: `Reached target .*Multi-User
/// System.*` (kind v0.33.0, `pkg/cluster/internal/providers/common/cgroups.go`).
fn has_booted(log: &str) -> bool {
    log.lines().any(|line| {
        line.split_once("Reached target ")
            .is_some_and(|(_, rest)| rest.contains("Multi-User System"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_booted_when_kind_says_so() {
        assert!(has_booted(
            "x\r\n[  OK  ] Reached target \u{1b}[0;1;39mmulti-user.target\u{1b}[0m - Multi-User System.\r\n"
        ));
        assert!(!has_booted("Reached target basic.target - Basic System.\nMulti-User System"));
    }
}
