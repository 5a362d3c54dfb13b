//! A dry run as the JSON that programs rely on, in which fields may be added. Ports and
//! mounts have the names that kind's definitions use.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::planned::Planned;
use crate::engine::{ContainerSpec, Publish};
use crate::secret::conceal;
use crate::yaml;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PlanView<'a> {
    cluster: &'a str,
    /// What was chosen or assumed, a sentence each.
    notes: &'a [String],
    /// What the engine needs, each once.
    images: Vec<&'a str>,
    network: NetworkView<'a>,
    nodes: Vec<NodeView<'a>>,
    /// In front of the API servers, where there are several; else null.
    load_balancer: Option<ContainerView<'a>>,
    /// Installed once the cluster is usable, such as `metrics-server v0.9.0`.
    addons: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NetworkView<'a> {
    name: &'a str,
    /// Of the network, if it exists; empty if it is to be created.
    subnets: &'a [String],
    /// For a network that is to be created; the engine chooses where it is null.
    ipv6_subnet: Option<&'a str>,
    mtu: Option<u32>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NodeView<'a> {
    /// `control-plane` or `worker`.
    role: String,
    #[serde(flatten)]
    container: ContainerView<'a>,
    /// The documents that kubeadm reads.
    kubeadm: Vec<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContainerView<'a> {
    name: &'a str,
    image: &'a str,
    ports: Vec<PortView<'a>>,
    mounts: Vec<MountView<'a>>,
    /// Paths with an anonymous volume.
    volumes: &'a [String],
    /// `NAME=VALUE`.
    env: &'a [String],
    labels: &'a BTreeMap<String, String>,
}

/// As in `extraPortMappings`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PortView<'a> {
    container_port: u16,
    /// Null if it is picked when the container is created.
    host_port: Option<u16>,
    listen_address: &'a str,
    /// `tcp`, `udp` or `sctp`.
    protocol: &'static str,
}

/// As in `extraMounts`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MountView<'a> {
    /// A path of the engine's host.
    host_path: &'a str,
    container_path: &'a str,
    read_only: bool,
}

/// The view of a cluster with this name.
///
/// # Errors
/// Fails if the documents for kubeadm are not YAML, which a patch could cause.
pub(super) fn of(
    cluster: &str,
    planned: &Planned,
    notes: &[String],
    addons: &[String],
) -> Result<Value, String> {
    let plan = &planned.plan;
    let mut images: Vec<&str> = plan.containers().map(|spec| spec.image.as_str()).collect();
    images.sort_unstable();
    images.dedup();
    let nodes = plan.nodes.iter().zip(&planned.kubeadm).map(
        |(node, documents)| -> Result<NodeView, String> {
            Ok(NodeView {
                role: node.node.role.to_string(),
                container: ContainerView::of(&node.container),
                kubeadm: yaml::documents(documents)?,
            })
        },
    );
    let view = PlanView {
        cluster,
        notes,
        images,
        network: NetworkView {
            name: &planned.network.name,
            subnets: &planned.subnets,
            ipv6_subnet: planned.network.ipv6_subnet.as_deref(),
            mtu: planned.network.mtu,
        },
        nodes: nodes.collect::<Result<_, _>>()?,
        load_balancer: plan.api_balancer.as_ref().map(ContainerView::of),
        addons,
    };
    Ok(concealed(serde_json::to_value(view).map_err(|error| error.to_string())?))
}

impl<'a> ContainerView<'a> {
    fn of(spec: &'a ContainerSpec) -> Self {
        let mounts = spec.mounts.iter().map(|mount| MountView {
            host_path: &mount.source,
            container_path: &mount.target,
            read_only: mount.read_only,
        });
        ContainerView {
            name: &spec.name,
            image: &spec.image,
            ports: spec.publish.iter().map(PortView::of).collect(),
            mounts: spec
                .binds
                .iter()
                .filter_map(|bind| MountView::of(bind))
                .chain(mounts)
                .collect(),
            volumes: &spec.volumes,
            env: &spec.env,
            labels: &spec.labels,
        }
    }
}

impl<'a> PortView<'a> {
    fn of(publish: &'a Publish) -> Self {
        PortView {
            container_port: publish.container_port,
            host_port: publish.port(),
            listen_address: &publish.host_address,
            protocol: publish.protocol.as_str(),
        }
    }
}

impl<'a> MountView<'a> {
    /// Of `SOURCE:TARGET[:OPTIONS]`, in which SOURCE may contain colons.
    fn of(bind: &'a str) -> Option<Self> {
        let (rest, last) = bind.rsplit_once(':')?;
        let (host_path, container_path, options) = match last.starts_with('/') {
            true => (rest, last, ""),
            false => rest.rsplit_once(':').map(|(source, target)| (source, target, last))?,
        };
        let read_only = options.split(',').any(|option| option == "ro");
        Some(MountView { host_path, container_path, read_only })
    }
}

/// Without passwords.
fn concealed(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(conceal(&text).into_owned()),
        Value::Array(values) => values.into_iter().map(concealed).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, concealed(value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binds_are_taken_apart() {
        for (bind, expected) in [
            ("/lib/modules:/lib/modules:ro", Some(("/lib/modules", "/lib/modules", true))),
            ("/a:/b", Some(("/a", "/b", false))),
            ("/a:/b:rslave,ro", Some(("/a", "/b", true))),
            ("C:\\a:/b", Some(("C:\\a", "/b", false))),
            ("C:\\a:/b:rw", Some(("C:\\a", "/b", false))),
            ("/a", None),
        ] {
            let found = MountView::of(bind);
            let found = found.map(|found| (found.host_path, found.container_path, found.read_only));
            assert_eq!(found, expected, "{bind}");
        }
    }
}
