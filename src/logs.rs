//! `export logs`: everything that shows what happened on the nodes, in kind's
//! layout (kind v0.33.0, `pkg/cluster/provider.go`, `CollectLogs`).

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Component, Path, PathBuf};

use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::Value;

use crate::context::{Context, RunError};
use crate::engine::{Command, EngineError};
use crate::files;
use crate::inventory::{ExistingCluster, ExistingNode};
use crate::node::{self, NodeHandle};
use crate::secret::{self, Concealer};

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
        let text = document(host.description);
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
                let log = node::collect(ctx.engine.logs(name, 0, false).await?).await;
                log.map_err(|e| EngineError::other("reading the log", e))
            };
            write(&directory, "serial.log", &ctx.interruptible(read).await?)
        }
        .await,
    );
    keep(
        async {
            let state = ctx.interruptible(ctx.engine.inspect_json(name)).await?;
            write(&directory, "inspect.json", document(state).as_bytes())
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
        archive
            .write_all(&piece)
            .map_err(|source| LogsError::Write { path: directory.into(), source })?;
    }
    let unpacked = unpack(archive, directory);
    unpacked.map_err(|source| LogsError::Write { path: directory.into(), source })
}

/// Unpacks regular files only, and none outside of the directory.
fn unpack(mut archive: File, directory: &Path) -> std::io::Result<()> {
    std::io::Seek::rewind(&mut archive)?;
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let inside =
            path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        if !inside || !entry.header().entry_type().is_file() {
            continue;
        }
        let mut content = BufReader::new(&mut entry);
        files::write(&directory.join(path), |file| match content.fill_buf()?.contains(&0) {
            // Not text, such as the journal's own files, which a change would break.
            true => std::io::copy(&mut content, file).map(drop),
            false => copy(content, file),
        })?;
    }
    Ok(())
}

fn write(directory: &Path, file: &str, text: &[u8]) -> Result<(), LogsError> {
    let path = directory.join(file);
    let written = files::write(&path, |file| copy(text, file));
    written.map_err(|source| LogsError::Write { path, source })
}

/// Copies a text without the secrets that can be recognized.
fn copy(mut from: impl BufRead, to: &mut File) -> std::io::Result<()> {
    let (mut concealer, mut to) = (Concealer::default(), BufWriter::new(to));
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        match std::str::from_utf8(&line) {
            Ok(text) => to.write_all(concealer.line(text).as_bytes())?,
            Err(_) => {
                to.write_all(concealer.line(&String::from_utf8_lossy(&line)).as_bytes())?;
            }
        }
        line.clear();
    }
    to.flush()
}

/// A document of the engine. The variables of nodes may contain passwords of proxies.
fn document(mut value: Value) -> String {
    secret::conceal_values(&mut value);
    serde_json::to_string_pretty(&value).unwrap_or_default()
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

    #[test]
    fn what_is_kept_is_private_and_has_no_passwords() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("new");
        let state = serde_json::json!({"Env": ["HTTP_PROXY=http://me:s3 cret/@proxy:1"]});
        write(&inner, "inspect.json", document(state).as_bytes()).unwrap();
        let log = b"dial http://me:s3cret@proxy:1\n\xff\xfe password=s3cret\nthe end";
        write(&inner, "journal.log", log).unwrap();
        let mut archive = tar::Builder::new(tempfile::tempfile().unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_size(log.len() as u64);
        archive.append_data(&mut header, "pods/a.log", &log[..]).unwrap();
        unpack(archive.into_inner().unwrap(), &inner).unwrap();
        for file in ["inspect.json", "journal.log", "pods/a.log"] {
            let text = std::fs::read_to_string(inner.join(file)).unwrap();
            assert!(text.contains("http://xxxxx@proxy:1") && !text.contains("cret"), "{text}");
            assert!(file == "inspect.json" || text.ends_with("password=xxxxx\nthe end"), "{text}");
        }
    }

    #[test]
    fn what_is_not_text_is_kept_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let binary = b"LPKSHHRH\0\xff\nAuthorization: a password=b\n\xff\0";
        let mut archive = tar::Builder::new(tempfile::tempfile().unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_size(binary.len() as u64);
        archive.append_data(&mut header, "journal/system.journal", &binary[..]).unwrap();
        unpack(archive.into_inner().unwrap(), directory.path()).unwrap();
        let kept = std::fs::read(directory.path().join("journal/system.journal")).unwrap();
        assert_eq!(kept, binary);
    }

    #[test]
    fn a_link_that_is_there_already_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let victim = directory.path().join("victim");
        std::fs::write(&victim, "precious").unwrap();
        let inner = directory.path().join("inner");
        std::fs::create_dir(&inner).unwrap();
        for file in ["a.log", "b.log"] {
            std::os::unix::fs::symlink(&victim, inner.join(file)).unwrap();
        }
        let mut archive = tar::Builder::new(tempfile::tempfile().unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_size(1);
        archive.append_data(&mut header, "a.log", &b"a"[..]).unwrap();
        unpack(archive.into_inner().unwrap(), &inner).unwrap();
        write(&inner, "b.log", b"b").unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!(std::fs::read_to_string(inner.join("a.log")).unwrap(), "a");
    }
}
