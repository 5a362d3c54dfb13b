//! Which images a node reports.

use crate::image::{Digest, PlatformImage, Reference};

/// Filters in containerd's syntax; an image is reported if one matches. Without
/// any, all are reported, which takes longer than all the rest of a report: the
/// size of every image is worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageFilter(Vec<String>);

impl ImageFilter {
    /// All images.
    pub(crate) fn all() -> ImageFilter {
        ImageFilter(Vec::new())
    }

    /// Images with these names, and images whose name or target is one of these
    /// digests.
    pub(crate) fn new<'a>(
        names: impl IntoIterator<Item = &'a Reference>,
        ids: impl IntoIterator<Item = &'a Digest>,
    ) -> ImageFilter {
        let names = names.into_iter().map(|name| format!("name==\"{name}\""));
        let ids = ids
            .into_iter()
            .flat_map(|id| [format!("name==\"{id}\""), format!("target.digest==\"{id}\"")]);
        // Without any filter, `ctr` lists all images.
        ImageFilter(["name==none".to_owned()].into_iter().chain(names).chain(ids).collect())
    }

    /// What must be seen to check that images are loaded.
    pub(crate) fn loaded<'a>(
        images: impl Iterator<Item = &'a PlatformImage> + Clone,
    ) -> ImageFilter {
        let names = images.clone().flat_map(|image| &image.names);
        ImageFilter::new(names, images.flat_map(|image| [&image.root.digest, &image.config]))
    }

    /// The arguments of `ctr images ls`.
    pub(crate) fn arguments(&self) -> &[String] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_images_are_asked_for() {
        let (tag, id) = (Reference::parse("app:1").unwrap(), Digest::of(b"id"));
        assert_eq!(
            ImageFilter::new([&tag], [&id]).arguments(),
            [
                "name==none".to_owned(),
                "name==\"docker.io/library/app:1\"".into(),
                format!("name==\"{id}\""),
                format!("target.digest==\"{id}\""),
            ]
        );
    }
}
