//! Writes the fields that `node.sh report` reads from stdin.

use std::net::SocketAddr;

use super::filter::ImageFilter;
use super::snapshotter::Snapshotter;
use crate::image::{PlatformImage, Reference};

/// An image, and the URL of the registry that it is pulled from.
pub(crate) struct PullSource {
    pub image: PlatformImage,
    pub url: String,
}

/// `architecture` and `snapshotter` are the node's own.
pub(super) fn encode(
    sources: &[PullSource],
    registry: SocketAddr,
    architecture: &str,
    snapshotter: &Snapshotter,
) -> Vec<u8> {
    let mut fields = Fields::default();
    fields.add("pull");
    fields.add_list(ImageFilter::loaded(sources.iter().map(|source| &source.image)).arguments());
    fields.add(&registry.ip().to_string());
    fields.add(&registry.port().to_string());
    fields.add(&sources.len().to_string());
    for PullSource { image, url } in sources {
        fields.add(url);
        fields.add(client(image, architecture, snapshotter));
        fields.add(&image.platform.to_string());
        fields.add_list(&names(image));
    }
    fields.0
}

/// The daemon itself pulls several layers at once and unpacks what has arrived,
/// but only for its own platform and with its default snapshotter. `ctr` does the
/// rest as a client.
fn client(image: &PlatformImage, architecture: &str, snapshotter: &Snapshotter) -> &'static str {
    let is_own_platform = image.platform.architecture.as_str() == architecture;
    if snapshotter.is_default() && is_own_platform { "daemon" } else { "client" }
}

/// The names of an image. The first one is pulled: a tag, or else a name with
/// its own digest, since another digest cannot be asked for.
fn names(image: &PlatformImage) -> Vec<String> {
    let first = image.names.iter().find(|name| name.is_tag()).cloned();
    let first = first.unwrap_or_else(|| image.exact_name());
    let others = image.names.iter().filter(|name| **name != first);
    [&first].into_iter().chain(others).map(Reference::to_string).collect()
}

/// Texts, each ended by a NUL byte. A NUL byte in a text is left out, so a text
/// is always one field.
#[derive(Default)]
pub(super) struct Fields(pub Vec<u8>);

impl Fields {
    /// One field.
    pub(super) fn add(&mut self, text: &str) {
        self.0.extend(text.bytes().filter(|byte| *byte != 0));
        self.0.push(0);
    }

    /// Their number, and then each.
    pub(super) fn add_list(&mut self, texts: &[String]) {
        self.add(&texts.len().to_string());
        texts.iter().for_each(|text| self.add(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Digest, Platform, fixtures};
    use crate::load::containerd::snapshotter::configured;

    fn image(names: &[&Reference]) -> PlatformImage {
        let names = names.iter().map(|name| (*name).clone()).collect();
        PlatformImage { names, ..fixtures::image(&[b"layer"]) }
    }

    #[test]
    fn a_tag_comes_first_and_no_other_digest_is_pulled() {
        let tag = Reference::parse("app:1").unwrap();
        let other = tag.at(&Digest::of(b"other"));
        let own = tag.at(&image(&[]).root.digest);
        assert_eq!(names(&image(&[&other, &tag])), [tag.to_string(), other.to_string()]);
        assert_eq!(names(&image(&[&other])), [own.to_string(), other.to_string()]);
        assert_eq!(
            names(&image(&[])),
            [format!("docker.io/library/image@{}", image(&[]).root.digest)]
        );
    }

    #[test]
    fn the_daemon_pulls_its_own_platform_with_its_own_snapshotter() {
        let image = PlatformImage { platform: Platform::linux("amd64"), ..image(&[]) };
        let native = configured("plugins.'io.containerd.cri.v1.images'.snapshotter = 'native'");
        assert_eq!(client(&image, "amd64", &Snapshotter::default()), "daemon");
        assert_eq!(client(&image, "amd64", &native), "client");
        assert_eq!(client(&image, "arm64", &Snapshotter::default()), "client");
    }

    #[test]
    fn a_text_is_one_field() {
        let mut fields = Fields::default();
        fields.add_list(&["a b\n--\0x".into(), String::new()]);
        assert_eq!(fields.0, b"2\0a b\n--x\0\0");
    }
}
