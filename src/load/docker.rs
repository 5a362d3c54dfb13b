//! `load docker-image`: images of the engine.

use std::collections::BTreeSet;

use futures_util::future::{try_join, try_join_all};
use tokio::runtime::Handle;
use tokio_util::io::{StreamReader, SyncIoBridge};

use super::LoadError;
use super::catalog::{Asked, LoadImage};
use super::import;
use super::node::{self, Interest, NodeState};
use super::oci::{Digest, chain_ids};
use super::pull::{self, PullError, Puller};
use super::reference::Reference;
use super::store::StoreError;
use super::targets::{self, Node, Target};
use super::transfer::{self, Transfer};
use crate::context::{Context, RunError};
use crate::engine::Host;
use crate::node::NodeHandle;

/// What one node needs of one image.
enum Need {
    Nothing,
    /// It has the content, but not all names.
    Names {
        from: Digest,
        missing: Vec<String>,
    },
    Content,
}

impl Asked {
    fn need(&self, state: &NodeState) -> Need {
        let top = chain_ids(&self.diff_ids).pop();
        let unpacked = top.is_none_or(|top| state.snapshots.contains(&top));
        let Some(target) = state.find(&self.id).filter(|_| unpacked) else { return Need::Content };
        let names = self.names.iter().map(Reference::to_string);
        let missing: Vec<String> = names.filter(|n| state.target(n) != Some(target)).collect();
        match missing.is_empty() {
            true => Need::Nothing,
            false => Need::Names { from: target.clone(), missing },
        }
    }
}

/// Loads images of the engine by name, digest or ID.
///
/// # Errors
/// [`LoadError`]; what was complete before stays.
pub async fn load(ctx: &Context, target: &Target, names: &[String]) -> Result<(), LoadError> {
    ctx.scope(async |ctx| load_in_scope(ctx, target, names).await).await
}

async fn load_in_scope(ctx: &Context, target: &Target, names: &[String]) -> Result<(), LoadError> {
    let asked = asked(ctx, names).await?;
    let about = about(&asked);
    let host = async { Ok(ctx.interruptible(ctx.engine.host()).await?) };
    let (nodes, host) = try_join(targets::nodes(ctx, target, &about), host).await?;
    let mut lacking: Vec<(Node, Vec<Digest>)> = Vec::new();
    for node in nodes {
        let mut content = Vec::new();
        for image in &asked {
            let (name, id) = (&image.argument, &image.id);
            match image.need(&node.state) {
                Need::Nothing => {}
                Need::Names { from, missing } => {
                    ctx.progress.info(format!("Image with ID: {id} already present on the node {} but is missing the tag {}. re-tagging...", node.name, missing.join(", ")));
                    rename(ctx, &node, image, &from, &missing).await?;
                }
                Need::Content => {
                    ctx.progress.info(format!(
                        "Image: {name:?} with ID \"{id}\" not yet present on node {:?}, loading...",
                        node.name
                    ));
                    content.push(id.clone());
                }
            }
        }
        if !content.is_empty() {
            lacking.push((node, content));
        }
    }
    for image in &asked {
        if !lacking.iter().any(|(_, content)| content.contains(&image.id)) {
            ctx.progress.info(format!(
                "Image: {:?} with ID \"{}\" found to be already present on all nodes.",
                image.argument, image.id
            ));
        }
    }
    if lacking.is_empty() {
        return Ok(());
    }
    let asked = asked.into_iter().filter(|i| lacking.iter().any(|(_, ids)| ids.contains(&i.id)));
    transfer(ctx, &host, &asked.collect::<Vec<_>>(), lacking).await
}

fn about(asked: &[Asked]) -> Interest {
    Interest::of(asked.iter().flat_map(|a| &a.names), asked.iter().map(|a| &a.id))
}

/// Gives an image that a node has more names.
async fn rename(
    ctx: &Context,
    node: &Node,
    image: &Asked,
    target: &Digest,
    names: &[String],
) -> Result<(), LoadError> {
    let about = about(std::slice::from_ref(image));
    let from = node.state.name_of(target).unwrap_or_default();
    NodeHandle::new(ctx, &node.name).run(node::tag(&from, names)).await?;
    match image.need(&node::state(ctx, &node.name, &about).await?) {
        Need::Nothing => Ok(()),
        _ => Err(LoadError::Failed {
            node: node.name.clone(),
            reason: format!("{} did not become {target}", names.join(", ")),
            output: String::new(),
        }),
    }
}

