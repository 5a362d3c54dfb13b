//! `load image-archive`: archives of images, from files or stdin.

use std::fs::File;

use super::LoadError;
use super::import::{self, Input};
use super::node::Interest;
use super::targets::{self, Target};
use super::transfer::{self, Transfer};
use crate::context::Context;

/// What stands for stdin.
const STDIN: &str = "-";

/// Loads archives one after the other, each on all nodes at the same time.
///
/// # Errors
/// [`LoadError`]; archives before the one that failed stay loaded.
pub async fn load(ctx: &Context, target: &Target, paths: &[String]) -> Result<(), LoadError> {
    for path in paths.iter().filter(|path| *path != STDIN) {
        std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    }
    let architecture = ctx.interruptible(ctx.engine.host()).await?.arch;
    for path in paths {
        // What they have changes with every archive; what it holds is not known yet.
        let nodes = targets::nodes(ctx, target, &Interest::of([], [])).await?;
        let begun = nodes.into_iter().map(|node| Transfer::begin(ctx, node, Vec::new())).collect();
        transfer::import(ctx, begun, async |ctx, receivers| {
            let input = open(path)?;
            let imported = import::import(ctx, input, &architecture, receivers, |images| images);
            imported.await.map_err(|error| error.of(path))
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
