//! Reads a file out of an image of the engine, which reads it out of a container that is
//! never started.

use std::io::{self, Read};

use crate::context::{Context, RunError};
use crate::engine::{ContainerSpec, EngineError};
use crate::labels;
use crate::node;
use crate::text;

/// More bytes than any file has that skiff reads so, which is kubectl at most.
const SIZE_LIMIT: u64 = 1 << 30;
/// Linux's own limit (path_resolution(7)) is 40; images need one or two.
const MAX_LINKS: usize = 8;

/// Why a file cannot be read out of an image.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageFileError {
    #[error(transparent)]
    Run(#[from] RunError),
    /// The image or the file is missing.
    #[error("cannot read {path} out of the image: {reason}")]
    Missing { path: String, reason: String },
    #[error("cannot read {path} out of the image: {reason}")]
    Unusable { path: String, reason: String },
}

/// The file at a path of the image with this ID. Nothing of the image is run.
///
/// # Errors
/// Returns [`ImageFileError`] if the image has no such file, or the engine's error.
pub(crate) async fn read(
    ctx: &Context,
    image: &str,
    path: &str,
) -> Result<Vec<u8>, ImageFileError> {
    let name = format!("skiff-read-{}", text::random_hex(4).map_err(RunError::from)?);
    let spec = ContainerSpec {
        name: name.clone(),
        image: image.to_owned(),
        labels: [(labels::CREATED_BY.to_owned(), labels::created_by())].into(),
        network: Some("none".into()),
        // It is never started, but an engine asks what it would run.
        entrypoint: vec![path.to_owned()],
        ..ContainerSpec::default()
    };
    // After the scope, its creation has come to an end.
    let read = ctx
        .scope(async |ctx| {
            let engine = ctx.engine.clone();
            let create = async move { engine.create_container(&spec).await };
            // Images can be removed while they are in use.
            ctx.run_to_completion(create).await.map_err(|error| missing(error, path))?;
            follow(ctx, &name, path).await
        })
        .await;
    match ctx.clean_up(ctx.engine.remove_container(&name)).await {
        Err(error @ RunError::CutOff(_)) => return Err(error.into()),
        Err(error) => ctx.progress.warn(format!("cannot remove container {name}: {error}")),
        Ok(()) => {}
    }
    read
}

/// Reads a file of a container, also by links to it.
async fn follow(ctx: &Context, container: &str, path: &str) -> Result<Vec<u8>, ImageFileError> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let read = async {
            let archive = ctx.engine.archive(container, &path).await?;
            let archive = node::collect_up_to(archive, SIZE_LIMIT).await;
            archive.map_err(|error| EngineError::other(format!("reading {path}"), error))
        };
        let archive = ctx.interruptible(read).await.map_err(|error| missing(error, &path))?;
        let invalid = |error: io::Error| ImageFileError::Unusable {
            path: path.clone(),
            reason: error.to_string(),
        };
        match entry(&archive).map_err(invalid)? {
            Entry::File(bytes) => return Ok(bytes),
            Entry::Link(target) if target.starts_with('/') => path = target,
            Entry::Link(target) => {
                let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
                path = format!("{directory}/{target}");
            }
        }
    }
    Err(ImageFileError::Unusable { path, reason: "too many symbolic links".into() })
}

/// What does not exist is no failure of the engine.
fn missing(error: RunError, path: &str) -> ImageFileError {
    match error {
        RunError::Engine(EngineError::NotFound { message, .. }) => {
            ImageFileError::Missing { path: path.to_owned(), reason: message }
        }
        other => other.into(),
    }
}

enum Entry {
    File(Vec<u8>),
    Link(String),
}

/// The only entry of an archive.
fn entry(archive: &[u8]) -> io::Result<Entry> {
    let mut archive = tar::Archive::new(archive);
    let mut entry = archive.entries()?.next().ok_or(io::ErrorKind::UnexpectedEof)??;
    match entry.header().entry_type() {
        tar::EntryType::Regular => {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            Ok(Entry::File(bytes))
        }
        tar::EntryType::Symlink => {
            let target = entry.link_name()?.unwrap_or_default();
            Ok(Entry::Link(target.to_string_lossy().into_owned()))
        }
        _ => Err(io::Error::other("it is not a file")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::engine::fake::{FakeEngine, Fault, Script};
    use crate::progress::Progress;

    const ID: &str = "sha256:0";

    async fn read_from(engine: &FakeEngine, path: &str) -> Result<Vec<u8>, ImageFileError> {
        let engine = Arc::new(engine.clone());
        let ctx = Context::new(engine, Progress::silent(), CancellationToken::new());
        read(&ctx, ID, path).await
    }

    #[tokio::test]
    async fn a_file_is_read_through_links_and_nothing_is_left() {
        let files = "files: {/bin/a: '-> b', /bin/b: '-> /opt/c', /opt/c: text, /loop: '-> loop'}";
        let engine = Script::parse(files).unwrap().engine(&CancellationToken::new());
        assert_eq!(read_from(&engine, "/bin/a").await.unwrap(), b"text");
        for (path, reason) in [("/loop", "too many symbolic links"), ("/none", "no such")] {
            let error = read_from(&engine, path).await.unwrap_err();
            let is_missing = matches!(error, ImageFileError::Missing { .. });
            assert_eq!(is_missing, path == "/none", "{error}");
            assert!(error.to_string().contains(reason), "{error}");
        }
        let removed = EngineError::NotFound {
            what: "creating".into(),
            message: "No such image: sha256:0".into(),
        };
        let without_image = FakeEngine::armed(0, Fault::FailsWith(removed));
        let error = read_from(&without_image, "/bin/a").await.unwrap_err();
        assert!(matches!(error, ImageFileError::Missing { .. }), "{error}");
        assert!(engine.container_names().is_empty());
        assert!(!engine.calls().contains(&"start_container".to_owned()));
    }

    /// Whatever goes wrong, at every call.
    #[tokio::test]
    async fn a_failure_leaves_no_container() {
        for call in 0..3 {
            for kind in 0..3 {
                let cancel = CancellationToken::new();
                let engine = FakeEngine::armed(call, Fault::kinds(&cancel)[kind].clone());
                let shared = Arc::new(engine.clone());
                let ctx = Context::new(shared, Progress::silent(), cancel);
                let _ = read(&ctx, ID, "/usr/bin/kubectl").await;
                let is_removed = engine.container_names().is_empty();
                // The engine refused to remove it.
                let may_stay = call == 2 && kind == 0;
                assert!(is_removed || may_stay, "call {call}, kind {kind}: {:?}", engine.calls());
            }
        }
    }
}
