//! Names of images, written out in full as containerd and kubelet look them up.

use std::fmt;

use super::oci::Digest;

/// `REPOSITORY:TAG` or `REPOSITORY@DIGEST`, the repository with its registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    pub repository: String,
    version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    Tag(String),
    Digest(Digest),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a name of an image")]
pub struct BadReference(pub String);

impl Reference {
    /// Reads a name as people write it. A first part without `.` and `:` is no
    /// registry, unless it is `localhost`; the registry is then docker.io, and
    /// a name of one part is below `library/`. The tag is `latest` if there is
    /// none; beside a digest a tag means nothing and is left out.
    ///
    /// # Errors
    /// Characters that no name has, a digest other than SHA-256.
    pub fn parse(text: &str) -> Result<Reference, BadReference> {
        let bad = || BadReference(text.to_owned());
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(Digest::parse(digest).ok_or_else(bad)?)),
            None => (text, None),
        };
        let (path, tag) = match name.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (name, None),
        };
        let (registry, path) = match path.split_once('/') {
            Some((first, rest)) if is_registry(first) => (first, rest.to_owned()),
            _ => ("docker.io", path.to_owned()),
        };
        let registry = if registry == "index.docker.io" { "docker.io" } else { registry };
        let path = match registry {
            "docker.io" if !path.contains('/') => format!("library/{path}"),
            _ => path,
        };
        let tag = tag.unwrap_or("latest");
        if !path.split('/').all(is_component) || !is_tag(tag) || !registry.chars().all(in_registry)
        {
            return Err(bad());
        }
        let version = digest.map_or_else(|| Version::Tag(tag.to_owned()), Version::Digest);
        Ok(Reference { repository: format!("{registry}/{path}"), version })
    }

    /// The same repository's name for exactly this content.
    pub fn at(&self, digest: &Digest) -> Reference {
        Reference { repository: self.repository.clone(), version: Version::Digest(digest.clone()) }
    }
}

/// A name as nodes know it.
///
/// # Errors
/// [`BadReference`].
pub fn full_name(text: &str) -> Result<String, BadReference> {
    Reference::parse(text).map(|reference| reference.to_string())
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match &self.version {
            Version::Tag(tag) => write!(f, "{}:{tag}", self.repository),
            Version::Digest(digest) => write!(f, "{}@{digest}", self.repository),
        }
    }
}

fn is_registry(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost"
}

fn in_registry(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-.:[]".contains(c)
}

/// Lower-case letters and digits, separated by `.`, `_` or dashes.
fn is_component(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    part.starts_with(plain)
        && part.ends_with(plain)
        && part.chars().all(|c| plain(c) || "._-".contains(c))
}

fn is_tag(tag: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= 128
        && tag.starts_with(word)
        && tag.chars().all(|c| word(c) || c == '.' || c == '-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_written_out() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (written, full) in [
            ("busybox", "docker.io/library/busybox:latest"),
            ("busybox:1.36", "docker.io/library/busybox:1.36"),
            ("team/app", "docker.io/team/app:latest"),
            ("docker.io/busybox", "docker.io/library/busybox:latest"),
            ("index.docker.io/busybox", "docker.io/library/busybox:latest"),
            ("localhost/app:1", "localhost/app:1"),
            ("127.0.0.1:5000/app", "127.0.0.1:5000/app:latest"),
            ("ghcr.io/team/deep/app:v1_2", "ghcr.io/team/deep/app:v1_2"),
        ] {
            assert_eq!(Reference::parse(written).unwrap().to_string(), full, "{written}");
        }
        for written in [format!("busybox@{digest}"), format!("busybox:1@{digest}")] {
            let full = Reference::parse(&written).unwrap().to_string();
            assert_eq!(full, format!("docker.io/library/busybox@{digest}"));
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "UPPER", "a b", "app:", "app:-x", "a/../b", "app@sha256:12", "-rf", "x;y"]
        {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_full_name_stays_as_it_is(text in "[a-z]{1,4}(\\.[a-z]{2})?(/[a-z0-9_.-]{1,5}){0,2}(:[a-z0-9.-]{1,5})?") {
            if let Ok(once) = Reference::parse(&text) {
                prop_assert_eq!(Reference::parse(&once.to_string()).unwrap(), once);
            }
        }
    }
}
