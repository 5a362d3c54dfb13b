//! Merge patches (RFC 7386), with exceptions for kubeadm documents.

use serde_json::{Map, Value, json};

/// Merges `patch` into `target`: mappings are merged field by field, `null`
/// removes a field, any other value replaces it.
pub(super) fn rfc7386(target: &mut Value, patch: &Value) {
    merge(target, patch, &|_, _, _| false);
}

/// Like [`rfc7386`], except that `certSANs` are only added to, and that in
/// `v1beta4` documents the lists of extra arguments are merged by argument name
/// (kind v0.33.0, `pkg/internal/patch/kubeadm_merge.go`).
pub(super) fn kubeadm(target: &mut Value, patch: &Value) {
    let named_args = is_v1beta4(target);
    let versioned = !api_version(patch).is_empty();
    merge(target, patch, &|field, old, new| match field {
        "certSANs" => {
            union(old, new);
            true
        }
        _ if named_args && ARGUMENTS.contains(&field) => {
            upsert(old, new, versioned);
            true
        }
        _ => false,
    });
}

/// The paths of arguments that a patch for `v1beta4` has as a mapping.
/// [`kubeadm`] ignores them
/// (kind v0.33.0, `pkg/internal/patch/kubeadm_merge.go`, `mergeExtraArgs`).
pub(super) fn ignored(patch: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if is_v1beta4(patch) {
        find_arguments(patch, "", &mut |path, arguments| {
            found.extend(arguments.is_object().then_some(path));
        });
    }
    found
}

/// Arguments that a patch has more than once, such as `--v`: the path of the list, the
/// index of the later one, the argument. [`kubeadm`] takes the last.
pub(super) fn given_twice(patch: &Value) -> Vec<(String, usize, String)> {
    let mut found = Vec::new();
    find_arguments(patch, "", &mut |path, arguments| {
        let names: Vec<Option<&str>> =
            arguments.as_array().into_iter().flatten().map(|a| a["name"].as_str()).collect();
        for (index, name) in names.iter().enumerate() {
            if let Some(name) = name.filter(|_| names[..index].contains(name)) {
                found.push((path.clone(), index, format!("--{name}")));
            }
        }
    });
    found
}

const ARGUMENTS: [&str; 2] = ["extraArgs", "kubeletExtraArgs"];

fn find_arguments(patch: &Value, path: &str, found: &mut dyn FnMut(String, &Value)) {
    for (name, value) in patch.as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match ARGUMENTS.contains(&name.as_str()) {
            true => found(path, value),
            false => find_arguments(value, &path, found),
        }
    }
}

fn api_version(document: &Value) -> &str {
    document.get("apiVersion").and_then(Value::as_str).unwrap_or_default()
}

fn is_v1beta4(document: &Value) -> bool {
    api_version(document).ends_with("v1beta4")
}

/// Merges a field of that name in its own way; false if it does not.
type FieldRule<'s> = &'s dyn Fn(&str, &mut Value, &Value) -> bool;

fn merge(target: &mut Value, patch: &Value, rule: FieldRule) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let fields = target.as_object_mut().expect("made an object above");
    for (name, new) in patch {
        let mut old = fields.get_mut(name).map(Value::take).unwrap_or_default();
        if !rule(name, &mut old, new) {
            if new.is_null() {
                fields.shift_remove(name);
                continue;
            }
            merge(&mut old, new, rule);
        }
        if !old.is_null() {
            fields.insert(name.clone(), old);
        }
    }
}

