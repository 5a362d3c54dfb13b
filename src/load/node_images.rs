//! Lists the images on nodes, and removes them.

use std::collections::{BTreeMap, BTreeSet};

use super::containerd::{self, ImageFilter};
use super::error::LoadError;
use super::target::{self, Target, TargetNode};
use crate::context::Context;
use crate::image::{Digest, NodeContent, Reference, similar_names};

/// A name that refers to the same content on some nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ListedImage {
    pub name: String,
    pub digest: String,
    /// As `ctr` writes it, such as `12.3 MiB`.
    pub size: String,
    pub nodes: Vec<String>,
}

/// The images on the nodes of a target, sorted by name.
///
/// # Errors
/// Returns [`LoadError`] if a node does not exist, is not running, or does not
/// answer.
pub(crate) async fn list(ctx: &Context, target: &Target) -> Result<Vec<ListedImage>, LoadError> {
    let nodes = target::nodes(ctx, target, &ImageFilter::all()).await?;
    let contents = nodes.iter().map(|node| (node.name.as_str(), &node.report.content));
    Ok(merge(contents))
}

/// All names of images on each node, in their full form.
///
/// # Errors
/// Fails like [`list`].
pub(crate) async fn names(
    ctx: &Context,
    target: &Target,
) -> Result<Vec<BTreeSet<String>>, LoadError> {
    let nodes = target::nodes(ctx, target, &ImageFilter::all()).await?;
    let names = |node: &TargetNode| {
        node.report.content.images.iter().map(|i| i.name.as_str().to_owned()).collect()
    };
    Ok(nodes.iter().map(names).collect())
}

fn merge<'a>(contents: impl Iterator<Item = (&'a str, &'a NodeContent)>) -> Vec<ListedImage> {
    let mut found: BTreeMap<(String, String), ListedImage> = BTreeMap::new();
    for (node, content) in contents {
        for image in content.images.iter().filter(|i| is_shown(i.name.as_str(), content)) {
            let (name, digest) = (image.name.as_str().to_owned(), image.target.to_string());
            let entry = found.entry((name.clone(), digest.clone()));
            let listed = entry.or_insert_with(|| ListedImage {
                name,
                digest,
                size: image.size.clone(),
                nodes: Vec::new(),
            });
            listed.nodes.push(node.to_owned());
        }
    }
    found.into_values().collect()
}

/// Names that only repeat the digest of another name are left out.
fn is_shown(name: &str, node: &NodeContent) -> bool {
    if is_id(name) {
        return false;
    }
    let Some((repository, digest)) = name.split_once('@') else { return true };
    let mut others = node.images.iter().filter(|image| !image.name.as_str().contains('@'));
    !others.any(|image| {
        image.target.to_string() == digest
            && image.name.as_str().rsplit_once(':').is_some_and(|(start, _)| start == repository)
    })
}

fn is_id(name: &str) -> bool {
    Digest::parse(name).is_some()
}

/// Removes a name of an image, and with its last tag the content. The names of the nodes
/// that had it are added to `removed`, also when another node fails.
///
/// # Errors
/// Returns [`LoadError::NotOnNodes`] if no node has it. Otherwise it fails like
/// [`list`].
pub(crate) async fn remove(
    ctx: &Context,
    target: &Target,
    name: &str,
    removed: &mut Vec<String>,
) -> Result<(), LoadError> {
    let reference = Reference::parse(name)?.to_string();
    let nodes = target::nodes(ctx, target, &ImageFilter::all()).await?;
    for node in &nodes {
        let names = names_to_remove(&node.report.content, &reference);
        if !names.is_empty() {
            containerd::remove(ctx, &node.name, &names).await?;
            removed.push(node.name.clone());
        }
    }
    if !removed.is_empty() {
        return Ok(());
    }
    let images = nodes.iter().flat_map(|node| &node.report.content.images);
    let names: BTreeSet<&str> = images.map(|image| image.name.as_str()).collect();
    Err(LoadError::NotOnNodes {
        name: name.to_owned(),
        cluster: target.cluster.clone(),
        similar: similar_names(&reference, names.into_iter().filter(|name| !is_id(name))),
    })
}

/// The names that are removed together with `name`. If no other name refers to the
/// content, these include the names that only repeat its digests: a digest in
/// another repository is a name of its own, by which a pod may refer to it.
fn names_to_remove(node: &NodeContent, name: &str) -> Vec<String> {
    let Some(target) = node.target(name) else { return Vec::new() };
    let same: Vec<&str> = node
        .images
        .iter()
        .filter(|image| image.target == *target)
        .map(|image| image.name.as_str())
        .collect();
    let repeats = |other: &str| {
        let exact = other.split_once('@').map(|(repository, _)| repository);
        is_id(other) || exact.is_some_and(|exact| exact == repository(name))
    };
    if same.iter().any(|other| *other != name && !repeats(other)) {
        return vec![name.to_owned()];
    }
    same.into_iter().map(str::to_owned).collect()
}

/// A name without its tag or digest.
fn repository(name: &str) -> &str {
    let exact = name.split_once('@').map(|(repository, _)| repository);
    exact.or(name.rsplit_once(':').map(|(repository, _)| repository)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{NodeImage, NodeImageName};

    fn node(images: &[(&str, &str)]) -> NodeContent {
        let image = |(name, content): &(&str, &str)| NodeImage {
            name: NodeImageName::parse(name).unwrap(),
            target: Digest::of(content.as_bytes()),
            size: "1.0 MiB".into(),
        };
        NodeContent { images: images.iter().map(image).collect(), ..NodeContent::default() }
    }

    #[test]
    fn every_name_is_listed_once_with_its_nodes() {
        let exact = format!("docker.io/a/b@{}", Digest::of(b"1"));
        let other = format!("docker.io/a/c@{}", Digest::of(b"1"));
        let id = Digest::of(b"id").to_string();
        let first = node(&[("docker.io/a/b:1", "1"), (&exact, "1"), (&id, "1"), (&other, "1")]);
        let second = node(&[("docker.io/a/b:1", "2")]);
        let found = merge([("n1", &first), ("n2", &second), ("n3", &first)].into_iter());
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
    fn content_is_removed_with_its_last_tag() {
        let id = Digest::of(b"id").to_string();
        let both = node(&[("a:1", "1"), ("a:2", "1"), (&id, "1"), ("b:1", "2")]);
        assert_eq!(names_to_remove(&both, "a:1"), ["a:1"]);
        let last = node(&[("a:1", "1"), (&id, "1"), ("a@sha256:x", "1"), ("b:1", "2")]);
        assert_eq!(names_to_remove(&last, "a:1"), ["a:1", &id, "a@sha256:x"]);
        assert!(names_to_remove(&last, "c:1").is_empty());
    }

    #[test]
    fn a_digest_in_another_repository_is_a_name_of_its_own() {
        let id = Digest::of(b"id").to_string();
        let images = [("r:5/a:1", "1"), ("r:5/a@sha256:x", "1"), ("b@sha256:x", "1"), (&id, "1")];
        assert_eq!(names_to_remove(&node(&images), "r:5/a:1"), ["r:5/a:1"]);
        assert_eq!(names_to_remove(&node(&images[..2]), "r:5/a:1"), ["r:5/a:1", "r:5/a@sha256:x"]);
        assert_eq!(names_to_remove(&node(&images[2..]), "b@sha256:x"), ["b@sha256:x", &id]);
    }
}
