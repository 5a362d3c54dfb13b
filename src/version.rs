//! Kubernetes versions, as far as thresholds need them.

use std::fmt;
use std::str::FromStr;

/// `v1.37.2-rc.1+abc`. Ordering is left out on purpose: skiff only asks
/// [`Version::at_least`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub major: u64,
    pub minor: u64,
    pub patch: u64,
    /// What follows the first `-`, without build metadata; mostly empty.
    pub pre: String,
    /// The text as given, with a leading `v`.
    text: String,
}

impl Version {
    /// Whether this is `major.minor` or later. A pre-release counts as its
    /// release, as in kind.
    pub fn at_least(&self, major: u64, minor: u64) -> bool {
        (self.major, self.minor) >= (major, minor)
    }
}

impl FromStr for Version {
    type Err = String;

    /// # Errors
    /// The text is not `MAJOR.MINOR.PATCH[-PRE][+BUILD]`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a version such as v1.37.2");
        let text = text.trim();
        let bare = text.strip_prefix('v').unwrap_or(text);
        let release = bare.split_once('+').map_or(bare, |(before, _)| before);
        let (numbers, pre) = release.split_once('-').unwrap_or((release, ""));
        let numbers: Vec<u64> =
            numbers.split('.').map(number).collect::<Option<_>>().ok_or_else(wrong)?;
        let [major, minor, patch] = numbers[..] else { return Err(wrong()) };
        Ok(Version { major, minor, patch, pre: pre.to_owned(), text: format!("v{bare}") })
    }
}

/// Digits only: `u64::from_str` alone would also take `+1`.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_kubernetes_writes() {
        for (text, numbers, pre, shown) in [
            ("v1.37.2", (1, 37, 2), "", "v1.37.2"),
            ("1.37.2-rc.1+abc", (1, 37, 2), "rc.1", "v1.37.2-rc.1+abc"),
            ("v1.9.0+a-b\n", (1, 9, 0), "", "v1.9.0+a-b"),
        ] {
            let v: Version = text.parse().unwrap();
            assert_eq!(((v.major, v.minor, v.patch), v.pre.as_str()), (numbers, pre), "{text}");
            assert_eq!(v.to_string(), shown);
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
