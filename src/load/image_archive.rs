//! `load image-archive`: archives of images, from files or stdin.

use std::fs::File;

use super::containerd::ImageFilter;
use super::error::LoadError;
use super::import::{self, Input};
use super::target::{self, Target};
use super::transfer::{self, Transfer};
use crate::context::Context;
use crate::image::MissingBlobs;

/// The path that means stdin.
const STDIN: &str = "-";

/// Loads archives one after the other, each on all nodes at the same time.
///
/// # Errors
/// Returns [`LoadError`]. Archives before the one that failed stay loaded.
pub(crate) async fn load(
    ctx: &Context,
    target: &Target,
    paths: &[String],
) -> Result<(), LoadError> {
    for path in paths.iter().filter(|path| *path != STDIN) {
        std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    }
    let architecture = ctx.interruptible(ctx.engine.host()).await?.arch;
    for path in paths {
        // What nodes have changes with every archive. What an archive contains
        // is not known before it is read.
        let nodes = target::nodes(ctx, target, &ImageFilter::new([], [])).await?;
        let transfer = |node: target::TargetNode| {
            let missing = MissingBlobs::of(&node.report.content);
            Transfer::begin(ctx, node, Vec::new(), missing)
        };
        let transfers = nodes.into_iter().map(transfer).collect();
        transfer::import(ctx, transfers, async |ctx, targets| {
            let input = open(path)?;
            let imported = import::import(ctx, input, &architecture, targets, |images| images);
            imported.await.map_err(|error| error.for_archive(path))
        })
        .await?;
    }
    Ok(())
}

fn open(path: &str) -> Result<Input, LoadError> {
    if path == STDIN {
        return Ok(Box::new(crate::environment::stdin()));
    }
    Ok(Box::new(File::open(path).map_err(|error| unreadable(path, &error))?))
}

fn unreadable(path: &str, error: &std::io::Error) -> LoadError {
    LoadError::Unreadable { path: path.to_owned(), reason: error.to_string() }
}
