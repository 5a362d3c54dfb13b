//! Names of images, in the full form by which containerd and the kubelet look
//! them up.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv6Addr;

use super::digest::Digest;

/// As in registries (distribution, `reference/normalize.go`).
const REPOSITORY_LIMIT: usize = 255;

/// `REPOSITORY:TAG` or `REPOSITORY@DIGEST`, the repository with its registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// With the registry, such as `docker.io/library/busybox`.
    pub repository: String,
    version: Version,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Version {
    Tag(String),
    Digest(Digest),
}

/// A text that is not an image name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an image name")]
pub struct InvalidReference(pub String);

impl Reference {
    /// Reads a name as people write it and completes it as Docker does. The
    /// first part is a registry if it contains `.` or `:` or is `localhost`;
    /// otherwise the registry is docker.io, where a name of one part is below
    /// `library/`. The tag is `latest` if there is none. A tag in front of a
    /// digest has no effect and is left out.
    ///
    /// # Errors
    /// Returns [`InvalidReference`] if a character is not allowed where it is, if the
    /// repository has more than 255 characters, or if the digest is not a SHA-256
    /// digest.
    pub fn parse(text: &str) -> Result<Reference, InvalidReference> {
        let invalid = || InvalidReference(text.to_owned());
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(Digest::parse(digest).ok_or_else(invalid)?)),
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
        let repository = format!("{registry}/{path}");
        let is_valid = path.split('/').all(is_component)
            && is_tag(tag)
            && is_host(registry)
            && repository.len() <= REPOSITORY_LIMIT;
        if !is_valid {
            return Err(invalid());
        }
        let version = digest.map_or_else(|| Version::Tag(tag.to_owned()), Version::Digest);
        Ok(Reference { repository, version })
    }

    /// Whether it ends with a tag, not with a digest.
    pub fn is_tag(&self) -> bool {
        matches!(self.version, Version::Tag(_))
    }

    /// The name of this content in the same repository.
    pub fn at(&self, digest: &Digest) -> Reference {
        Reference { repository: self.repository.clone(), version: Version::Digest(digest.clone()) }
    }
}

/// The full form of a name, such as `docker.io/library/busybox:latest`.
///
/// # Errors
/// Returns [`InvalidReference`] if it is not an image name.
pub fn full_name(text: &str) -> Result<String, InvalidReference> {
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

/// Known names that a person who wrote `name` may have meant, at most five: the
/// last part of one, without tag or digest, contains that of the other.
pub fn similar_names<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let last_part = |name: &str| {
        let path = name.split('@').next().unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        last.split(':').next().unwrap_or_default().to_owned()
    };
    let wanted = last_part(name);
    let is_similar = |other: &&str| {
        let other = last_part(other);
        wanted.len() > 1 && other.len() > 1 && (other.contains(&wanted) || wanted.contains(&other))
    };
    let found: BTreeSet<&str> = known.filter(is_similar).collect();
    found.into_iter().take(5).map(str::to_owned).collect()
}

fn is_registry(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost"
}

/// A host name or address, perhaps with a port. The first character is never a
/// dash: the name is an argument of commands.
fn is_host(registry: &str) -> bool {
    let (host, port) = match registry.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (registry, None),
    };
    let in_brackets = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let plain = |c: char| c.is_ascii_alphanumeric();
    let is_label = |label: &str| {
        label.starts_with(plain)
            && label.ends_with(plain)
            && label.chars().all(|c| plain(c) || c == '-')
    };
    port.is_none_or(|port| port.parse::<u16>().is_ok() && !port.starts_with('+'))
        && match in_brackets {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => host.split('.').all(is_label),
        }
}

/// Lower-case letters and digits, separated by `.`, `_`, `__` or dashes.
fn is_component(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator = |between: &str| {
        matches!(between, "" | "." | "_" | "__") || between.trim_matches('-').is_empty()
    };
    part.starts_with(plain) && part.ends_with(plain) && part.split(plain).all(is_separator)
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
    fn names_are_completed() {
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
            ("[fd00::1]:5000/a__b--c.d", "[fd00::1]:5000/a__b--c.d:latest"),
            ("my-registry.local/a", "my-registry.local/a:latest"),
        ] {
            assert_eq!(Reference::parse(written).unwrap().to_string(), full, "{written}");
        }
        for written in [format!("busybox@{digest}"), format!("busybox:1@{digest}")] {
            let full = Reference::parse(&written).unwrap().to_string();
            assert_eq!(full, format!("docker.io/library/busybox@{digest}"));
        }
    }

    #[test]
    fn invalid_names_are_refused() {
        for text in [
            "",
            "UPPER",
            "a b",
            "app:",
            "app:-x",
            "a/../b",
            "app@sha256:12",
            "-rf",
            "x;y",
            "--local.x/app",
            "-a:1/app",
            "a\nb",
            "app:1\0b",
            "app:1 --local",
            "a\"b",
            "==",
            "--",
            "a..b",
            "a___b",
            "a._b",
            "a/",
            "a:1:2/app",
            "a.:1/app",
            "x.-y/app",
            "x:99999/app",
            "x:+1/app",
            "[[a]:1/app",
            "[fd00::1/app",
            "[1.2.3.4]/app",
            "a\u{1b}[2J",
            &"a/".repeat(128),
            &format!("{}a", "a/".repeat(128)),
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn similar_names_share_their_last_part() {
        let names = ["team/app:1", "app-server:2", "busybox:latest", "<none>:<none>"];
        let similar = |name: &str| similar_names(name, names.into_iter());
        assert_eq!(similar("app"), ["app-server:2", "team/app:1"]);
        assert_eq!(similar("registry/busybox:1"), ["busybox:latest"]);
        for name in ["nginx", "", "../x"] {
            assert!(similar(name).is_empty(), "{name}");
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
