//! Changes kubeconfig values. Key order and unknown fields are kept.

use serde_json::{Map, Value, json};

use super::error::Error;
use crate::cluster::context_name;
use crate::yaml;

/// The lists of a kubeconfig, and the key that holds the content of their items.
const LISTS: [(&str, &str); 3] =
    [("clusters", "cluster"), ("users", "user"), ("contexts", "context")];

/// What is taken of the content of each list, as far as it is text: what kubeadm
/// writes.
const FIELDS: [(&str, &[&str]); 3] = [
    ("cluster", &["certificate-authority-data", "server"]),
    ("user", &["client-certificate-data", "client-key-data"]),
    ("context", &["cluster", "user"]),
];

/// kubeadm's `admin.conf` with its cluster, user and context named
/// `kind-<cluster>`, and with the API server's URL `server`.
///
/// Nothing else is taken over. The file comes from a node, whose root need not be the
/// user: other fields could name programs that the user's kubectl runs (`exec`), files
/// that it reads and sends (`tokenFile`, `client-key`), or a proxy that it asks.
///
/// # Errors
/// Returns [`Error::Admin`] unless it has exactly one cluster, user and context.
pub(crate) fn for_cluster(admin_conf: &str, cluster: &str, server: &str) -> Result<Value, Error> {
    let mut config = yaml::document(admin_conf).and_then(checked).map_err(Error::Admin)?;
    let name = context_name(cluster);
    keep(&mut config, |key, value| match key {
        "apiVersion" | "kind" | "current-context" => value.is_string(),
        "preferences" => *value == json!({}),
        _ => LISTS.iter().any(|(list, _)| *list == key),
    });
    for (list, content) in LISTS {
        let items = config.get_mut(list).and_then(Value::as_array_mut);
        let Some([item]) = items.map(Vec::as_mut_slice) else {
            return Err(Error::Admin(format!("it should have exactly one entry in {list}")));
        };
        if !item[content].is_object() {
            return Err(Error::Admin(format!("an entry in {list} has no {content}")));
        }
        keep(item, |key, _| key == "name" || key == content);
        let fields = FIELDS.iter().find(|(of, _)| *of == content).map_or(&[][..], |(_, f)| *f);
        keep(&mut item[content], |key, value| fields.contains(&key) && value.is_string());
        item["name"] = json!(name);
        match content {
            "cluster" => item[content]["server"] = json!(server),
            "context" => {
                item[content]["cluster"] = json!(name);
                item[content]["user"] = json!(name);
            }
            _ => (),
        }
    }
    config["current-context"] = json!(name);
    Ok(config)
}

fn keep(object: &mut Value, is_kept: impl Fn(&str, &Value) -> bool) {
    if let Value::Object(fields) = object {
        fields.retain(|key, value| is_kept(key, value));
    }
}

/// `into` with the entries of `from`: those of the same name are replaced in
/// place, others appended, and current-context is overwritten. Both must be
/// [`checked`].
pub(super) fn merge(mut into: Value, mut from: Value) -> Value {
    for (list, _) in LISTS {
        let Value::Array(new) = from[list].take() else { continue };
        if !into[list].is_array() {
            into[list] = json!([]);
        }
        for item in new {
            put(into[list].as_array_mut().expect("made a list above"), item);
        }
    }
    if let Some(current) = from.get("current-context") {
        into["current-context"] = current.clone();
    }
    if let (Value::Object(into), Value::Object(from)) = (&mut into, from) {
        for (key, value) in from {
            into.entry(key).or_insert(value);
        }
    }
    into
}

/// Replaces the item of the same name, whose other fields are kept, or appends
/// `item`.
fn put(items: &mut Vec<Value>, item: Value) {
    let old = items.iter_mut().find(|old| old["name"] == item["name"]);
    match (old, item) {
        (Some(Value::Object(old)), Value::Object(item)) => old.extend(item),
        (_, item) => items.push(item),
    }
}