/// Appends the items that are not in the list yet. Anything but a list changes
/// nothing.
fn union(old: &mut Value, new: &Value) {
    let Value::Array(new) = new else { return };
    let mut all = match old.take() {
        Value::Array(items) => items,
        _ => Vec::new(),
    };
    for item in new {
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
    *old = Value::Array(all);
}

/// Sets arguments by name; one without a value is removed. A patch without an
/// API version may have the mapping of older versions. Anything else changes
/// nothing.
fn upsert(old: &mut Value, new: &Value, versioned: bool) {
    let patch = match new {
        Value::Array(_) => new.clone(),
        Value::Object(fields) if !versioned => name_value_list(fields),
        _ => return,
    };
    let mut arguments = match old.take() {
        Value::Array(items) => items,
        Value::Object(fields) => name_value_list(&fields).as_array().cloned().unwrap_or_default(),
        _ => Vec::new(),
    };
    for argument in patch.as_array().into_iter().flatten() {
        let Some(name @ Value::String(_)) = argument.get("name") else { continue };
        let found = arguments.iter().position(|old| old.get("name") == Some(name));
        match (found, as_string(argument.get("value"))) {
            (Some(at), Some(value)) => arguments[at]["value"] = value,
            (Some(at), None) => drop(arguments.remove(at)),
            (None, Some(value)) => arguments.push(json!({"name": name, "value": value})),
            (None, None) => {}
        }
    }
    *old = Value::Array(arguments);
}

/// A mapping of arguments as a list of `{name, value}`.
fn name_value_list(fields: &Map<String, Value>) -> Value {
    fields.iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

/// kubeadm accepts strings only, where people write `v: 5`.
fn as_string(value: Option<&Value>) -> Option<Value> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.as_str().into()),
        Value::Bool(_) | Value::Number(_) => Some(value?.to_string().into()),
        other => Some(other.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 7386, appendix A.
    #[test]
    fn rfc_examples() {
        let cases = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ];
        for (mut target, patch, want) in cases {
            rfc7386(&mut target, &patch);
            assert_eq!(target, want, "{patch}");
        }
    }

    #[test]
    fn extra_arguments() {
        let arg = |name: &str, value: &str| json!({"name": name, "value": value});
        let cases = [
            (json!(null), json!({"v": 5}), json!([arg("v", "5")])),
            (
                json!([arg("a", "1"), arg("b", "2")]),
                json!({"a": "x"}),
                json!([arg("a", "x"), arg("b", "2")]),
            ),
            (
                json!([arg("a", "1"), arg("b", "2")]),
                json!([arg("c", "3")]),
                json!([arg("a", "1"), arg("b", "2"), arg("c", "3")]),
            ),
            (json!([arg("a", "1"), arg("b", "2")]), json!({"a": null}), json!([arg("b", "2")])),
            (json!([arg("a", "1"), arg("b", "2")]), json!([{"name": "b"}]), json!([arg("a", "1")])),
            (json!([arg("a", "1")]), json!([arg("a", "2"), arg("a", "3")]), json!([arg("a", "3")])),
            (json!([]), json!([arg("a", "2"), arg("a", "3")]), json!([arg("a", "3")])),
            (json!({"a": "1"}), json!({"b": true}), json!([arg("a", "1"), arg("b", "true")])),
            // kind ignores these.
            (json!([arg("a", "1")]), json!(null), json!([arg("a", "1")])),
            (json!([arg("a", "1")]), json!("odd"), json!([arg("a", "1")])),
            (json!([arg("a", "1")]), json!(["odd", {"value": "2"}]), json!([arg("a", "1")])),
        ];
        for (old, patch, want) in cases {
            let mut target =
                json!({"apiVersion": "kubeadm.k8s.io/v1beta4", "x": {"extraArgs": old}});
            kubeadm(&mut target, &json!({"x": {"extraArgs": patch}}));
            assert_eq!(target["x"]["extraArgs"], want, "{patch}");
        }
    }

    #[test]
    fn a_mapping_of_arguments_for_v1beta4_is_ignored() {
        let before = json!({
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "apiServer": {"extraArgs": [{"name": "a", "value": "1"}]},
        });
        let patch = json!({
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "apiServer": {"extraArgs": {"a": "2"}},
            "nodeRegistration": {"kubeletExtraArgs": [{"name": "v", "value": "5"}]},
        });
        let mut target = before.clone();
        kubeadm(&mut target, &patch);
        assert_eq!(target["apiServer"], before["apiServer"]);
        assert_eq!(target["nodeRegistration"], patch["nodeRegistration"]);
        assert_eq!(ignored(&patch), ["apiServer.extraArgs"]);
        assert!(ignored(&json!({"apiServer": {"extraArgs": {"a": "2"}}})).is_empty());
    }

    #[test]
    fn arguments_of_older_versions_are_plain_mappings() {
        let mut target = json!({
            "apiVersion": "kubeadm.k8s.io/v1beta3",
            "apiServer": {"extraArgs": {"a": "1", "b": "2"}},
        });
        kubeadm(&mut target, &json!({"apiServer": {"extraArgs": {"a": null, "c": "3"}}}));
        assert_eq!(target["apiServer"]["extraArgs"], json!({"b": "2", "c": "3"}));
        kubeadm(&mut target, &json!({"apiServer": {"extraArgs": null}}));
        assert_eq!(target["apiServer"], json!({}));
    }

    #[test]
    fn cert_sans_are_only_added_to() {
        let cases = [
            (json!(["a", "b"]), json!(["b", "c", "c"]), json!(["a", "b", "c"])),
            (json!(["a"]), json!(null), json!(["a"])),
            (json!(["a"]), json!("b"), json!(["a"])),
            (json!(null), json!(["a"]), json!(["a"])),
        ];
        for version in ["v1beta2", "v1beta3", "v1beta4"] {
            for (old, patch, want) in &cases {
                let mut target = json!({
                    "apiVersion": format!("kubeadm.k8s.io/{version}"),
                    "apiServer": {"certSANs": old},
                });
                kubeadm(&mut target, &json!({"apiServer": {"certSANs": patch}}));
                assert_eq!(target["apiServer"]["certSANs"], *want, "{version} {patch}");
            }
        }
    }
}
