//! Merge patches (RFC 7386), and what kubeadm documents need beyond them.

use serde_json::{Map, Value, json};

/// Merges `patch` into `target`: mappings field by field, `null` deletes,
/// anything else replaces.
pub fn rfc7386(target: &mut Value, patch: &Value) {
    merge(target, patch, &|_, _, _| false);
}

/// As [`rfc7386`], except that `certSANs` only grow, and that in `v1beta4`
/// documents the lists of extra arguments are patched by argument name.
pub fn kubeadm(target: &mut Value, patch: &Value) {
    let version = target.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let named_args = version.ends_with("v1beta4");
    merge(target, patch, &|field, old, new| match field {
        "certSANs" => union(old, new),
        "extraArgs" | "kubeletExtraArgs" if named_args => upsert(old, new),
        _ => false,
    });
}

/// A special way to merge a field, by its name: true if it did.
type Special<'s> = &'s dyn Fn(&str, &mut Value, &Value) -> bool;

fn merge(target: &mut Value, patch: &Value, special: Special) {
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
        if !special(name, &mut old, new) {
            if new.is_null() {
                fields.shift_remove(name);
                continue;
            }
            merge(&mut old, new, special);
        }
        if !old.is_null() {
            fields.insert(name.clone(), old);
        }
    }
}

/// Appends what is not there yet; `null` deletes nothing.
fn union(old: &mut Value, new: &Value) -> bool {
    let mut all = match old {
        Value::Null => Vec::new(),
        Value::Array(items) => items.clone(),
        _ => return false,
    };
    let new = match new {
        Value::Null => return true,
        Value::Array(items) => items,
        _ => return false,
    };
    for item in new {
        if !all.contains(item) {
            all.push(item.clone());
        }
    }
    *old = Value::Array(all);
    true
}

/// Sets arguments by name, where both sides may be `v1beta4` lists of
/// `{name, value}` or older mappings. No value, or `null`, removes one.
fn upsert(old: &mut Value, new: &Value) -> bool {
    if new.is_null() {
        return false;
    }
    let (Some(mut args), Some(patch)) = (arguments(old), arguments(new)) else { return false };
    for (name, value) in patch {
        let first = args.iter().position(|(n, _)| *n == name).unwrap_or(args.len());
        args.retain(|(n, _)| *n != name);
        if value.is_some() {
            args.insert(first.min(args.len()), (name, value));
        }
    }
    let list =
        args.into_iter().filter_map(|(name, value)| Some(json!({"name": name, "value": value?})));
    *old = Value::Array(list.collect());
    true
}

/// The arguments of either form; `None` if it is neither.
fn arguments(value: &Value) -> Option<Vec<(String, Option<String>)>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| Some((name.clone(), text(value)?))).collect()
        }
        Value::Array(items) => items
            .iter()
            .map(|item| {
                let name = item.get("name")?.as_str()?;
                Some((name.to_owned(), text(item.get("value").unwrap_or(&Value::Null))?))
            })
            .collect(),
        _ => None,
    }
}

/// kubeadm wants text where people write `v: 5`. The outer `None` is a value
/// that no argument can have.
fn text(value: &Value) -> Option<Option<String>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text.clone())),
        Value::Bool(_) | Value::Number(_) => Some(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) => None,
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
            (json!([arg("a", "1"), arg("a", "2")]), json!({"a": true}), json!([arg("a", "true")])),
            (json!([arg("a", "1")]), json!([arg("a", "2"), arg("a", "3")]), json!([arg("a", "3")])),
            (json!({"a": "1"}), json!({"b": "2"}), json!([arg("a", "1"), arg("b", "2")])),
            (json!([arg("a", "1")]), json!("odd"), json!("odd")),
        ];
        for (old, patch, want) in cases {
            let mut target =
                json!({"apiVersion": "kubeadm.k8s.io/v1beta4", "x": {"extraArgs": old}});
            kubeadm(&mut target, &json!({"x": {"extraArgs": patch}}));
            assert_eq!(target["x"]["extraArgs"], want, "{patch}");
        }
    }

    #[test]
    fn cert_sans_only_grow() {
        let cases = [
            (json!(["a", "b"]), json!(["b", "c", "c"]), json!(["a", "b", "c"])),
            (json!(["a"]), json!(null), json!(["a"])),
            (json!(null), json!(["a"]), json!(["a"])),
        ];
        for (old, patch, want) in cases {
            let mut target = json!({"apiServer": {"certSANs": old}});
            kubeadm(&mut target, &json!({"apiServer": {"certSANs": patch}}));
            assert_eq!(target["apiServer"]["certSANs"], want, "{patch}");
        }
    }
}