/// `from` without the cluster's entries; `None` if it has none. A current-context
/// that names them is cleared. `from` must be [`checked`].
pub(super) fn remove(mut from: Value, cluster: &str) -> Option<Value> {
    let name = context_name(cluster);
    let mut changed = false;
    for (list, _) in LISTS {
        if let Some(items) = from.get_mut(list).and_then(Value::as_array_mut) {
            let before = items.len();
            items.retain(|item| item["name"] != name);
            changed |= items.len() != before;
        }
    }
    if from.get("current-context").is_some_and(|current| *current == name) {
        from["current-context"] = json!("");
        changed = true;
    }
    changed.then_some(from)
}

/// `from` with the cluster's API server at another port of the same host; `None` if it
/// has no entry of the cluster, or one that leads elsewhere: people write addresses of
/// their own into it. `server` is `host:port`, `from` must be [`checked`].
pub(super) fn moved(mut from: Value, cluster: &str, server: &str) -> Option<Value> {
    let name = context_name(cluster);
    let entries = from.get_mut("clusters")?.as_array_mut()?;
    let entry = entries.iter_mut().find(|entry| entry["name"] == name)?;
    let old = entry["cluster"]["server"].as_str()?.strip_prefix("https://")?;
    let host = |server: &str| Some(server.rsplit_once(':')?.0.to_owned());
    if old == server || host(old)? != host(server)? {
        return None;
    }
    entry["cluster"]["server"] = json!(format!("https://{server}"));
    Some(from)
}

