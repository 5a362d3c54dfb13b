//! What an image is made of, read out of it.

use serde_json::Value;

use super::SbomError;
use crate::context::Context;
use crate::image_file::{self, ImageFileError};

/// Where recipes put it (`builder/shared/sbom.sh`).
const PATH: &str = "/usr/share/skiff/sbom.cdx.json";

/// The bill of materials of an image that skiff built. Nothing of it is run.
///
/// # Errors
/// Returns [`SbomError::NoImage`] if there is no such image, [`SbomError::None`] if
/// the file is not in it, and [`SbomError::Unreadable`] if it is not CycloneDX's JSON.
pub(crate) async fn of_image(ctx: &Context, image: &str) -> Result<Value, SbomError> {
    let found = ctx.interruptible(ctx.engine.image(image)).await?;
    let id = found.ok_or_else(|| SbomError::NoImage(image.to_owned()))?.id;
    match image_file::read(ctx, &id, PATH).await {
        Ok(text) => parse(&text).map_err(|reason| unreadable(image, reason)),
        Err(ImageFileError::Run(error)) => Err(error.into()),
        Err(ImageFileError::Missing { .. }) => Err(SbomError::None(image.to_owned())),
        Err(ImageFileError::Unusable { reason, .. }) => Err(unreadable(image, reason)),
    }
}

fn unreadable(image: &str, reason: String) -> SbomError {
    SbomError::Unreadable { image: image.to_owned(), reason }
}

fn parse(text: &[u8]) -> Result<Value, String> {
    let document: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
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
