//! The snapshotter that the kubelet's images are unpacked with.

use serde_json::Value;

use crate::toml;

/// The name of a snapshotter: letters, digits, `.`, `_` and `-`, at most 76
/// (containerd, `pkg/identifiers`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshotter(String);

impl Snapshotter {
    fn parse(text: &str) -> Option<Snapshotter> {
        let plain = |c: char| c.is_ascii_alphanumeric();
        let is_valid = text.len() <= 76
            && text.starts_with(plain)
            && text.chars().all(|c| plain(c) || "._-".contains(c));
        is_valid.then(|| Snapshotter(text.to_owned()))
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Snapshotter::default()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Snapshotter {
    /// containerd's.
    fn default() -> Self {
        Snapshotter("overlayfs".to_owned())
    }
}

/// Where containerd's configuration names it: in its version 3, and before.
const PATHS: [&[&str]; 2] = [
    &["plugins", "io.containerd.cri.v1.images", "snapshotter"],
    &["plugins", "io.containerd.grpc.v1.cri", "containerd", "snapshotter"],
];

/// Reads containerd's configuration. A text that is not TOML or does not name a
/// snapshotter stands for the default.
pub(super) fn configured(text: &str) -> Snapshotter {
    let config = toml::parse(text).unwrap_or_default();
    let value = |path: &&[&str]| path.iter().try_fold(&config, |value, key| value.get(key));
    let names = PATHS.iter().filter_map(value).filter_map(Value::as_str);
    names.into_iter().find_map(Snapshotter::parse).unwrap_or_default()
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
        let found = [v2, v3, inline, dotted].map(|text| configured(text).0);
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
            "[plugins.'io.containerd.cri.v1.images']\nsnapshotter = '--help'\n",
            "[plugins.'io.containerd.cri.v1.images']\nsnapshotter = 'a b'\n",
            "[plugins.'io.containerd.cri.v1.images']\nsnapshotter = \"a\\nb\"\n",
        ] {
            assert!(configured(text).is_default(), "{text}");
        }
    }
}
