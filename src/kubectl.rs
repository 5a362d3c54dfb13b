//! `kubectl`: the cluster's own, copied out once and run here, so that files,
//! pipes, `exec -it` and `port-forward` work as with any kubectl.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitStatus;

use crate::admin_kubeconfig::{self, AdminKubeconfigError, Reader};
use crate::cache;
use crate::context::{Context, RunError};
use crate::engine::Command;
use crate::inventory;
use crate::node::NodeHandle;
use crate::yaml;

/// Where node images have it.
const PROGRAM: &str = "/usr/bin/kubectl";

#[derive(Debug, thiserror::Error)]
pub(crate) enum KubectlError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Kubeconfig(#[from] AdminKubeconfigError),
    #[error("the cluster's kubectl is a Linux program")]
    NotLinux,
    #[error("cannot keep kubectl in {}: {source}", directory.display())]
    Cache { directory: PathBuf, source: std::io::Error },
    #[error("cannot run kubectl: {0}")]
    Start(std::io::Error),
}

/// Runs kubectl on this machine until it ends, with a kubeconfig of the
/// cluster alone.
///
/// # Errors
/// Returns [`KubectlError`] if kubectl cannot be run at all.
pub(crate) async fn run(
    ctx: &Context,
    cluster: &str,
    args: &[OsString],
) -> Result<ExitStatus, KubectlError> {
    if std::env::consts::OS != "linux" {
        return Err(KubectlError::NotLinux);
    }
    let kubeconfig = admin_kubeconfig::read(ctx, cluster, Reader::Host).await?;
    let program = program(ctx, cluster).await?;
    let mut file = tempfile::NamedTempFile::new().map_err(KubectlError::Start)?;
    file.write_all(yaml::to_string(&kubeconfig).as_bytes()).map_err(KubectlError::Start)?;

    let mut child = tokio::process::Command::new(program);
    child.args(args).env("KUBECONFIG", file.path());
    // A Ctrl-C reaches kubectl by itself; skiff waits for kubectl to end.
    child.status().await.map_err(KubectlError::Start)
}

/// The cluster's kubectl on this machine; one copy per node image.
async fn program(ctx: &Context, cluster: &str) -> Result<PathBuf, KubectlError> {
    let found = inventory::cluster(ctx, cluster).await?;
    let plane = found
        .control_plane()
        .ok_or_else(|| AdminKubeconfigError::NoControlPlane(cluster.to_owned()))?;
    let image = ctx.interruptible(ctx.engine.inspect(&plane.name)).await?.image_id;
    let id: String = image.trim_start_matches("sha256:").chars().take(16).collect();
    let no_home = || std::io::Error::other("there is no home directory");
    let directory = cache::directory("kubectl")
        .ok_or_else(|| KubectlError::Cache { directory: PathBuf::new(), source: no_home() })?
        .join(id);
    let path = directory.join("kubectl");
    if !path.exists() {
        let bytes =
            NodeHandle::new(ctx, &plane.name).output(Command::new(["cat", PROGRAM])).await?;
        cache::keep_program(&path, &bytes)
            .map_err(|source| KubectlError::Cache { directory, source })?;
    }
    Ok(path)
}
