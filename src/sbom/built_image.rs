//! What an image is made of, read out of it.

use std::io::Read;

use futures_util::TryStreamExt;
use serde_json::Value;

use super::SbomError;
use crate::context::{Context, RunError};
use crate::engine::{ContainerSpec, EngineError};
use crate::labels;
use crate::text;

/// Where recipes put it (`builder/shared/sbom.sh`).
const PATH: &str = "/usr/share/skiff/sbom.cdx.json";
/// Many times what the largest has.
const SIZE_LIMIT: usize = 64 << 20;

/// The bill of materials of an image that skiff built. The engine reads it out of a
/// container that is never started.
///
/// # Errors
/// Returns [`SbomError::NoImage`] if there is no such image, [`SbomError::None`] if
/// the file is not in it, and [`SbomError::Unreadable`] if it is not CycloneDX's JSON.
pub(crate) async fn of_image(ctx: &Context, image: &str) -> Result<Value, SbomError> {
    let found = ctx.interruptible(ctx.engine.image(image)).await?;
    let id = found.ok_or_else(|| SbomError::NoImage(image.to_owned()))?.id;
    let name = format!("skiff-sbom-{}", text::random_hex(4).map_err(RunError::from)?);
    let spec = ContainerSpec {
        name: name.clone(),
        image: id,
        labels: [(labels::CREATED_BY.to_owned(), labels::created_by())].into(),
        network: Some("none".into()),
        // It is never started, but an engine asks what it would run.
        entrypoint: vec![PATH.into()],
        ..ContainerSpec::default()
    };
    // After the scope, its creation has come to an end.
    let read = ctx
        .scope(async |ctx| {
            let engine = ctx.engine.clone();
            ctx.run_to_completion(async move { engine.create_container(&spec).await }).await?;
            archive(ctx, &name).await
        })
        .await;
    if let Err(error) = ctx.clean_up(ctx.engine.remove_container(&name)).await {
        ctx.progress.warn(format!("cannot remove container {name}: {error}"));
    }
    let archive = match read {
        Err(RunError::Engine(EngineError::NotFound { .. })) => {
            return Err(SbomError::None(image.to_owned()));
        }
        other => other?,
    };
    parse(&archive).map_err(|reason| SbomError::Unreadable { image: image.to_owned(), reason })
}

/// The file as the engine sends it: a tar archive.
async fn archive(ctx: &Context, container: &str) -> Result<Vec<u8>, RunError> {
    let failed = |error| EngineError::other(format!("reading {PATH}"), error);
    let read = async {
        let mut pieces = ctx.engine.archive(container, PATH).await?;
        let mut archive = Vec::new();
        while let Some(piece) = pieces.try_next().await.map_err(failed)? {
            archive.extend_from_slice(&piece);
            if archive.len() > SIZE_LIMIT {
                return Err(failed(std::io::ErrorKind::FileTooLarge.into()));
            }
        }
        Ok(archive)
    };
    ctx.interruptible(read).await
}

fn parse(archive: &[u8]) -> Result<Value, String> {
    let mut text = String::new();
    let read = || {
        let mut archive = tar::Archive::new(archive);
        let mut entry = archive.entries()?.next().ok_or(std::io::ErrorKind::UnexpectedEof)??;
        entry.read_to_string(&mut text)
    };
    let read: std::io::Result<usize> = { read }();
    read.map_err(|error| error.to_string())?;
    let document: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    match document["bomFormat"] == "CycloneDX" {
        true => Ok(document),
        false => Err("it is not CycloneDX's".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::engine::fake::{FakeEngine, Script};
    use crate::progress::Progress;

    async fn read(engine: &FakeEngine, image: &str) -> Result<Value, SbomError> {
        let cancel = CancellationToken::new();
        let ctx = Context::new(Arc::new(engine.clone()), Progress::silent(), cancel);
        of_image(&ctx, image).await
    }

    fn engine(files: &str) -> FakeEngine {
        let script = format!("{{images: {{app:1: {{}}}}, files: {files}}}");
        Script::parse(&script).unwrap().engine(&CancellationToken::new())
    }

    #[tokio::test]
    async fn it_is_read_without_running_anything_and_nothing_is_left() {
        let document = r#"{"bomFormat": "CycloneDX"}"#;
        let engine = engine(&format!("{{{PATH}: '{document}'}}"));
        assert_eq!(read(&engine, "app:1").await.unwrap()["bomFormat"], "CycloneDX");
        assert!(engine.container_names().is_empty());
        assert!(!engine.calls().contains(&"start_container".to_owned()));
    }

    #[tokio::test]
    async fn other_images_have_none() {
        let missing = engine("{}");
        assert!(matches!(read(&missing, "app:2").await, Err(SbomError::NoImage(_))));
        assert!(matches!(read(&missing, "app:1").await, Err(SbomError::None(_))));
        assert!(missing.container_names().is_empty());
        for text in ["{}", "no JSON"] {
            let other = engine(&format!("{{{PATH}: '{text}'}}"));
            let error = read(&other, "app:1").await.unwrap_err();
            assert!(matches!(error, SbomError::Unreadable { .. }), "{error}");
        }
    }
}
