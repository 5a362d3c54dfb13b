//! The platform that an image is for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Operating system, architecture and variant. Go's words (`linux`, `arm64`,
/// `v8`), as the OCI image specification has them; an empty one is not stated.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Platform {
    /// As in GOOS: `linux` on nodes.
    #[serde(default)]
    pub os: Word,
    /// As in GOARCH, such as `amd64`.
    #[serde(default)]
    pub architecture: Word,
    /// Such as `v7` of `arm`. Most architectures have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<Word>,
}

/// Letters, digits, `.`, `_` and `-`, the first a letter or digit, at most 64; or
/// empty. So it stays one argument of a command and is never an option.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Word(String);

impl Word {
    /// `None` if the text contains another character.
    pub fn parse(text: &str) -> Option<Word> {
        let plain = |c: char| c.is_ascii_alphanumeric();
        let valid = text.is_empty()
            || text.len() <= 64
                && text.starts_with(plain)
                && text.chars().all(|c| plain(c) || "._-".contains(c));
        valid.then(|| Word(text.to_owned()))
    }

    /// The word; empty if it is not stated.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Word {
    type Error = String;

    fn try_from(text: String) -> Result<Word, String> {
        Word::parse(&text).ok_or_else(|| format!("{text:?} is not part of a platform"))
    }
}

impl Platform {
    /// Linux on an architecture; one that is not a [`Word`] is not stated.
    pub fn linux(architecture: &str) -> Platform {
        let architecture = Word::parse(architecture).unwrap_or_default();
        Platform { os: Word("linux".into()), architecture, variant: None }
    }
}

impl fmt::Display for Platform {
    /// As containerd writes it: `linux/arm64/v8`.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}/{}", self.os.0, self.architecture.0)?;
        match self.variant.as_ref().map(Word::as_str) {
            None | Some("") => Ok(()),
            Some(variant) => write!(f, "/{variant}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(os: &str, architecture: &str, variant: &str) -> Option<String> {
        let text = serde_json::json!({"os": os, "architecture": architecture, "variant": variant});
        serde_json::from_value::<Platform>(text).ok().map(|platform| platform.to_string())
    }

    #[test]
    fn a_platform_is_written_as_containerd_does() {
        assert_eq!(read("linux", "arm64", "v8").as_deref(), Some("linux/arm64/v8"));
        assert_eq!(read("linux", "amd64", "").as_deref(), Some("linux/amd64"));
        assert_eq!(read("", "", "").as_deref(), Some("/"));
    }

    #[test]
    fn a_platform_never_becomes_another_argument() {
        let long = "a".repeat(65);
        for hostile in
            ["a b", "a\nb", "-rf", "--local", "a;b", "$(x)", "a/b", "a\0b", "é", "\u{1b}[2J", &long]
        {
            assert_eq!(read(hostile, "amd64", "v8"), None, "{hostile:?}");
            assert_eq!(read("linux", hostile, "v8"), None, "{hostile:?}");
            assert_eq!(read("linux", "amd64", hostile), None, "{hostile:?}");
        }
    }
}
