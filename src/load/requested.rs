//! Looks up requested images in the engine.

use futures_util::future::try_join_all;

use super::error::LoadError;
use crate::context::Context;
use crate::engine::Image;
use crate::image::{Digest, Reference, RequestedImage, similar_names};

/// Finds images by names, digests or IDs. Several names of one image become one
/// requested image.
///
/// # Errors
/// Returns [`LoadError::NotPresent`] if the engine does not have one, or the
/// engine's error.
pub(super) async fn look_up(
    ctx: &Context,
    arguments: &[String],
) -> Result<Vec<RequestedImage>, LoadError> {
    let looked_up = arguments.iter().map(|argument| async move {
        // The engine has its own messages for invalid names. As with kind, such
        // an image is not present.
        let found = match Reference::parse(argument) {
            Ok(_) => ctx.interruptible(ctx.engine.image(argument)).await?,
            Err(_) => None,
        };
        Ok::<_, LoadError>((argument, found))
    });
    let mut images: Vec<RequestedImage> = Vec::new();
    for (argument, found) in try_join_all(looked_up).await? {
        let Some(image) = found.and_then(|image| requested(argument, &image)) else {
            let names = ctx.interruptible(ctx.engine.image_names()).await?;
            let similar = similar_names(argument, names.iter().map(String::as_str));
            return Err(LoadError::NotPresent { name: argument.clone(), similar });
        };
        match images.iter_mut().find(|known| known.id == image.id) {
            Some(known) => known.names.extend(image.names),
            None => images.push(image),
        }
    }
    for image in &mut images {
        image.names.sort();
        image.names.dedup();
    }
    Ok(images)
}

/// `None` if the engine names the image or a layer by another kind of digest.
fn requested(argument: &str, image: &Image) -> Option<RequestedImage> {
    let id = Digest::parse(&image.id)?;
    let diff_ids: Option<Vec<Digest>> = image.layers.iter().map(|l| Digest::parse(l)).collect();
    let name = Reference::parse(argument).ok();
    let is_tag = |name: &Reference| {
        image.tags.iter().filter_map(|tag| Reference::parse(tag).ok()).any(|tag| tag == *name)
    };
    // An ID looks like a name, but does not become one.
    let is_id = id.hex().starts_with(argument.trim_start_matches("sha256:"));
    let name = name.filter(|name| is_tag(name) || !is_id);
    Some(RequestedImage {
        argument: argument.to_owned(),
        names: name.into_iter().collect(),
        id,
        diff_ids: diff_ids?,
        size: image.size,
    })
}
