//! Registries in containerd's configuration.
//!
//! There are two ways to configure them. `config_path` is a directory of
//! `hosts.toml` files. Older guides have `registry.mirrors` and `registry.configs`
//! in the configuration itself. containerd refuses mirrors beside a `config_path`,
//! and version 2 of it ignores the TLS settings of `configs` (containerd v2.1,
//! `internal/cri/config/config.go`). skiff's node image has a `config_path`, kind's
//! has none, so patches that are for kind bring the older way along: it is turned
//! into the newer one.

use serde_json::{Map, Value};

use super::hosts::{self, HostsFile};

/// The plugin that has the table `registry`: in version 2 of the configuration,
/// and in version 3. containerd still reads version 2, and then the first one
/// overrides the second.
const PLUGINS: [&str; 2] = ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.images"];

const CONFIG_PATH: &str = "config_path";

/// Where `hosts.toml` files are by convention, also in skiff's node image.
const CERTS: &str = "/etc/containerd/certs.d";

/// Stands for the image's `config_path` while patches are applied: a patch may
/// set the same value. No path contains NUL.
const MARK: &str = "\0";

/// The image's own `config_path`.
pub(super) struct ImageDefault {
    plugin: &'static str,
    value: Value,
}

/// Marks the image's `config_path`, before any patch is applied.
pub(super) fn mark_default(config: &mut Value) -> Option<ImageDefault> {
    PLUGINS.into_iter().find_map(|plugin| {
        let path = registry(config, plugin)?.get_mut(CONFIG_PATH)?;
        let value = std::mem::replace(path, MARK.into());
        Some(ImageDefault { plugin, value })
    })
}

/// Decides on `config_path`, after all patches. What a patch sets stays. Else
/// mirrors and TLS settings become the returned files below it.
///
/// # Errors
/// Returns a sentence if the patches have mirrors and a `config_path`.
pub(super) fn settle(
    config: &mut Value,
    default: Option<ImageDefault>,
) -> Result<Vec<HostsFile>, String> {
    let default = default.filter(|default| unmark(config, default.plugin));
    let certs = default.as_ref().and_then(|default| default.value.as_str());
    let certs = certs.and_then(|paths| paths.split(':').next()).filter(|path| !path.is_empty());
    let certs = certs.unwrap_or(CERTS).to_owned();
    let (mut files, mut is_decided) = (Vec::new(), false);
    for plugin in PLUGINS {
        let Some(registry) = registry(config, plugin) else { continue };
        let has_path = registry.get(CONFIG_PATH).is_some_and(|path| *path != "");
        if has_path && hosts::has_mirrors(registry) {
            return Err(format!(
                "plugins.{plugin:?}.registry has both `mirrors` and `{CONFIG_PATH}`, and containerd does not start with both; use `mirrors` alone, or hosts.toml files below `{CONFIG_PATH}`"
            ));
        }
        let taken = if has_path { Vec::new() } else { hosts::take(registry, &certs) };
        if !taken.is_empty() {
            registry.insert(CONFIG_PATH.to_owned(), certs.as_str().into());
            files.extend(taken);
        }
        is_decided |= registry.contains_key(CONFIG_PATH);
    }
    if let (Some(ImageDefault { plugin, value }), false) = (default, is_decided) {
        // Beside what a patch has set: a second table would override the first.
        let found = PLUGINS.into_iter().find(|plugin| registry(config, plugin).is_some());
        config["plugins"][found.unwrap_or(plugin)]["registry"][CONFIG_PATH] = value;
    }
    Ok(files)
}

/// Removes the mark, and the table if nothing else is in it. False if a patch
/// has replaced the mark.
fn unmark(config: &mut Value, plugin: &str) -> bool {
    let Some(table) = registry(config, plugin) else { return false };
    if table.get(CONFIG_PATH).is_none_or(|path| path != MARK) {
        return false;
    }
    table.shift_remove(CONFIG_PATH);
    if table.is_empty()
        && let Some(plugin) = config["plugins"][plugin].as_object_mut()
    {
        plugin.shift_remove("registry");
    }
    true
}

fn registry<'c>(config: &'c mut Value, plugin: &str) -> Option<&'c mut Map<String, Value>> {
    config.get_mut("plugins")?.get_mut(plugin)?.get_mut("registry")?.as_object_mut()
}

#[cfg(test)]
mod tests {
    use crate::cluster::ContainerdPatches;
    use crate::patch::containerd;
    use crate::toml;

