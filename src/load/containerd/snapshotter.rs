//! The snapshotter that the kubelet's images are unpacked with.

use serde_json::Value;

use crate::toml;

/// containerd's default.
pub(super) const DEFAULT_SNAPSHOTTER: &str = "overlayfs";

/// Where containerd's configuration names it: in its version 3, and before.
const PATHS: [&[&str]; 2] = [
    &["plugins", "io.containerd.cri.v1.images", "snapshotter"],
    &["plugins", "io.containerd.grpc.v1.cri", "containerd", "snapshotter"],
];

/// Reads containerd's configuration. A text that is not TOML or does not name a
/// snapshotter stands for the default.
pub(super) fn configured(text: &str) -> String {
    let config = toml::parse(text).unwrap_or_default();
    let value = |path: &&[&str]| path.iter().try_fold(&config, |value, key| value.get(key));
    let names = PATHS.iter().filter_map(value).filter_map(Value::as_str);
    names.into_iter().find(|name| !name.is_empty()).unwrap_or(DEFAULT_SNAPSHOTTER).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_the_configuration_are_read() {
        let v2 = "[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n  snapshotter = \"native\"\n";
        let v3 = "[plugins.'io.containerd.cri.v1.images']\nsnapshotter = 'zfs' # fast\n";
        let inline = "plugins = {'io.containerd.cri.v1.images' = {snapshotter = 'zfs'}}";
        let dotted = "plugins.'io.containerd.cri.v1.images'.snapshotter = 'zfs'";
        let found = [v2, v3, inline, dotted].map(configured);
        assert_eq!(found, ["native", "zfs", "zfs", "zfs"]);
    }

    #[test]
    fn anything_else_stands_for_the_default() {
        for text in [
            "",
            "[plugins.'other']\nsnapshotter = 'zfs'\n",
            "[plugins.'io.containerd.cri.v1.images']\nsnapshotter = ''\n",
            "[plugins.'io.containerd.cri.v1.images']\nsnapshotter = 1\n",
            "text = '''\n[plugins.'io.containerd.cri.v1.images']\nsnapshotter = 'zfs'\n'''\n",
            "not TOML",
        ] {
            assert_eq!(configured(text), DEFAULT_SNAPSHOTTER, "{text}");
        }
    }
}
