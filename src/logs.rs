//! `export logs`: everything that shows what happened on the nodes, in kind's
//! layout (kind v0.33.0, `pkg/cluster/provider.go`, `CollectLogs`).

use std::path::{Component, Path, PathBuf};

use futures_util::StreamExt;
use futures_util::future::join_all;

use crate::context::{Context, RunError};
use crate::engine::{Command, EngineError};
use crate::inventory::{ExistingCluster, ExistingNode};
use crate::node::{self, NodeHandle};

#[derive(Debug, thiserror::Error)]
pub(crate) enum LogsError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
}

impl From<EngineError> for LogsError {
    fn from(error: EngineError) -> Self {
        LogsError::Run(error.into())
    }
}

/// Collects the logs of all nodes at the same time into a directory. Whatever
/// fails, the rest is written. Returns what could not be collected.
pub(crate) async fn export(
    ctx: &Context,
    cluster: &ExistingCluster,
    directory: &Path,
    version: &str,
) -> Vec<LogsError> {
    let about_host = async {
        write(directory, "kind-version.txt", version.as_bytes())?;
        let host = ctx.interruptible(ctx.engine.host()).await?;
        let text = serde_json::to_string_pretty(&host.description).unwrap_or_default();
        let name = format!("{}-info.txt", host.product.as_str());
        write(directory, &name, text.as_bytes())
    };
    let each =
        join_all(cluster.nodes.iter().map(|node| of_node(ctx, node, directory.join(&node.name))));
    let (host, nodes) = tokio::join!(about_host, each);
    host.err().into_iter().chain(nodes.into_iter().flatten()).collect()
}

async fn of_node(ctx: &Context, existing: &ExistingNode, directory: PathBuf) -> Vec<LogsError> {
    let mut failed = Vec::new();
    let mut keep = |outcome: Result<(), LogsError>| failed.extend(outcome.err());
    let name = &existing.name;
    let node = NodeHandle::new(ctx, name);
    keep(
        async {
            let read = async {
                let log = node::collect(ctx.engine.logs(name, false).await?).await;
                log.map_err(|e| EngineError::other("reading the log", e))
            };
            write(&directory, "serial.log", &ctx.interruptible(read).await?)
        }
        .await,
    );
    keep(
        async {
            let state = ctx.interruptible(ctx.engine.inspect_json(name)).await?;
            write(
                &directory,
                "inspect.json",
                serde_json::to_string_pretty(&state).unwrap_or_default().as_bytes(),
            )
        }
        .await,
    );
    if !existing.role.is_kubernetes_node() || !existing.is_running() {
        return failed;
    }
    let commands: [(&str, &[&str]); 5] = [
        ("kubernetes-version.txt", &["cat", "/kind/version"]),
        ("journal.log", &["journalctl", "--no-pager"]),
        ("kubelet.log", &["journalctl", "--no-pager", "-u", "kubelet.service"]),
        ("containerd.log", &["journalctl", "--no-pager", "-u", "containerd.service"]),
        ("images.log", &["ctr", "--namespace", "k8s.io", "images", "list"]),
    ];
    let collected = join_all(commands.map(|(file, argv)| {
        let (node, directory) = (node.clone(), directory.clone());
        async move {
            let text = node.output(Command::new(argv.iter().copied())).await?;
            write(&directory, file, &text)
        }
    }));
    for outcome in collected.await {
        keep(outcome);
    }
    keep(var_log(&node, &directory).await);
    failed
}

/// Copies the node's `/var/log`, following links.
async fn var_log(node: &NodeHandle, directory: &Path) -> Result<(), LogsError> {
    // tar exits with 1 if a file grew while it was read.
    let script = "tar --hard-dereference --ignore-failed-read -C /var/log -chf - . 2>/dev/null || [ $? = 1 ]";
    let command = Command::new(["sh", "-c", script]);
    let mut archive = tempfile::tempfile()
        .map_err(|source| LogsError::Write { path: std::env::temp_dir(), source })?;
    let mut pieces = node.stream_out(command).await?;
    while let Some(piece) =
        node.ctx.interruptible(async { Ok::<_, RunError>(pieces.next().await) }).await?
    {
        let piece = piece.map_err(|e| EngineError::other("reading /var/log", e))?;
        std::io::Write::write_all(&mut archive, &piece)
            .map_err(|source| LogsError::Write { path: directory.into(), source })?;
    }
    let unpacked = unpack(archive, directory);
    unpacked.map_err(|source| LogsError::Write { path: directory.into(), source })
}

/// Unpacks regular files only, and none outside of the directory.
fn unpack(mut archive: std::fs::File, directory: &Path) -> std::io::Result<()> {
    std::io::Seek::rewind(&mut archive)?;
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let inside =
            path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        if !inside || !entry.header().entry_type().is_file() {
            continue;
        }
        let target = directory.join(path);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::io::copy(&mut entry, &mut std::fs::File::create(target)?)?;
    }
    Ok(())
}

fn write(directory: &Path, file: &str, text: &[u8]) -> Result<(), LogsError> {
    let path = directory.join(file);
    let written = std::fs::create_dir_all(directory).and_then(|()| std::fs::write(&path, text));
    written.map_err(|source| LogsError::Write { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_export_leaves_nothing_of_the_first() {
        let directory = tempfile::tempdir().unwrap();
        for text in ["a long first log", "short"] {
            let mut archive = tar::Builder::new(tempfile::tempfile().unwrap());
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o400);
            archive.append_data(&mut header, "a.log", text.as_bytes()).unwrap();
            unpack(archive.into_inner().unwrap(), directory.path()).unwrap();
            write(directory.path(), "b.log", text.as_bytes()).unwrap();
        }
        for file in ["a.log", "b.log"] {
            assert_eq!(std::fs::read_to_string(directory.path().join(file)).unwrap(), "short");
        }
    }

    #[test]
    fn an_archive_cannot_write_outside_its_directory() {
        let mut archive = tar::Builder::new(tempfile::tempfile().unwrap());
        for (name, text) in [("./pods/a.log", "a"), ("b.log", "b")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o600);
            archive.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        let mut evil = tar::Header::new_gnu();
        evil.set_size(4);
        evil.as_mut_bytes()[..9].copy_from_slice(b"../c.log\0");
        evil.set_cksum();
        archive.append(&evil, &b"evil"[..]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("inner");
        unpack(archive.into_inner().unwrap(), &inner).unwrap();
        assert_eq!(std::fs::read_to_string(inner.join("pods/a.log")).unwrap(), "a");
        assert_eq!(std::fs::read_to_string(inner.join("b.log")).unwrap(), "b");
        assert!(!directory.path().join("c.log").exists());
    }
}
