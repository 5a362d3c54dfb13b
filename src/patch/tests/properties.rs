//! Rules that hold for every patch, not only for the examples.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, json};

use super::{merges, *};

type Arguments = BTreeMap<String, String>;

fn arguments() -> impl Strategy<Value = Arguments> {
    prop::collection::btree_map("[a-e]", "[a-z0-9=,]{0,4}", 0..5)
}

/// Changes of arguments: a new value, or removal.
fn changes() -> impl Strategy<Value = BTreeMap<String, Option<String>>> {
    prop::collection::btree_map("[a-e]", prop::option::of("[a-z0-9=,]{0,4}"), 0..5)
}

/// Any document, small, with or without nulls.
fn document(nulls: bool) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        "[a-z]{0,3}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        (-5..5i32).prop_map(Value::from),
        Just(if nulls { Value::Null } else { json!([]) }),
        prop::collection::vec(0..3i32, 0..3).prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 20, 4, |inner| {
        prop::collection::btree_map("[a-d]", inner, 0..4)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    });
    prop::collection::btree_map("[a-d]", value, 0..4)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn cluster(version: &str, arguments: &Arguments) -> Value {
    let arguments = match version {
        "v1beta4" => arguments.iter().map(|(n, v)| json!({"name": n, "value": v})).collect(),
        _ => json!(arguments),
    };
    json!({
        "apiVersion": format!("kubeadm.k8s.io/{version}"),
        "kind": "ClusterConfiguration",
        "apiServer": {"extraArgs": arguments},
    })
}

/// The arguments of either form.
fn of(document: &Value) -> Arguments {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match &document["apiServer"]["extraArgs"] {
        Value::Array(list) => list.iter().map(|a| (text(&a["name"]), text(&a["value"]))).collect(),
        Value::Object(map) => map.iter().map(|(n, v)| (n.clone(), text(v))).collect(),
        other => panic!("{other}"),
    }
}

/// The algorithm of RFC 7386, section 2.
fn merge_patch(target: Value, patch: &Value) -> Value {
    let Value::Object(patch) = patch else { return patch.clone() };
    let mut result = match target {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    for (name, value) in patch {
        let old = result.remove(name);
        if !value.is_null() {
            result.insert(name.clone(), merge_patch(old.unwrap_or_default(), value));
        }
    }
    Value::Object(result)
}

proptest! {
    #[test]
    fn merging_follows_rfc_7386(target in document(false), patch in document(true)) {
        let mut merged = target.clone();
        merge::rfc7386(&mut merged, &patch);
        prop_assert_eq!(&merged, &merge_patch(target, &patch));
        let once = merged.clone();
        merge::rfc7386(&mut merged, &patch);
        prop_assert_eq!(merged, once);
    }

    #[test]
    fn arguments_change_by_name_in_every_version(old in arguments(), changes in changes()) {
        let mut want = old.clone();
        for (name, value) in &changes {
            match value {
                Some(value) => drop(want.insert(name.clone(), value.clone())),
                None => drop(want.remove(name)),
            }
        }
        let patch = json!({"kind": "ClusterConfiguration", "apiServer": {"extraArgs": changes}});
        let patches = merges(&[&patch.to_string()]);
        for version in ["v1beta2", "v1beta3", "v1beta4"] {
            let once = kubeadm(vec![cluster(version, &old)], &patches).unwrap();
            prop_assert_eq!(of(&once[0]), want.clone(), "{}", version);
            prop_assert_eq!(kubeadm(once.clone(), &patches).unwrap(), once);
        }
        let list: Value = changes.iter().map(|(n, v)| json!({"name": n, "value": v})).collect();
        let patch = json!({
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "ClusterConfiguration",
            "apiServer": {"extraArgs": list},
        });
        let done = kubeadm(vec![cluster("v1beta4", &old)], &merges(&[&patch.to_string()])).unwrap();
        prop_assert_eq!(of(&done[0]), want);
    }

    #[test]
    fn cert_sans_keep_their_order_and_only_grow(
        old in prop::collection::btree_set("[a-d]", 0..4),
        new in prop::collection::vec("[a-f]", 0..6),
    ) {
        let document = json!({"kind": "ClusterConfiguration", "apiServer": {"certSANs": old}});
        let patch = json!({"kind": "ClusterConfiguration", "apiServer": {"certSANs": new}});
        let done = kubeadm(vec![document], &merges(&[&patch.to_string()])).unwrap();
        let names: Vec<String> =
            serde_json::from_value(done[0]["apiServer"]["certSANs"].clone()).unwrap();
        let mut want: Vec<String> = old.into_iter().collect();
        for name in new {
            if !want.contains(&name) {
                want.push(name);
            }
        }
        prop_assert_eq!(names, want);
    }

    #[test]
    fn documents_without_a_patch_stay_and_its_patches_are_named(patch in document(true), version in "v1beta[1-4]") {
        let before = vec![cluster("v1beta3", &Arguments::new())];
        let Value::Object(mut fields) = patch else { unreachable!() };
        fields.insert("kind".into(), "InitConfiguration".into());
        let other_kind = Value::Object(fields.clone()).to_string();
        fields.insert("kind".into(), "ClusterConfiguration".into());
        fields.insert("apiVersion".into(), format!("kubeadm.k8s.io/{version}").into());
        let other_version = Value::Object(fields).to_string();
        let patches = match version.as_str() {
            "v1beta3" => merges(&[&other_kind]),
            _ => merges(&[&other_kind, &other_version]),
        };
        prop_assert_eq!(notes(&before, &patches, Scope::Cluster { joins: true }).len(), patches.merge.len());
        prop_assert_eq!(kubeadm(before.clone(), &patches).unwrap(), before);
    }

    #[test]
    fn containerd_keeps_what_no_patch_names(
        config in document(false),
        patch in document(false),
        version in 2..5i64,
    ) {
        let Value::Object(mut fields) = config else { unreachable!() };
        fields.insert("version".into(), version.into());
        let config = Value::Object(fields);
        let text = toml::to_string(config.clone()).unwrap();
        let patches = ContainerdPatches {
            merge: vec![toml::to_string(patch.clone()).unwrap()],
            json: Vec::new(),
        };
        let PatchedContainerd { config: patched, without_effect, .. } =
            containerd(&text, &patches).unwrap();
        prop_assert_eq!(toml::parse(&patched).unwrap(), merge_patch(config.clone(), &patch));
        prop_assert!(without_effect.is_empty());

        let for_other_version = ContainerdPatches {
            merge: vec![format!("version = {}\n{}", version + 1, patches.merge[0])],
            json: Vec::new(),
        };
        let PatchedContainerd { config: patched, without_effect, .. } =
            containerd(&text, &for_other_version).unwrap();
        prop_assert_eq!(toml::parse(&patched).unwrap(), config);
        prop_assert_eq!(without_effect.len(), 1);
    }
}