/// Looks the images up in the engine; several names of one are one.
async fn asked(ctx: &Context, arguments: &[String]) -> Result<Vec<Asked>, LoadError> {
    let looked_up = arguments.iter().map(|argument| async move {
        // The engine has words of its own for what is no name; as with kind, it
        // is not there.
        let found = match Reference::parse(argument) {
            Ok(_) => ctx.interruptible(ctx.engine.image(argument)).await?,
            Err(_) => None,
        };
        Ok::<_, LoadError>((argument, found))
    });
    let mut asked: Vec<Asked> = Vec::new();
    for (argument, found) in try_join_all(looked_up).await? {
        let tags: Vec<Reference> = found
            .iter()
            .flat_map(|image| &image.tags)
            .filter_map(|tag| Reference::parse(tag).ok())
            .collect();
        let digests = found.and_then(|image| {
            let layers: Option<Vec<Digest>> =
                image.layers.iter().map(|l| Digest::parse(l)).collect();
            Some((Digest::parse(&image.id)?, layers?, image.size))
        });
        let Some((id, diff_ids, size)) = digests else {
            let names = ctx.interruptible(ctx.engine.image_names()).await?;
            let similar = similar(argument, names.iter().map(String::as_str));
            return Err(LoadError::NotPresent { name: argument.clone(), similar });
        };
        let name = match Reference::parse(argument) {
            Ok(name) if tags.contains(&name) => Some(name),
            _ if id.hex().starts_with(argument.trim_start_matches("sha256:")) => None,
            name => Some(name?),
        };
        match asked.iter_mut().find(|known| known.id == id) {
            Some(known) => known.names.extend(name),
            None => asked.push(Asked {
                argument: argument.clone(),
                names: name.into_iter().collect(),
                id,
                diff_ids,
                size,
            }),
        }
    }
    for image in &mut asked {
        image.names.sort();
        image.names.dedup();
    }
    Ok(asked)
}

/// Names that somebody who wrote `name` may have meant, at most five.
pub fn similar<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let last = |name: &str| {
        let path = name.split('@').next().unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        last.split(':').next().unwrap_or_default().to_owned()
    };
    let wanted = last(name);
    let fits = |other: &&str| {
        let other = last(other);
        wanted.len() > 1 && other.len() > 1 && (other.contains(&wanted) || wanted.contains(&other))
    };
    let found: BTreeSet<&str> = names.filter(fits).collect();
    found.into_iter().take(5).map(str::to_owned).collect()
}

/// Gives images the names they were asked for by; others are not wanted.
fn named(asked: Vec<Asked>) -> impl Fn(Vec<LoadImage>) -> Vec<LoadImage> + Send + 'static {
    move |images| {
        let name = |image: LoadImage| {
            let asked = asked.iter().find(|asked| image.is(&asked.id))?;
            Some(LoadImage { names: asked.names.clone(), ..image })
        };
        images.into_iter().filter_map(name).collect()
    }
}

async fn transfer(
    ctx: &Context,
    host: &Host,
    asked: &[Asked],
    lacking: Vec<(Node, Vec<Digest>)>,
) -> Result<(), LoadError> {
    let begun = lacking.into_iter().map(|(node, images)| Transfer::begin(ctx, node, images));
    let (left, why) = pulled(ctx, host, asked, begun.collect()).await?;
    if left.is_empty() {
        return Ok(());
    }
    ctx.progress.info(format!("{why}; sending the engine's export instead"));
    transfer::import(ctx, left, async |ctx, receivers| {
        let arguments: Vec<String> = asked.iter().map(|asked| asked.argument.clone()).collect();
        let export = ctx.interruptible(ctx.engine.export_images(&arguments)).await?;
        let export = SyncIoBridge::new_with_handle(StreamReader::new(export), Handle::current());
        let named = named(asked.to_vec());
        let imported = import::import(ctx, Box::new(export), &host.arch, receivers, named).await;
        imported.map_err(|error| error.of("the engine's export"))
    })
    .await
}

/// Returns the transfers that did not succeed, and why.
async fn pulled(
    ctx: &Context,
    host: &Host,
    asked: &[Asked],
    mut transfers: Vec<Transfer>,
) -> Result<(Vec<Transfer>, String), LoadError> {
    let puller = |transfer: &mut Transfer| {
        Some(Puller {
            node: transfer.node.name.clone(),
            gateway: transfer.node.state.gateway,
            waiting: transfer.node.waiting.take()?,
            images: transfer.images.clone(),
            sent: transfer.sent.clone(),
        })
    };
    let pullers = transfers.iter_mut().filter_map(puller).collect();
    let pull = pull::pull(ctx, host, asked, pullers, named(asked.to_vec()));
    match transfer::watched(&transfers, pull).await {
        Ok(outcome) => {
            let (left, why) = transfer::confirmed(ctx, transfers, outcome).await?;
            Ok((left, why.map(|why| why.to_string()).unwrap_or_default()))
        }
        Err(PullError::Store(StoreError::Run(RunError::Cancelled))) => {
            Err(RunError::Cancelled.into())
        }
        Err(error) => Ok((transfers, error.to_string())),
    }
}

#[cfg(test)]
mod tests;
