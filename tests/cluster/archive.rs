//! A tiny image as an archive, as `docker save` writes it.

use serde_json::json;

use crate::support::archive::{sha256, tar};

/// One layer with one file, under this name.
pub(crate) fn of_image(reference: &str) -> Vec<u8> {
    let layer = tar(&[("hello", "hello\n")]);
    let config = json!({
        "architecture": if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" },
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{}", sha256(&layer))]},
    });
    let config = config.to_string();
    let config_name = format!("{}.json", sha256(config.as_bytes()));
    let manifest =
        json!([{"Config": config_name, "RepoTags": [reference], "Layers": ["layer.tar"]}]);
    tar(&[
        ("layer.tar", &layer[..]),
        (&config_name[..], config.as_bytes()),
        ("manifest.json", manifest.to_string().as_bytes()),
    ])
}
