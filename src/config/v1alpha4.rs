//! The fields of `kind.x-k8s.io/v1alpha4`, one function for each mapping.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::decode::{Fields, Located};
use super::host_path::Surroundings;
use super::mounts::mounts;
use super::name::valid_name;
use super::networking::networking;
use super::node_labels;
use super::ports::{PortUse, PortUses, find_conflicts, port_mapping};
use super::problem::Problems;
use crate::cluster::{
    Cluster, ContainerdPatches, DEFAULT_NAME, Family, HostPort, JsonPatch, KubeadmPatches, Node,
    Protocol, Role, Source,
};
use crate::patch;
use crate::yaml::located::Tree;

/// The `kind` that a definition must have.
pub(super) const KIND: &str = "Cluster";
/// The `apiVersion` that a definition must have.
pub(super) const API_VERSION: &str = "kind.x-k8s.io/v1alpha4";

const CLUSTER: &[&str] = &[
    "kind",
    "apiVersion",
    "name",
    "nodes",
    "networking",
    "featureGates",
    "runtimeConfig",
    "kubeadmConfigPatches",
    "kubeadmConfigPatchesJSON6902",
    "containerdConfigPatches",
    "containerdConfigPatchesJSON6902",
];
const NODE: &[&str] = &[
    "role",
    "image",
    "labels",
    "extraMounts",
    "extraPortMappings",
    "kubeadmConfigPatches",
    "kubeadmConfigPatchesJSON6902",
];
const JSON_PATCH: &[&str] = &["group", "version", "kind", "patch"];

const ROLES: &[(&str, Role)] = &[("control-plane", Role::ControlPlane), ("worker", Role::Worker)];

/// Decodes a definition. The cluster is usable only if `problems` stays empty.
pub(super) fn decode(tree: &Tree, surroundings: &Surroundings, problems: &mut Problems) -> Cluster {
    let root = Located::root(tree);
    let fields = root.fields(CLUSTER, problems);
    header(&root, &fields, "apiVersion", API_VERSION, problems);
    header(&root, &fields, "kind", KIND, problems);

    let mut name = fields.string("name", problems);
    if name.is_empty() {
        name = DEFAULT_NAME.to_owned();
    } else if let (Err(why), Some(at)) = (valid_name(&name), fields.get("name")) {
        at.problem(problems, why);
    }

    let networking = networking(fields.get("networking"), problems);
    let wildcard = match networking.family {
        Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
        Family::Ipv4 | Family::Dual => Ipv4Addr::UNSPECIFIED.into(),
    };
    let mut used = PortUses { all: Vec::new(), wildcard };
    if let (HostPort::Fixed(port), Ok(address)) =
        (networking.api_server_port, networking.api_server_address.parse())
    {
        let path = "networking.apiServerPort".to_owned();
        let line = fields.get("networking").map_or(root.line, |at| at.line);
        used.all.push(PortUse { line, path, node: None, address, port, protocol: Protocol::Tcp });
    }

    let written = fields.list("nodes", problems);
    let mut nodes: Vec<Node> = written
        .iter()
        .enumerate()
        .map(|(index, at)| node(at, index, &mut used, surroundings, problems))
        .collect();
    if nodes.is_empty() {
        nodes.push(Node::default());
    }
    if let (Some(at), false) =
        (fields.get("nodes"), nodes.iter().any(|n| n.role == Role::ControlPlane))
    {
        at.problem(problems, "at least one node must have the role control-plane");
    }
    find_conflicts(&used.all, problems);

    let gates = fields.entries("featureGates", problems);
    Cluster {
        name,
        nodes,
        networking,
        feature_gates: gates
            .into_iter()
            .filter_map(|(k, at)| Some((k.to_owned(), at.bool(problems)?)))
            .collect(),
        runtime_config: string_map(&fields, "runtimeConfig", problems),
        kubeadm: kubeadm(&fields, problems),
        containerd: ContainerdPatches {
            merge: checked(&fields, "containerdConfigPatches", patch::check_toml, problems),
            json: checked(&fields, "containerdConfigPatchesJSON6902", patch::check_json, problems),
        },
        source: Source::default(),
    }
}

fn header(root: &Located, fields: &Fields, name: &str, wanted: &str, problems: &mut Problems) {
    match fields.get(name) {
        None => root.problem(problems, format!("`{name}: {wanted}` is missing")),
        Some(at) => match at.string(problems) {
            Some(found) if found != wanted => {
                at.problem(problems, format!("{found:?} is not supported; use {wanted}"))
            }
            _ => {}
        },
    }
}

fn node(
    at: &Located,
    index: usize,
    used: &mut PortUses,
    surroundings: &Surroundings,
    problems: &mut Problems,
) -> Node {
    let fields = at.fields(NODE, problems);
    let mappings = fields.list("extraPortMappings", problems);
    let labels = string_map(&fields, "labels", problems);
    for (key, at) in fields.entries("labels", &mut Problems::default()) {
        if let Err(why) = node_labels::check(key, labels.get(key).map_or("", String::as_str)) {
            at.problem(problems, why);
        }
    }
    Node {
        role: fields
            .get("role")
            .and_then(|at| at.choice("a role", ROLES, problems))
            .unwrap_or_default(),
        image: Some(fields.string("image", problems)).filter(|image| !image.is_empty()),
        labels,
        extra_mounts: mounts(&fields, surroundings, problems),
        port_mappings: mappings
            .iter()
            .filter_map(|at| port_mapping(at, index, used, problems))
            .collect(),
        kubeadm: kubeadm(&fields, problems),
    }
}

fn kubeadm(fields: &Fields, problems: &mut Problems) -> KubeadmPatches {
    KubeadmPatches {
        merge: checked(fields, "kubeadmConfigPatches", patch::check_kubeadm, problems),
        json: fields
            .list("kubeadmConfigPatchesJSON6902", problems)
            .iter()
            .map(|at| json_patch(at, problems))
            .collect(),
    }
}

fn json_patch(at: &Located, problems: &mut Problems) -> JsonPatch {
    let fields = at.fields(JSON_PATCH, problems);
    let mut text = |name: &str| fields.string(name, problems);
    let found = JsonPatch {
        group: text("group"),
        version: text("version"),
        kind: text("kind"),
        patch: text("patch"),
    };
    if let (Some(at), Err(why)) = (fields.get("patch"), patch::check_json(&found.patch)) {
        at.problem(problems, why);
    }
    found
}

/// A list of patches, each of which must pass `check`.
fn checked(
    fields: &Fields,
    name: &str,
    check: fn(&str) -> Result<(), String>,
    problems: &mut Problems,
) -> Vec<String> {
    let mut patches = Vec::new();
    for at in fields.list(name, problems) {
        let Some(text) = at.string(problems) else { continue };
        if let Err(why) = check(&text) {
            at.problem(problems, why);
        }
        patches.push(text);
    }
    patches
}

fn string_map(fields: &Fields, name: &str, problems: &mut Problems) -> BTreeMap<String, String> {
    let entries = fields.entries(name, problems);
    entries
        .into_iter()
        .filter_map(|(key, at)| Some((key.to_owned(), at.string(problems)?)))
        .collect()
}
