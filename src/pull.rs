//! Images in the engine: pulled unless they are there.

mod layers;

use std::sync::Mutex;

use self::layers::Layers;
use crate::context::{Context, RunError};
use crate::engine::{EngineError, PullEvent};

#[derive(Debug, thiserror::Error)]
pub(crate) enum PullError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("image {image} is not in the engine, and pulling it failed: {reason}")]
    Failed { image: String, reason: String },
}

/// Pulls the image unless the engine has it.
///
/// # Errors
/// Returns [`PullError::Failed`] with the engine's reason if the engine refuses, or
/// [`PullError::Run`] if it cannot be reached or the operation is cancelled.
pub(crate) async fn ensure(ctx: &Context, image: &str) -> Result<(), PullError> {
    if ctx.interruptible(ctx.engine.image(image)).await?.is_some() {
        return Ok(());
    }
    let step = ctx.progress.step(format!("Pulling {}", without_digest(image)));
    let layers = Mutex::new(Layers::default());
    let on_event = |event: PullEvent| {
        step.transferred(layers.lock().expect("no holder panics").update(&event));
    };
    match ctx.interruptible(ctx.engine.pull_image(&with_tag(image), &on_event)).await {
        Ok(()) => {
            step.done();
            Ok(())
        }
        Err(RunError::Engine(
            error @ (EngineError::NotFound { .. }
            | EngineError::Other { .. }
            | EngineError::Conflict { .. }),
        )) => {
            Err(PullError::Failed { image: image.to_owned(), reason: error.message().to_owned() })
        }
        Err(error) => Err(error.into()),
    }
}

/// An image's name as people write it: without the digest.
pub(crate) fn without_digest(image: &str) -> &str {
    image.split_once('@').map_or(image, |(name, _)| name)
}

/// The image with the tag that is meant without one. The engine's API would pull
/// every tag of the repository.
pub(crate) fn with_tag(image: &str) -> String {
    let last = image.rsplit('/').next().unwrap_or(image);
    match last.contains([':', '@']) {
        true => image.to_owned(),
        false => format!("{image}:latest"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::engine::fake::{FakeEngine, Script};
    use crate::progress::{Amount, Event, Progress, Reporter};

    /// Keeps what is transferred.
    #[derive(Default, Clone)]
    struct Transfers(Arc<Mutex<Vec<Amount>>>);

    impl Reporter for Transfers {
        fn report(&self, event: Event) {
            if let Event::Transferred { amount, .. } = event {
                self.0.lock().unwrap().push(amount);
            }
        }
    }

    #[tokio::test]
    async fn a_pull_shows_what_has_arrived() {
        let (transfers, cancel) = (Transfers::default(), CancellationToken::new());
        let engine: FakeEngine = Script::parse("images: {}").unwrap().engine(&cancel);
        let ctx = Context::new(Arc::new(engine), Progress::new(transfers.clone()), cancel);
        for _ in 0..2 {
            ensure(&ctx, "node:v1@sha256:12").await.unwrap();
        }
        let expected = ["1 B of 2.0 kB, 0 of 1 layers", "2.0 kB, 1 of 1 layers unpacked"];
        let transfers = transfers.0.lock().unwrap();
        assert_eq!(transfers.iter().map(|amount| &amount.text[..]).collect::<Vec<_>>(), expected);
        assert_eq!(transfers[0].bytes, Some(1));
    }

    #[test]
    fn a_name_without_a_tag_means_latest() {
        for (image, expected) in [
            ("kindest/node", "kindest/node:latest"),
            ("localhost:5000/node", "localhost:5000/node:latest"),
            ("localhost:5000/node:v1", "localhost:5000/node:v1"),
            ("kindest/node@sha256:12", "kindest/node@sha256:12"),
            ("kindest/node:v1@sha256:12", "kindest/node:v1@sha256:12"),
            ("node", "node:latest"),
        ] {
            assert_eq!(with_tag(image), expected);
        }
    }
}
