//! Kubernetes versions.

use std::fmt;
use std::str::FromStr;

/// A version such as `v1.37.2-rc.1+abc`, shown with a leading `v`.
///
/// It has no order on purpose: skiff only asks [`Version::at_least`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(semver::Version);

impl Version {
    /// Whether this is `major.minor` or later. A pre-release counts as its
    /// release, as in kind, which ignores it when it reads a version
    /// (kind v0.33.0, `pkg/cluster/internal/kubeadm/config.go`, `ParseGeneric`).
    pub fn at_least(&self, major: u64, minor: u64) -> bool {
        (self.0.major, self.0.minor) >= (major, minor)
    }

    /// The version without pre-release and build metadata, for ranges such as
    /// `>=1.34`, which match no pre-releases.
    pub fn release(&self) -> semver::Version {
        semver::Version::new(self.0.major, self.0.minor, self.0.patch)
    }
}

impl FromStr for Version {
    type Err = String;

    /// Reads `[v]MAJOR.MINOR.PATCH[-PRE][+BUILD]`; blanks around it are ignored.
    ///
    /// # Errors
    /// Returns a sentence that quotes the text if it is not such a version.
    fn from_str(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let version = trimmed.strip_prefix('v').unwrap_or(trimmed).parse();
        version.map(Version).map_err(|_| format!("{text:?} is not a version such as v1.37.2"))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "v{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_kubernetes_writes() {
        for (text, release, shown) in [
            ("v1.37.2", (1, 37, 2), "v1.37.2"),
            ("1.37.2-rc.1+abc", (1, 37, 2), "v1.37.2-rc.1+abc"),
            ("v1.9.0+a-b\n", (1, 9, 0), "v1.9.0+a-b"),
        ] {
            let version: Version = text.parse().unwrap();
            let (major, minor, patch) = release;
            assert_eq!(version.release(), semver::Version::new(major, minor, patch), "{text}");
            assert_eq!(version.to_string(), shown);
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "v", "latest", "1.37", "1.37.2.1", "1.+3.0", "1..0", "vv1.2.3"] {
            assert!(text.parse::<Version>().is_err(), "{text}");
        }
    }

    #[test]
    fn thresholds_are_numeric_and_ignore_pre_releases() {
        for (text, minor, expected) in [
            ("v1.9.0", 10, false),
            ("v1.10.0", 9, true),
            ("v1.36.0-alpha.1", 36, true),
            ("v2.0.0", 36, true),
        ] {
            assert_eq!(text.parse::<Version>().unwrap().at_least(1, minor), expected, "{text}");
        }
    }
}
