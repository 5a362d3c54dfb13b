//! `create cluster --dry-run`: the plan as text, without an engine.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::bootstrap;
use crate::cluster::{Cluster, Family};
use crate::engine::Host;
use crate::images;
use crate::kubeadm::{API_PORT, Facts};
use crate::node_image;
use crate::plan::{self, Balancer, PlanInput, proxy};
use crate::provision::network;
use crate::version::Version;
use crate::yaml;

/// A YAML stream: first network and containers, then each node's kubeadm
/// configuration. What only the engine knows (addresses, picked ports, whether
/// the host has cgroup v1) stands as a placeholder.
///
/// # Errors
/// Why a kubeadm patch does not apply.
pub fn render(
    cluster: &Cluster,
    image: Option<&str>,
    network: &str,
    folder: &Path,
    get_env: fn(&str) -> Option<String>,
) -> Result<String, String> {
    #[derive(Serialize)]
    struct Printed<'a> {
        cluster: &'a str,
        network: Value,
        containers: Vec<Value>,
    }
    let mut cluster = cluster.clone();
    if let Some(image) = image {
        cluster.nodes.iter_mut().for_each(|node| node.image = Some(image.to_owned()));
    }
    let situation = PlanInput {
        host: &Host::default(),
        default_image: images::PUBLISHED,
        balancer: Balancer::Envoy,
        network,
        creation: "dry-run",
        proxy: &proxy::settings(&cluster, &[], &get_env),
        folder,
        pass_env: &get_env,
    };
    let plan = plan::plan(&cluster, &situation);
    let containers = plan
        .containers()
        .map(|container| without_empty(serde_json::to_value(container).unwrap_or_default()));
    let printed = Printed {
        cluster: &cluster.name,
        network: without_empty(
            serde_json::to_value(network::spec(network, Some(0))).unwrap_or_default(),
        ),
        containers: containers.collect(),
    };
    let mut text = yaml::to_string(&printed);

    let endpoint = format!("{}:{API_PORT}", cluster.api_host());
    for (index, node) in plan.nodes.iter().enumerate() {
        let last = index as u8 + 2;
        let family = cluster.networking.family;
        let v4 = (family != Family::Ipv6).then(|| Ipv4Addr::new(192, 0, 2, last));
        let v6 =
            family.has_v6().then(|| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)));
        let facts = Facts {
            cluster: &cluster,
            node_name: &node.container.name,
            node: &node.node,
            version: &version_of(&node.container.image)?,
            addresses: (v4, v6),
            endpoint: &endpoint,
            token: "abcdef.0123456789abcdef",
            provider: "docker",
            rootless: false,
        };
        let (documents, _) = bootstrap::documents(&facts)?;
        text.push_str(&format!("---\n# kubeadm on {}\n{documents}", node.container.name));
    }
    Ok(text)
}

/// The Kubernetes version an image's tag names, else the one built by default.
fn version_of(image: &str) -> Result<Version, String> {
    let tag = images::friendly(image).rsplit_once(':').map_or("", |(_, tag)| tag);
    tag.parse().or_else(|_| node_image::DEFAULT_VERSION.parse())
}

fn without_empty(value: Value) -> Value {
    let empty = |v: &Value| {
        *v == json!(null)
            || *v == json!("")
            || *v == json!([])
            || *v == json!({})
            || *v == json!(false)
    };
    match value {
        Value::Object(map) => Value::Object(map.into_iter().filter(|(_, v)| !empty(v)).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_shows_containers_and_kubeadm_documents() {
        let text = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: lab\nnodes: [{role: control-plane}, {role: worker, labels: {tier: web}}]";
        let cluster = crate::config::parse(text).unwrap();
        let out = render(&cluster, Some("node:v1.36.4"), "kind", Path::new("/"), |_| None).unwrap();
        let documents = yaml::documents(&out).unwrap();
        assert_eq!(documents[0]["containers"][1]["name"], "lab-worker");
        assert_eq!(documents[0]["network"]["ipv6_subnet"], "fc00:f853:ccd:e793::/64");
        let kinds: Vec<_> = documents[1..].iter().map(|d| d["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds.iter().filter(|k| **k == "InitConfiguration").count(), 2);
        assert_eq!(documents[1]["kubernetesVersion"], "v1.36.4");
        assert!(out.contains("tier=web"));
    }
}
