//! `kubectl`: the node's own, copied out once and run here, so that files,
//! pipes, `exec -it` and `port-forward` work as with any kubectl.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{ClusterName, Invocation, get};
use crate::context::Context;
use crate::diagnose::Failure;
use crate::engine::Command;
use crate::inventory;
use crate::yaml;

#[derive(clap::Args)]
pub struct Kubectl {
    #[command(flatten)]
    name: ClusterName,
    /// kubectl's own arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    args: Vec<std::ffi::OsString>,
}

impl Kubectl {
    pub async fn run(self, invocation: &Invocation) -> Result<ExitCode, Failure> {
        if std::env::consts::OS != "linux" {
            return Err(Failure::new("the cluster's kubectl is a Linux program")
                .hint("install kubectl for this system"));
        }
        let ctx = invocation.context()?;
        let name = self.name.get();
        let config = get::of_cluster(&ctx, &name, false).await?;
        let program = program(&ctx, &name).await?;
        let failed = |e: std::io::Error| Failure::new(format!("cannot run kubectl: {e}"));
        let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
        file.write_all(yaml::to_string(&config).as_bytes()).map_err(failed)?;

        let mut child = tokio::process::Command::new(program);
        child.args(&self.args).env("KUBECONFIG", file.path());
        // A Ctrl-C reaches kubectl by itself; we wait for what it makes of it.
        let status = child.status().await.map_err(failed)?;
        Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
    }
}

/// The cluster's kubectl on this machine; one copy per node image.
async fn program(ctx: &Context, cluster: &str) -> Result<PathBuf, Failure> {
    let nodes = inventory::nodes(&*ctx.engine, cluster).await?;
    let plane = inventory::control_plane(&nodes)
        .ok_or_else(|| Failure::new(format!("cluster {cluster:?} has no control-plane node")))?;
    let image = ctx.engine.inspect(&plane.name).await?.image_id;
    let id: String = image.trim_start_matches("sha256:").chars().take(16).collect();
    let cache = directories::ProjectDirs::from("", "", "skiff")
        .map_or_else(std::env::temp_dir, |dirs| dirs.cache_dir().into());
    let folder = cache.join("kubectl").join(id);
    let path = folder.join("kubectl");
    if !path.exists() {
        let bytes =
            ctx.run_told(&plane.name, Command::new(["cat", "/usr/bin/kubectl"]), |_| {}).await?;
        store(&folder, &path, &bytes).map_err(|e| {
            Failure::new(format!("cannot keep kubectl in {}: {e}", folder.display()))
        })?;
    }
    Ok(path)
}

fn store(folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o755))?;
    // Closed for writing before it is run, or the system calls it busy.
    file.into_temp_path().persist(path)?;
    Ok(())
}