/// Checks the shape that the functions here rely on: a mapping whose lists
/// contain mappings with names. Null is an empty kubeconfig. A null list is an
/// empty list: kubectl writes `clusters: null` when it removes the last one.
///
/// # Errors
/// Returns a sentence that says what is wrong.
pub(super) fn checked(config: Value) -> Result<Value, String> {
    let config = match config {
        Value::Null => Value::Object(Map::new()),
        Value::Object(_) => config,
        _ => return Err("it should be a mapping".to_owned()),
    };
    for (list, _) in LISTS {
        let items = match config.get(list) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(items)) => items,
            Some(_) => return Err(format!("{list} should be a list")),
        };
        if !items.iter().all(|item| item.get("name").is_some_and(Value::is_string)) {
            return Err(format!("every entry in {list} should be a mapping with a name"));
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADMIN: &str = "\
apiVersion: v1
clusters:
- cluster: {certificate-authority-data: Q0E=, server: 'https://kind-control-plane:6443'}
  name: c
contexts:
- context: {cluster: c, user: u}
  name: u@c
current-context: u@c
kind: Config
users:
- name: u
  user: {client-key-data: S0VZ}
";

    fn entry(cluster: &str) -> Value {
        for_cluster(ADMIN, cluster, "https://127.0.0.1:4321").unwrap()
    }

    #[test]
    fn only_another_port_of_the_same_host_is_followed() {
        let server = |config: Option<Value>| {
            config.map(|config| {
                config["clusters"][0]["cluster"]["server"].as_str().unwrap().to_owned()
            })
        };
        for (new, expected) in [
            ("127.0.0.1:5", Some("https://127.0.0.1:5")),
            ("127.0.0.1:4321", None),
            ("10.0.0.1:4321", None),
            ("[::1]:5", None),
        ] {
            let found = server(moved(entry("a"), "a", new));
            assert_eq!(found.as_deref(), expected, "{new}");
        }
        assert_eq!(moved(entry("a"), "b", "127.0.0.1:5"), None);
        assert_eq!(moved(json!({"clusters": null}), "a", "127.0.0.1:5"), None);
    }

    #[test]
    fn an_admin_conf_gets_the_clusters_name() {
        let expected = json!({
            "apiVersion": "v1",
            "clusters": [{
                "name": "kind-a",
                "cluster": {"certificate-authority-data": "Q0E=", "server": "https://127.0.0.1:4321"},
            }],
            "contexts": [{"name": "kind-a", "context": {"cluster": "kind-a", "user": "kind-a"}}],
            "current-context": "kind-a",
            "kind": "Config",
            "users": [{"name": "kind-a", "user": {"client-key-data": "S0VZ"}}],
        });
        assert_eq!(entry("a"), expected);
    }

    #[test]
    fn a_node_hands_out_nothing_but_data() {
        let exec = "{client-key-data: S0VZ, exec: {command: /bin/sh}, auth-provider: {name: x}, client-key: /etc/x, tokenFile: /etc/shadow, as: root, password: []}";
        let proxy = "{certificate-authority-data: Q0E=, proxy-url: 'http://x', insecure-skip-tls-verify: true, certificate-authority: /x, server: 'https://x'}";
        let hostile = ADMIN
            .replace("{client-key-data: S0VZ}", exec)
            .replace(
                "{certificate-authority-data: Q0E=, server: 'https://kind-control-plane:6443'}",
                proxy,
            )
            .replace(
                "{cluster: c, user: u}",
                "{cluster: c, user: u, namespace: evil, extensions: [{name: x}]}",
            )
            .replace("  name: c\n", "  name: c\n  exec: {command: /bin/sh}\n")
            .replace("kind: Config", "kind: Config\nextensions: [{name: x}]\npreferences: {a: b}");
        assert_ne!(hostile, ADMIN);
        assert_eq!(for_cluster(&hostile, "a", "https://127.0.0.1:4321").unwrap(), entry("a"));
    }

    #[test]
    fn an_unexpected_admin_conf_is_refused() {
        let doubled = ADMIN.replace("- name: u\n", "- name: v\n- name: u\n");
        let hollow = ADMIN.replace("  user: {client-key-data: S0VZ}\n", "");
        for text in ["", "[]", "{", "clusters: []", doubled.as_str(), hollow.as_str()] {
            let error = for_cluster(text, "a", "https://x").unwrap_err();
            assert!(matches!(error, Error::Admin(_)), "{text}: {error}");
        }
    }

    #[test]
    fn merging_keeps_everything_else() {
        let theirs = json!({
            "x-top": 1,
            "current-context": "work",
            "clusters": [
                {"name": "kind-a", "cluster": {"server": "https://old", "stale": true}, "x-other": 2},
                {"name": "work", "cluster": {"certificate-authority": "../ca.crt", "x-in": 3}, "x": 4},
            ],
            "contexts": null,
            "preferences": {"colors": true},
        });
        let merged = merge(theirs.clone(), entry("a"));
        assert_eq!(merged["x-top"], 1);
        assert_eq!(merged["preferences"], theirs["preferences"]);
        assert_eq!(merged["current-context"], "kind-a");
        assert_eq!(merged["clusters"][0]["x-other"], 2);
        assert_eq!(merged["clusters"][0]["cluster"], entry("a")["clusters"][0]["cluster"]);
        assert_eq!(merged["clusters"][1], theirs["clusters"][1]);
        assert_eq!(merged["contexts"], entry("a")["contexts"]);
        assert_eq!(merged["users"], entry("a")["users"]);
        assert_eq!(merged["kind"], "Config");
        assert_eq!(merged.as_object().unwrap().keys().next().unwrap(), "x-top");
        assert_eq!(merge(merged.clone(), entry("a")), merged, "a second time changes nothing");
    }

    #[test]
    fn removing_undoes_merging() {
        let base = merge(json!({}), entry("other"));
        let both = merge(base.clone(), entry("a"));
        let mut left = remove(both.clone(), "a").unwrap();
        assert_eq!(left["current-context"], "");
        left["current-context"] = json!("kind-other");
        assert_eq!(left, base);
        assert_eq!(remove(both.clone(), "other").unwrap()["current-context"], "kind-a");
        for untouched in [json!({}), json!({"clusters": null}), base] {
            assert_eq!(remove(untouched, "a"), None);
        }
    }

    #[test]
    fn only_kubeconfigs_pass() {
        for good in [json!(null), json!({}), json!({"clusters": null, "users": []})] {
            assert!(checked(good.clone()).is_ok(), "{good}");
        }
        for bad in [
            json!([]),
            json!("text"),
            json!({"clusters": {}}),
            json!({"users": ["x"]}),
            json!({"contexts": [{"name": 1}]}),
            json!({"contexts": [null]}),
        ] {
            assert!(checked(bad.clone()).is_err(), "{bad}");
        }
    }
}
