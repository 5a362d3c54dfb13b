//! Mirrors and TLS settings of registries as `hosts.toml` files
//! (containerd v2.1, `docs/hosts.md` and `docs/cri/registry.md`).

use serde_json::{Map, Value};

/// A file to write in a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostsFile {
    /// Absolute, such as `/etc/containerd/certs.d/docker.io/hosts.toml`.
    pub path: String,
    pub text: String,
}

type Table = Map<String, Value>;

/// The mirrors of every registry without mirrors of its own.
const ALL: &str = "*";

pub(super) fn has_mirrors(registry: &Table) -> bool {
    table(registry.get("mirrors")).is_some_and(|mirrors| !mirrors.is_empty())
}

/// Takes mirrors and TLS settings out of a table `registry`; returns them as the
/// files that say the same, below the directory `certs`. Credentials stay: they
/// count for both.
pub(super) fn take(registry: &mut Table, certs: &str) -> Vec<HostsFile> {
    let mirrors = match registry.get_mut("mirrors").map(Value::take) {
        Some(Value::Object(mirrors)) => mirrors,
        _ => Table::new(),
    };
    registry.shift_remove("mirrors");
    let mut settings = Table::new();
    for (host, config) in
        registry.get_mut("configs").and_then(Value::as_object_mut).into_iter().flatten()
    {
        let tls = config.as_object_mut().and_then(|config| config.shift_remove("tls"));
        settings.extend(tls.map(|tls| (host.clone(), tls)));
    }
    let mut names: Vec<&String> = mirrors.keys().chain(settings.keys()).collect();
    // No registry has such a name.
    names.retain(|name| !name.contains('/') && !name.is_empty());
    names.sort();
    names.dedup();
    let files = names.into_iter().map(|name| {
        let mut endpoints = endpoints(&mirrors, name);
        let own = with_scheme(name);
        if settings.contains_key(name) && !endpoints.contains(&own) {
            endpoints.push(own);
        }
        let directory = if name == ALL { "_default" } else { name };
        let text = endpoints.iter().map(|endpoint| host(endpoint, &settings)).collect();
        HostsFile { path: format!("{certs}/{directory}/hosts.toml"), text }
    });
    files.collect()
}

/// In the order in which they are tried. The registry itself comes last anyway.
fn endpoints(mirrors: &Table, name: &str) -> Vec<String> {
    let found = mirrors.get(name).or_else(|| mirrors.get(ALL));
    let listed = found.and_then(|mirror| mirror.get("endpoint")).and_then(Value::as_array);
    let mut endpoints: Vec<String> = Vec::new();
    for endpoint in listed.into_iter().flatten().filter_map(Value::as_str).map(with_scheme) {
        if !endpoints.contains(&endpoint) {
            endpoints.push(endpoint);
        }
    }
    endpoints
}

/// `https` unless the host is this machine, as containerd assumes.
fn with_scheme(endpoint: &str) -> String {
    if endpoint.contains("://") {
        return endpoint.trim_end_matches('/').to_owned();
    }
    let local = ["localhost", "127.", "[::1]"].iter().any(|start| endpoint.starts_with(start));
    let scheme = if local { "http" } else { "https" };
    format!("{scheme}://{}", endpoint.trim_end_matches('/'))
}

/// The table of one host.
fn host(endpoint: &str, settings: &Table) -> String {
    let address = endpoint.split_once("://").map_or(endpoint, |(_, address)| address);
    let (name, path) = address.split_once('/').unwrap_or((address, ""));
    let mut text =
        format!("[host.{}]\n  capabilities = [\"pull\", \"resolve\"]\n", quoted(endpoint));
    if !path.is_empty() {
        text += "  override_path = true\n";
    }
    let Some(tls) = table(settings.get(name)) else { return text };
    let file = |name: &str| tls.get(name).and_then(Value::as_str).filter(|path| !path.is_empty());
    if tls.get("insecure_skip_verify") == Some(&Value::Bool(true)) {
        text += "  skip_verify = true\n";
    }
    if let Some(authority) = file("ca_file") {
        text += &format!("  ca = {}\n", quoted(authority));
    }
    if let (Some(certificate), Some(key)) = (file("cert_file"), file("key_file")) {
        text += &format!("  client = [[{}, {}]]\n", quoted(certificate), quoted(key));
    }
    text
}

fn table(value: Option<&Value>) -> Option<&Table> {
    value.and_then(Value::as_object)
}

/// As a string of TOML, whose escapes are JSON's.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn mirrors_and_tls_settings_become_hosts() {
        let mut registry = json!({
            "mirrors": {
                "docker.io": {"endpoint": ["http://cache:5000", "https://far/v2/hub", "http://cache:5000/"]},
                "localhost:5001": {"endpoint": ["kind-registry:5000"]},
                "*": {"endpoint": ["http://all"]},
                "a/b": {"endpoint": ["http://never"]},
            },
            "configs": {
                "far": {"tls": {"ca_file": "/ca.pem", "cert_file": "/c.pem", "key_file": "/k.pem"}},
                "r:5000": {
                    "tls": {"insecure_skip_verify": true},
                    "auth": {"username": "me"},
                },
            },
            "headers": {},
        });
        let files = take(registry.as_object_mut().unwrap(), "/certs");
        let pull = "\n  capabilities = [\"pull\", \"resolve\"]\n";
        let all = format!("[host.\"http://all\"]{pull}");
        let ca = "  ca = \"/ca.pem\"\n  client = [[\"/c.pem\", \"/k.pem\"]]\n";
        let wanted = [
            ("_default", all.clone()),
            (
                "docker.io",
                format!(
                    "[host.\"http://cache:5000\"]{pull}[host.\"https://far/v2/hub\"]{pull}  override_path = true\n{ca}"
                ),
            ),
            ("far", format!("{all}[host.\"https://far\"]{pull}{ca}")),
            ("localhost:5001", format!("[host.\"https://kind-registry:5000\"]{pull}")),
            ("r:5000", format!("{all}[host.\"https://r:5000\"]{pull}  skip_verify = true\n")),
        ];
        let wanted = wanted
            .map(|(name, text)| HostsFile { path: format!("/certs/{name}/hosts.toml"), text });
        assert_eq!(files, wanted);
        for file in files {
            crate::toml::parse(&file.text).unwrap();
        }
        let left = json!({
            "configs": {"far": {}, "r:5000": {"auth": {"username": "me"}}},
            "headers": {},
        });
        assert_eq!(registry, left);
    }
}
