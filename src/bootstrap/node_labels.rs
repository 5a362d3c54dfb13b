//! `labels:` of a node beside a patch of the kubelet's flag `node-labels`, which both set
//! the labels of its Node object.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::kubeadm::ConfigData;

const FLAG: &str = "node-labels";

/// Adds the node's labels where a patch has replaced the flag that has them: in kind they
/// are lost then. A label that the patch sets, too, is the patch's; returns a sentence
/// about each that differs.
pub(super) fn keep(data: &ConfigData, documents: &mut [Value]) -> Vec<String> {
    let labels = &data.node.labels;
    let all: Vec<String> = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let mut warnings = Vec::new();
    let registers = |document: &&mut Value| {
        document["kind"] == "InitConfiguration" || document["kind"] == "JoinConfiguration"
    };
    for document in documents.iter_mut().filter(registers) {
        let flags = document.pointer_mut("/nodeRegistration/kubeletExtraArgs");
        let Some(flags) = flags.filter(|_| !labels.is_empty()) else { continue };
        let Some(set) = get(flags).filter(|set| *set != all.join(",")) else { continue };
        let own = pairs(&set);
        let lost = labels.iter().filter(|(key, _)| !own.contains_key(key.as_str()));
        let lost = lost.map(|(key, value)| format!("{key}={value}"));
        let set = Some(set.clone()).filter(|set| !set.is_empty());
        put(flags, set.into_iter().chain(lost).collect::<Vec<_>>().join(","));
        let differs = labels.iter().filter_map(|(key, value)| {
            let other = own.get(key.as_str()).filter(|other| *other != value)?;
            Some((key, *other))
        });
        warnings.extend(differs.map(|(key, other)| warning(data, key, other)));
    }
    warnings
}

fn warning(data: &ConfigData, key: &str, other: &str) -> String {
    let at = data.cluster.node_names().iter().position(|name| name == data.node_name);
    let place = data.cluster.source.place(&format!("nodes[{}].labels.{key}", at.unwrap_or(0)));
    format!("{place}: a kubeadm patch of {FLAG} sets {key}={other} instead")
}

/// The flag's value, empty without the flag; `None` if it is no text.
fn get(flags: &Value) -> Option<String> {
    let in_list = || flags.as_array()?.iter().rfind(|flag| flag["name"] == FLAG)?.get("value");
    match flags.get(FLAG).or_else(in_list) {
        None => Some(String::new()),
        Some(value) => value.as_str().map(str::to_owned),
    }
}

fn put(flags: &mut Value, value: String) {
    match flags {
        Value::Array(list) => match list.iter_mut().rfind(|flag| flag["name"] == FLAG) {
            Some(flag) => flag["value"] = value.into(),
            None => list.push(json!({"name": FLAG, "value": value})),
        },
        Value::Object(map) => drop(map.insert(FLAG.to_owned(), value.into())),
        _ => {}
    }
}

/// Of `a=1,b=2`.
fn pairs(flag: &str) -> BTreeMap<&str, &str> {
    let pairs = flag.split(',').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.map(|(key, value)| (key.trim(), value.trim())).collect()
}
