//! What is on the nodes: listing images, and removing them.

use std::collections::{BTreeMap, BTreeSet};

use super::LoadError;
use super::node::{self, Interest, NodeState};
use super::oci::Digest;
use super::reference::Reference;
use super::targets::{self, Target};
use crate::context::Context;
use crate::node::NodeHandle;

/// An image on some nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub digest: String,
    /// As the node writes it, such as `12.3 MiB`.
    pub size: String,
    pub nodes: Vec<String>,
}

/// The images of a cluster's nodes, by name.
///
/// # Errors
/// [`LoadError`].
pub async fn list(ctx: &Context, target: &Target) -> Result<Vec<Listed>, LoadError> {
    let nodes = targets::nodes(ctx, target, &Interest::all()).await?;
    let states = nodes.iter().map(|node| (node.name.as_str(), &node.state));
    Ok(listed(states))
}

/// All names of images that each node has, written out in full.
///
/// # Errors
/// [`LoadError`].
pub async fn names(ctx: &Context, target: &Target) -> Result<Vec<BTreeSet<String>>, LoadError> {
    let nodes = targets::nodes(ctx, target, &Interest::all()).await?;
    let names = |node: &targets::Node| node.state.images.iter().map(|i| i.name.clone()).collect();
    Ok(nodes.iter().map(names).collect())
}

fn listed<'a>(states: impl Iterator<Item = (&'a str, &'a NodeState)>) -> Vec<Listed> {
    let mut found: BTreeMap<(String, String), Listed> = BTreeMap::new();
    for (node, state) in states {
        for image in state.images.iter().filter(|image| is_shown(&image.name, state)) {
            let digest = image.target.to_string();
            let entry = found.entry((image.name.clone(), digest.clone()));
            let listed = entry.or_insert_with(|| Listed {
                name: image.name.clone(),
                digest,
                size: image.size.clone(),
                nodes: Vec::new(),
            });
            listed.nodes.push(node.to_owned());
        }
    }
    found.into_values().collect()
}

/// Names that only repeat another one's digest are left out.
fn is_shown(name: &str, state: &NodeState) -> bool {
    if is_id(name) {
        return false;
    }
    let Some((repository, digest)) = name.split_once('@') else { return true };
    let mut others = state.images.iter().filter(|image| !image.name.contains('@'));
    !others.any(|image| {
        image.target.to_string() == digest
            && image.name.rsplit_once(':').is_some_and(|(start, _)| start == repository)
    })
}

fn is_id(name: &str) -> bool {
    Digest::parse(name).is_some()
}

/// Removes an image by a name of it; says from which nodes.
///
/// # Errors
/// [`LoadError::NotOnNodes`] if none of them has it.
pub async fn remove(ctx: &Context, target: &Target, name: &str) -> Result<Vec<String>, LoadError> {
    let reference = Reference::parse(name)?.to_string();
    let nodes = targets::nodes(ctx, target, &Interest::all()).await?;
    let mut removed = Vec::new();
    for node in &nodes {
        let names = unnamed(&node.state, &reference);
        if !names.is_empty() {
            NodeHandle::new(ctx, &node.name).run(node::remove(&names)).await?;
            removed.push(node.name.clone());
        }
    }
    if !removed.is_empty() {
        return Ok(removed);
    }
    let names: BTreeSet<&str> =
        nodes.iter().flat_map(|n| &n.state.images).map(|image| image.name.as_str()).collect();
    Err(LoadError::NotOnNodes {
        name: name.to_owned(),
        cluster: target.cluster.clone(),
        similar: super::docker::similar(&reference, names.into_iter().filter(|name| !is_id(name))),
    })
}

/// The names that go when `name` does: when no other tag is left, also those
/// that only repeat the image's digests.
fn unnamed(state: &NodeState, name: &str) -> Vec<String> {
    let Some(target) = state.target(name) else { return Vec::new() };
    let same: Vec<&str> = state
        .images
        .iter()
        .filter(|image| image.target == *target)
        .map(|image| image.name.as_str())
        .collect();
    let is_tag = |other: &str| !other.contains('@') && !is_id(other);
    if same.iter().any(|other| *other != name && is_tag(other)) {
        return vec![name.to_owned()];
    }
    same.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::super::node::NodeImage;
    use super::*;

    fn state(images: &[(&str, &str)]) -> NodeState {
        let image = |(name, content): &(&str, &str)| NodeImage {
            name: name.to_string(),
            target: Digest::of(content.as_bytes()),
            size: "1.0 MiB".into(),
        };
        NodeState { images: images.iter().map(image).collect(), ..NodeState::default() }
    }

    #[test]
    fn one_line_an_image_says_where_it_is() {
        let exact = format!("docker.io/a/b@{}", Digest::of(b"1"));
        let other = format!("docker.io/a/c@{}", Digest::of(b"1"));
        let id = Digest::of(b"id").to_string();
        let first = state(&[("docker.io/a/b:1", "1"), (&exact, "1"), (&id, "1"), (&other, "1")]);
        let second = state(&[("docker.io/a/b:1", "2")]);
        let found = listed([("n1", &first), ("n2", &second), ("n3", &first)].into_iter());
        let mut lines: Vec<_> =
            found.iter().map(|l| (l.name.as_str(), l.nodes.join(","))).collect();
        lines.sort();
        assert_eq!(
            lines,
            [
                ("docker.io/a/b:1", "n1,n3".to_owned()),
                ("docker.io/a/b:1", "n2".to_owned()),
                (other.as_str(), "n1,n3".to_owned()),
            ]
        );
    }

    #[test]
    fn content_goes_with_the_last_tag() {
        let id = Digest::of(b"id").to_string();
        let both = state(&[("a:1", "1"), ("a:2", "1"), (&id, "1"), ("b:1", "2")]);
        assert_eq!(unnamed(&both, "a:1"), ["a:1"]);
        let last = state(&[("a:1", "1"), (&id, "1"), ("a@sha256:x", "1"), ("b:1", "2")]);
        assert_eq!(unnamed(&last, "a:1"), ["a:1", &id, "a@sha256:x"]);
        assert!(unnamed(&last, "c:1").is_empty());
    }
}
