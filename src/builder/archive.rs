//! The image as an archive that engines load: the layer that a recipe leaves, and a
//! configuration. Equal layers and recipes make an image of the same digest, which
//! an import does not: the engine writes the time into it.

use serde_json::{Map, Value, json};

use crate::image::Digest;
use crate::labels;

/// The directory of the builder in which everything is put.
pub(super) const DIRECTORY: &str = "/image";
/// The files of the archive in that directory.
pub(super) const FILES: [&str; 3] = ["manifest.json", "config.json", "layer.tar"];

/// What a recipe says of its result, in the file `facts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    layer: Digest,
    /// The time that the image has, as in RFC 3339.
    created: String,
    /// The date of Debian's archive, such as `2026-11-24`, if packages are in the image.
    debian: Option<String>,
}

impl Facts {
    /// Reads lines of `NAME=VALUE`; `None` if one is missing or invalid.
    pub(super) fn parse(text: &str) -> Option<Facts> {
        let value = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::trim)
        };
        let is_time = |text: &&str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|b| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'T' | b'Z'))
        };
        Some(Facts {
            layer: Digest::parse(value("layer")?)?,
            created: value("created").filter(is_time)?.to_owned(),
            debian: value("debian").filter(is_time).map(str::to_owned),
        })
    }

    /// The image's configuration (OCI image specification, `config.md`). `config`
    /// says how containers of it are run.
    pub(super) fn configuration(
        &self,
        arch: &str,
        mut config: Map<String, Value>,
        labels: impl Iterator<Item = (String, String)>,
    ) -> Value {
        let debian = self.debian.clone().map(|date| (labels::DEBIAN.to_owned(), date));
        let labels = labels.chain(debian).map(|(name, value)| (name, value.into()));
        let all = config.entry("Labels").or_insert_with(|| json!({}));
        if let Some(all) = all.as_object_mut() {
            all.extend(labels);
        }
        json!({
            "architecture": arch,
            "os": "linux",
            "created": self.created,
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [self.layer.to_string()]},
            "history": [{"created": self.created, "created_by": "skiff build"}],
        })
    }
}

/// The archive's list of images, as `docker save` writes it.
pub(super) fn manifest(image: &str) -> Value {
    let [_, config, layer] = FILES;
    json!([{"Config": config, "RepoTags": [image], "Layers": [layer]}])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYER: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn facts_are_read_and_checked() {
        let text = format!("layer={LAYER}\ncreated=2026-11-24T02:12:15Z\ndebian=2026-11-24\n");
        let facts = Facts::parse(&text).unwrap();
        assert_eq!(facts.debian.as_deref(), Some("2026-11-24"));
        assert!(Facts::parse(&format!("layer={LAYER}\n")).is_none());
        assert!(Facts::parse("layer=sha256:12\ncreated=2026-11-24T02:12:15Z\n").is_none());
        assert!(Facts::parse(&text.replace("created=2026", "created=\"2026")).is_none());
        let without = text.replace("debian=", "other=");
        assert_eq!(Facts::parse(&without).unwrap().debian, None);
    }

    #[test]
    fn the_configuration_has_the_recipes_settings_and_all_labels() {
        let text = format!("layer={LAYER}\ncreated=2026-11-24T02:12:15Z\ndebian=2026-11-24\n");
        let config = json!({"Cmd": ["/init"], "Labels": {"title": "one"}});
        let more = [("recipe".to_owned(), "12".to_owned())].into_iter();
        let facts = Facts::parse(&text).unwrap();
        let found = facts.configuration("arm64", config.as_object().unwrap().clone(), more);
        let labels = json!({"title": "one", "recipe": "12", "io.skiff.debian": "2026-11-24"});
        let expected = json!({
            "architecture": "arm64",
            "os": "linux",
            "created": "2026-11-24T02:12:15Z",
            "config": {"Cmd": ["/init"], "Labels": labels},
            "rootfs": {"type": "layers", "diff_ids": [LAYER]},
            "history": [{"created": "2026-11-24T02:12:15Z", "created_by": "skiff build"}],
        });
        assert_eq!(found, expected);
    }
}
