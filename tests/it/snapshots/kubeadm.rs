//! What kubeadm is told, by Kubernetes version, topology and IP family: of the
//! first control-plane everything, of the others how they join.

use std::net::IpAddr;

use skiff::cluster::{Cluster, Family};
use skiff::kubeadm::{self, ConfigData};
use skiff::{config, yaml};

use crate::support::golden;

const VERSIONS: [&str; 4] = ["v1.22.17", "v1.30.14", "v1.36.4", "v1.37.2"];
/// Control-planes and workers.
const TOPOLOGIES: [(usize, usize); 3] = [(1, 0), (1, 2), (3, 1)];
const FAMILIES: [&str; 3] = ["ipv4", "ipv6", "dual"];

fn cluster(planes: usize, workers: usize, family: &str) -> Cluster {
    let nodes = format!(
        "{}{}",
        "- {role: control-plane}\n".repeat(planes),
        "- {role: worker, labels: {tier: web}}\n".repeat(workers)
    );
    config::parse(&format!(
        "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nname: lab\nnetworking: {{ipFamily: {family}}}\nnodes:\n{nodes}"
    ))
    .unwrap()
}

fn rendered(cluster: &Cluster, version: &str) -> String {
    let family = cluster.networking.family;
    let mut text = String::new();
    for (index, (name, node)) in cluster.named_nodes().enumerate() {
        let last = index + 2;
        let v4 = (family != Family::Ipv6).then(|| format!("172.18.0.{last}"));
        let v6 = family.has_v6().then(|| format!("fc00:f853:ccd:e793::{last}"));
        let addresses: Vec<IpAddr> =
            v4.into_iter().chain(v6).map(|address| address.parse().unwrap()).collect();
        let version = version.parse().unwrap();
        let token = "abcdef.0123456789abcdef";
        let data = ConfigData::new(cluster, (&name, node), &version, &addresses, token, false);
        let mut documents = kubeadm::documents(&data);
        if index > 0 {
            documents.retain(|document| document["kind"] == "JoinConfiguration");
        }
        text += &format!("---\n# {name}\n{}", kubeadm::render(&documents));
    }
    text
}

#[test]
fn kubeadm_documents() {
    let mut goldens = golden::Directory::new("kubeadm");
    for version in VERSIONS {
        for (planes, workers) in TOPOLOGIES {
            for family in FAMILIES {
                let name = format!("{version}-{planes}+{workers}-{family}.yaml");
                let text = rendered(&cluster(planes, workers, family), version);
                assert_eq!(yaml::documents(&text).unwrap().len(), 4 + planes + workers, "{name}");
                goldens.check(&name, &text);
            }
        }
    }
    goldens.finish();
}
