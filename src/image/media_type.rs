//! Media types: what a document says that a blob is.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// `TYPE/SUBTYPE` by the grammar of RFC 6838, section 4.2, without parameters; or
/// empty if it is not stated. So it is always the value of one HTTP header.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct MediaType(Cow<'static, str>);

impl MediaType {
    /// One that is known to be valid.
    pub(super) const fn known(text: &'static str) -> MediaType {
        MediaType(Cow::Borrowed(text))
    }

    /// `None` for a text that is not empty and not a media type.
    pub fn parse(text: &str) -> Option<MediaType> {
        let is_valid =
            text.is_empty() || text.split_once('/').is_some_and(|(a, b)| is_name(a) && is_name(b));
        is_valid.then(|| MediaType(Cow::Owned(text.to_owned())))
    }

    /// The type; empty if it is not stated.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MediaType {
    type Error = String;

    fn try_from(text: String) -> Result<MediaType, String> {
        MediaType::parse(&text).ok_or_else(|| format!("{text:?} is not a media type"))
    }
}

fn is_name(part: &str) -> bool {
    part.len() <= 127
        && part.starts_with(|c: char| c.is_ascii_alphanumeric())
        && part.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::oci;

    #[test]
    fn media_types_are_checked() {
        let docker = "application/vnd.docker.image.rootfs.diff.tar.gzip";
        let known =
            [oci::MANIFEST, oci::INDEX, oci::CONFIG, oci::LAYER, oci::GZIP_LAYER, oci::BYTES];
        for text in known.iter().map(MediaType::as_str).chain([docker, ""]) {
            assert_eq!(MediaType::parse(text).unwrap().as_str(), text);
        }
        let long = format!("application/{}", "x".repeat(128));
        for text in
            ["a", "a/", "/b", "a/b/c", "a/b\r\nc: d", "a/b c", "a/b;c=d", "a/\u{1b}", "é/b", &long]
        {
            assert_eq!(MediaType::parse(text), None, "{text:?}");
        }
    }
}