    const V2: &str = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n";
    const V3: &str = "version = 3\n[plugins.\"io.containerd.cri.v1.images\".registry]\nconfig_path = \"/etc/containerd/certs.d\"\n";
    /// kind's node image has no `config_path`.
    const KIND: &str = "version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\na = 1\n";

    fn table(plugin: &str, name: &str, body: &str) -> String {
        format!("[plugins.\"{plugin}\".registry{name}]\n{body}\n")
    }

    /// The `config_path` in each plugin's table, and how many files there are; `-`
    /// where there is no table, `~` where the table has none.
    fn paths(image: &str, merge: &[&str], json: &[&str]) -> Result<([String; 2], usize), String> {
        let own = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect();
        let patches = ContainerdPatches { merge: own(merge), json: own(json) };
        let patched = containerd(image, &patches)?;
        let config = toml::parse(&patched.config).unwrap();
        let paths = super::PLUGINS.map(|plugin| match config["plugins"][plugin].get("registry") {
            None => "-".to_owned(),
            Some(table) => {
                assert_eq!(table.get("mirrors").filter(|_| !patched.hosts.is_empty()), None);
                let path = table.get("config_path").and_then(|path| path.as_str());
                path.unwrap_or("~").to_owned()
            }
        });
        Ok((paths, patched.hosts.len()))
    }

    #[test]
    fn mirrors_and_tls_become_files_below_the_images_directory() {
        let (old, new) = (super::PLUGINS[0], super::PLUGINS[1]);
        let mirrors = |plugin: &str| {
            table(plugin, ".mirrors.\"localhost:5001\"", "endpoint = [\"http://registry:5000\"]")
        };
        let tls = table(old, ".configs.\"r:5000\".tls", "insecure_skip_verify = true");
        let auth = table(old, ".configs.\"r:5000\".auth", "username = \"me\"");
        let own = table(old, "", "config_path = \"/etc/containerd/certs.d\"");
        let empty = table(old, ".mirrors", "");
        let in_json = format!(
            r#"[{{"op": "add", "path": "/plugins/{old}/registry", "value": {{"mirrors": {{"a": {{}}}}}}}}]"#
        );
        let replaced =
            format!("- {{op: replace, path: /plugins/{old}/registry/config_path, value: /certs}}");
        let certs = "/etc/containerd/certs.d";
        let none: &[&str] = &[];
        for (image, merge, json, wanted, files) in [
            (V2, &[][..], none, [certs, "-"], 0),
            (V3, &[], none, ["-", certs], 0),
            (KIND, &[], none, ["-", "-"], 0),
            (V2, &[&*mirrors(old)], none, [certs, "-"], 1),
            (V3, &[&*mirrors(new)], none, ["-", certs], 1),
            (KIND, &[&*mirrors(old)], none, [certs, "-"], 1),
            // Written for version 3: a table for version 2 would override it.
            (V2, &[&*mirrors(new)], none, ["-", certs], 1),
            (V2, &[&*tls], none, [certs, "-"], 1),
            (V2, &[&*tls, &*mirrors(old)], none, [certs, "-"], 2),
            (V2, &[&*auth], none, [certs, "-"], 0),
            (KIND, &[&*auth], none, ["~", "-"], 0),
            (V2, &[&*empty], none, [certs, "-"], 0),
            (V2, &[], &[&*in_json], [certs, "-"], 1),
            (V2, &[], &[&*replaced], ["/certs", "-"], 0),
            // kind's recipe for a local registry.
            (V2, &[&*own], none, [certs, "-"], 0),
            (KIND, &[&*own], none, [certs, "-"], 0),
            (V2, &[&*own, &*auth], none, [certs, "-"], 0),
            (V2, &[&table(new, "", "config_path = \"/certs\"")], none, ["-", "/certs"], 0),
            (V2, &[&table(old, "", "config_path = \"\""), &*mirrors(old)], none, [certs, "-"], 1),
        ] {
            let found = paths(image, merge, json).unwrap();
            assert_eq!(found, (wanted.map(str::to_owned), files), "{image}{merge:?}{json:?}");
        }
        for image in [V2, KIND] {
            let why = paths(image, &[&mirrors(old), &own], none).unwrap_err();
            assert!(why.contains("`mirrors`") && why.contains("`config_path`"), "{why}");
        }
    }
}
