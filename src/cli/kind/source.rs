//! What kind takes for the source of a node image
//! (kind v0.33.0, `pkg/build/nodeimage/build.go`, `detectBuildType`).

use std::fmt;
use std::path::Path;

use crate::version::Version;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A version with a leading `v`.
    Release(String),
    Url(String),
    File(String),
    Ci(String),
    Tree(String),
}

impl Source {
    /// `kind` is the value of `--type`; without one the text decides. Like kind, it
    /// takes any other text for a source tree.
    pub(crate) fn of(text: &str, kind: Option<&str>) -> Self {
        let version = || text.parse::<Version>().ok().map(|version| version.to_string());
        let detected = || match text {
            _ if text.starts_with("http://") || text.starts_with("https://") => "url",
            _ if Path::new(text).is_file() => "file",
            _ if Path::new(text).is_dir() => "source",
            _ if text.starts_with("ci/") => "ci",
            _ if version().is_some() => "release",
            _ => "source",
        };
        let own = text.to_owned();
        match kind.filter(|kind| !kind.is_empty()).unwrap_or_else(detected) {
            "release" => Source::Release(version().unwrap_or(own)),
            "url" => Source::Url(own),
            "file" => Source::File(own),
            "ci" => Source::Ci(own),
            _ => Source::Tree(own),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Source::Release(version) => write!(f, "release {version}"),
            Source::Url(url) => write!(f, "an archive at {url}"),
            Source::File(path) => write!(f, "the archive {path}"),
            Source::Ci(marker) => write!(f, "the CI build {marker}"),
            Source::Tree(path) => write!(f, "a Kubernetes source tree ({path})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_distinguished_as_in_kind() {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().to_str().unwrap();
        let archive = directory.path().join("k8s.tar.gz");
        std::fs::write(&archive, "").unwrap();
        let archive = archive.to_str().unwrap();
        for (text, kind, expected) in [
            ("v1.36.4", None, Source::Release("v1.36.4".into())),
            ("1.36.4", None, Source::Release("v1.36.4".into())),
            ("v1.36.4", Some(""), Source::Release("v1.36.4".into())),
            ("1.36.4", Some("release"), Source::Release("v1.36.4".into())),
            ("https://x/k.tar.gz", None, Source::Url("https://x/k.tar.gz".into())),
            ("ci/latest", None, Source::Ci("ci/latest".into())),
            ("latest", Some("ci"), Source::Ci("latest".into())),
            (tree, None, Source::Tree(tree.into())),
            (archive, None, Source::File(archive.into())),
            ("v1.36.4", Some("source"), Source::Tree("v1.36.4".into())),
            ("v1.36.4", Some("bogus"), Source::Tree("v1.36.4".into())),
            ("nowhere", None, Source::Tree("nowhere".into())),
        ] {
            assert_eq!(Source::of(text, kind), expected, "{text} {kind:?}");
        }
    }
}
