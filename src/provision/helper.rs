//! A throw-away container of a node image, for what must be done before there are nodes.

use crate::context::{Context, RunError};
use crate::engine::{ContainerSpec, Host};
use crate::labels;
use crate::node::NodeHandle;
use crate::text;

/// In seconds; the container ends by itself if skiff cannot remove it.
const LIFETIME: &str = "60";

/// Runs `operation` on a container in which nothing else runs, and which has no network.
/// Its removal goes on while the caller does other work; the surrounding scope waits for
/// it.
///
/// # Errors
/// Returns the error of `operation`, the engine's, or [`RunError::Cancelled`].
pub(crate) async fn run<T, E: From<RunError>>(
    ctx: &Context,
    host: &Host,
    image: &str,
    privileged: bool,
    operation: impl AsyncFnOnce(&NodeHandle) -> Result<T, E>,
) -> Result<T, E> {
    let name = format!("skiff-helper-{}", text::random_hex(4).map_err(RunError::from)?);
    let label = (labels::CREATED_BY.to_owned(), labels::created_by());
    let spec = ContainerSpec {
        name: name.clone(),
        hostname: "helper".into(),
        image: image.to_owned(),
        labels: [label].into(),
        network: Some("none".into()),
        privileged,
        userns_host: privileged && host.userns_remap,
        auto_remove: true,
        entrypoint: vec!["sleep".into()],
        command: vec![LIFETIME.into()],
        ..ContainerSpec::default()
    };
    // After the scope, its creation has come to an end.
    let done = ctx
        .scope(async |ctx| {
            let engine = ctx.engine.clone();
            let start = async move {
                engine.create_container(&spec).await?;
                engine.start_container(&spec.name).await
            };
            ctx.run_to_completion(start).await?;
            operation(&NodeHandle::new(ctx, &name)).await
        })
        .await;
    let cleanup = ctx.without_cancellation();
    ctx.spawn(async move {
        if let Err(error) = cleanup.engine.remove_container(&name).await {
            cleanup.progress.warn(format!("cannot remove container {name}: {error}"));
        }
    });
    done
}
