//! What a definition alone shows, and kubeadm or the kubelet would refuse minutes later.

use serde_json::Value;

use super::subnet::{self, Subnet};
use crate::bootstrap;
use crate::check::Check;
use crate::cluster::Cluster;
use crate::kubeadm::ConfigData;
use crate::node_image;

/// The longest name of a node: it becomes the value of the label `kubernetes.io/hostname`
/// (Kubernetes 1.37, `apimachinery/pkg/util/validation/validation.go`,
/// `LabelValueMaxLength`). One part of a host's name can have no more, either (RFC 1035).
const LONGEST: usize = 63;

/// Of a subnet for Services (Kubernetes 1.37, `cmd/kubeadm/app/constants/constants.go`,
/// `MaximumBitsForServiceSubnet`).
const MOST_SERVICE_BITS: u32 = 20;
/// For `MinimumAddressesInServiceSubnet` there, which is 10: DNS gets the tenth.
const LEAST_SERVICE_BITS: u32 = 4;
/// Of the number of nodes (`PodSubnetNodeMaskMaxDiff` there).
const MOST_NODE_BITS: u32 = 16;

pub(super) const NAME: &str = "cluster name";
pub(super) const PODS: &str = "networking.podSubnet";
pub(super) const SERVICES: &str = "networking.serviceSubnet";
/// Everything that is checked here.
pub(super) const TITLES: [&str; 3] = [NAME, PODS, SERVICES];

pub(super) fn checks(cluster: &Cluster) -> Vec<Check> {
    let ranges = Ranges::of(cluster);
    let mut checks = vec![names(cluster)];
    checks.extend(ranges.iter().map(|range| range.check(cluster)));
    checks.extend(services(cluster));
    checks
}

/// Whether containers can be called by the names that are made of the cluster's.
fn names(cluster: &Cluster) -> Check {
    let title = NAME;
    let mut names = cluster.node_names();
    names.extend(cluster.has_load_balancer().then(|| cluster.api_host()));
    let longest = names.iter().max_by_key(|name| name.len()).expect("there is a node");
    let suffix = longest.strip_prefix(&*cluster.name).unwrap_or_default();
    let length = cluster.name.len();
    if longest.len() > LONGEST {
        return Check::error(title, format!("{:?} has {length} characters", cluster.name))
            .needed(format!(
                "at most {} for this definition: with {suffix:?} it becomes the name of a host, which can have {LONGEST}",
                LONGEST - suffix.len()
            ))
            .remedy("choose a shorter name, in the definition or with --name");
    }
    let is_word = |part: &str| {
        let ends = [part.bytes().next(), part.bytes().last()];
        ends.iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
    };
    match names.iter().all(|name| name.split('.').all(is_word)) {
        true => Check::ok(title, format!("{:?}, {length} of {} characters", cluster.name, LONGEST - suffix.len())),
        false => Check::error(title, format!("{:?}", cluster.name))
            .needed("a letter or digit at its beginning and on both sides of each dot, as in names of hosts")
            .remedy("choose another name, in the definition or with --name"),
    }
}

/// The addresses of one IP family from which each node gets a part for its pods.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranges {
    pub pods: Subnet,
    /// The prefix of a node's part.
    node: u32,
}

impl Ranges {
    /// One for each of the pod subnets.
    pub(super) fn of(cluster: &Cluster) -> Vec<Ranges> {
        let configuration = configuration(cluster);
        let subnets = subnet::list(&cluster.networking.pod_subnet);
        let is_only = subnets.len() == 1;
        let range = |pods: &Subnet| Ranges {
            pods: *pods,
            node: node_prefix(&configuration, *pods, is_only),
        };
        subnets.iter().map(range).collect()
    }

    /// What the nodes of this cluster get, lowest first, as the controller manager does it.
    pub(super) fn of_nodes(self, cluster: &Cluster) -> impl Iterator<Item = Subnet> {
        self.pods.parts(self.node, cluster.nodes.len() as u128)
    }

    fn check(self, cluster: &Cluster) -> Check {
        let (nodes, parts) = (cluster.nodes.len() as u128, self.pods.count(self.node));
        let found = format!("{}, of which each node gets a /{}", self.pods, self.node);
        let failed = |needed: String, remedy: &str| {
            Check::error(PODS, found.clone()).needed(needed).remedy(remedy)
        };
        if parts == 0 {
            return failed(
                format!("a /{} or larger", self.node.saturating_sub(bits(nodes))),
                "use a larger podSubnet, or set node-cidr-mask-size in a kubeadm patch",
            );
        }
        if self.node - self.pods.prefix() > MOST_NODE_BITS {
            return failed(
                format!("a /{} or smaller, as kubeadm allows", self.node - MOST_NODE_BITS),
                "use a smaller podSubnet",
            );
        }
        // Other pod networks have parts of their own.
        if parts < nodes && cluster.networking.default_cni {
            return failed(
                format!("a /{} or larger for {nodes} nodes", self.node.saturating_sub(bits(nodes))),
                "use a larger podSubnet or fewer nodes, or set node-cidr-mask-size in a kubeadm patch",
            );
        }
        Check::ok(PODS, format!("{found}: {parts} nodes at most"))
    }
}

/// How many bits tell so many nodes apart.
fn bits(nodes: u128) -> u32 {
    nodes.next_power_of_two().trailing_zeros()
}

/// The flags of the controller manager for it, with their defaults. The one without a
/// family is for clusters of one.
fn node_prefix(configuration: &Value, pods: Subnet, is_only: bool) -> u32 {
    let family = if pods.is_v6() { "node-cidr-mask-size-ipv6" } else { "node-cidr-mask-size-ipv4" };
    let args = &configuration["controllerManager"]["extraArgs"];
    let value = |name: &str| -> Option<u32> {
        // A list in v1beta4 and later, where the last one counts; before, a mapping.
        let listed = args.as_array().and_then(|args| {
            args.iter().rev().find(|arg| arg["name"] == name).map(|arg| &arg["value"])
        });
        listed.unwrap_or(&args[name]).as_str()?.parse().ok()
    };
    let given = value(family).or_else(|| value("node-cidr-mask-size").filter(|_| is_only));
    let default = if pods.is_v6() { 64 } else { 24 };
    given.filter(|prefix| *prefix <= pods.width()).unwrap_or(default)
}

/// The `ClusterConfiguration` that the first control-plane gets. A patch that cannot be
/// applied is reported elsewhere.
fn configuration(cluster: &Cluster) -> Value {
    let first = cluster.first_control_plane();
    let (names, node) = (cluster.node_names(), &cluster.nodes[first]);
    let version = node_image::DEFAULT_VERSION.parse().expect("the default version is valid");
    let data = ConfigData::new(cluster, (&names[first], node), &version, &[], "", false);
    let config = bootstrap::node_config(&data).ok();
    let mut documents = config.into_iter().flat_map(|config| config.documents);
    documents.find(|document| document["kind"] == "ClusterConfiguration").unwrap_or_default()
}

fn services(cluster: &Cluster) -> Vec<Check> {
    let pods = subnet::list(&cluster.networking.pod_subnet);
    let services = subnet::list(&cluster.networking.service_subnet);
    let mut checks = Vec::new();
    for service in &services {
        let sizes = LEAST_SERVICE_BITS..=MOST_SERVICE_BITS;
        if !sizes.contains(&(service.width() - service.prefix())) {
            let [most, least] = [sizes.end(), sizes.start()].map(|bits| service.width() - bits);
            let needed = format!("a /{most} to /{least}, as kubeadm allows");
            let remedy = "use a serviceSubnet of such a size";
            checks.push(Check::error(SERVICES, service.to_string()).needed(needed).remedy(remedy));
            continue;
        }
        let overlap = pods.iter().find(|pods| pods.overlaps(*service));
        checks.push(match overlap {
            None => Check::ok(SERVICES, service.to_string()),
            Some(pods) => {
                let found = format!("{service} overlaps networking.podSubnet {pods}");
                // Nodes do not get parts that belong to Services; here none would be left.
                let check = match service.contains(*pods) {
                    true => Check::error(SERVICES, found),
                    false => Check::warning(SERVICES, found),
                };
                check
                    .needed("subnets that have no address in common")
                    .remedy("change serviceSubnet or podSubnet in the definition")
            }
        });
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Outcome, worst};
    use crate::preflight::fixtures::{cluster, nodes};

    const ONE: &str = "[{role: control-plane}]";
    const TWO_PLANES: &str = "[{role: control-plane}, {role: control-plane}]";
    const WORKERS: &str = "[{role: control-plane}, {role: worker}, {role: worker}]";

    fn named(name: &str, nodes: &str) -> Check {
        names(&cluster(&format!("name: {name:?}\nnodes: {nodes}")))
    }

    #[test]
    fn the_longest_name_depends_on_the_definition() {
        for (nodes, longest) in [(ONE, 49), (WORKERS, 49), (TWO_PLANES, 40)] {
            let fits = named(&"a".repeat(longest), nodes);
            assert_eq!(fits.outcome, Outcome::Ok, "{fits}");
            let long = named(&"a".repeat(longest + 1), nodes);
            assert_eq!(long.outcome, Outcome::Error, "{long}");
            let needed = long.needed.unwrap();
            assert!(needed.starts_with(&format!("at most {longest} for this ")), "{needed}");
        }
    }

    #[test]
    fn names_are_names_of_hosts() {
        for (name, outcome) in [
            ("a", Outcome::Ok),
            ("1.b-2", Outcome::Ok),
            ("a-", Outcome::Ok),
            ("-a", Outcome::Error),
            (".a", Outcome::Error),
            ("a.", Outcome::Error),
            ("a..b", Outcome::Error),
            ("a-.b", Outcome::Error),
            ("a.-b", Outcome::Error),
        ] {
            assert_eq!(named(name, ONE).outcome, outcome, "{name}");
        }
    }

    fn networking(count: usize, fields: &str) -> Cluster {
        let networking = cluster(&format!("networking: {{{fields}}}")).networking;
        Cluster { networking, ..nodes(count) }
    }

    #[test]
    fn every_node_needs_a_part_of_the_pod_subnet() {
        for (count, fields, outcome) in [
            (1, "podSubnet: 10.1.0.0/24", Outcome::Ok),
            (1, "podSubnet: 10.1.0.0/25", Outcome::Error),
            (2, "podSubnet: 10.1.0.0/24", Outcome::Error),
            (2, "podSubnet: 10.1.0.0/23", Outcome::Ok),
            (3, "podSubnet: 10.1.0.0/23", Outcome::Error),
            (3, "podSubnet: 10.1.0.0/23, disableDefaultCNI: true", Outcome::Ok),
            (1, "podSubnet: 10.1.0.0/25, disableDefaultCNI: true", Outcome::Error),
            (1, "podSubnet: 10.0.0.0/8, serviceSubnet: 192.168.0.0/16", Outcome::Ok),
            (1, "podSubnet: 10.0.0.0/7, serviceSubnet: 192.168.0.0/16", Outcome::Error),
            (1, "ipFamily: ipv6, podSubnet: 'fd00:1::/64'", Outcome::Ok),
            (1, "ipFamily: ipv6, podSubnet: 'fd00:1::/65'", Outcome::Error),
            (2, "ipFamily: ipv6, podSubnet: 'fd00:1::/64'", Outcome::Error),
            (1, "ipFamily: ipv6, podSubnet: 'fd00::/48'", Outcome::Ok),
            (1, "ipFamily: ipv6, podSubnet: 'fd00::/47'", Outcome::Error),
            (2, "ipFamily: dual, podSubnet: '10.1.0.0/16,fd00:1::/64'", Outcome::Error),
            (256, "ipFamily: dual", Outcome::Ok),
            (257, "ipFamily: dual", Outcome::Error),
        ] {
            let cluster = networking(count, fields);
            let checks = checks(&cluster);
            assert_eq!(worst(&checks), outcome, "{count} {fields}: {checks:?}");
        }
    }

    #[test]
    fn patches_change_the_size_of_a_nodes_part() {
        let patched = |args: &str, fields: &str| {
            let patch =
                format!("kind: ClusterConfiguration\ncontrollerManager: {{extraArgs: {args}}}\n");
            let mut cluster = networking(2, fields);
            cluster.kubeadm.merge.push(patch);
            worst(&checks(&cluster))
        };
        let small = "podSubnet: 10.1.0.0/24";
        for (args, fields, outcome) in [
            ("{node-cidr-mask-size: '25'}", small, Outcome::Ok),
            ("{node-cidr-mask-size-ipv4: '25'}", small, Outcome::Ok),
            ("[{name: node-cidr-mask-size-ipv4, value: '25'}]", small, Outcome::Ok),
            ("{node-cidr-mask-size: '24'}", small, Outcome::Error),
            ("{node-cidr-mask-size-ipv6: '25'}", small, Outcome::Error),
            ("{node-cidr-mask-size: '20'}", "podSubnet: 10.1.0.0/20", Outcome::Error),
            (
                "{node-cidr-mask-size: '66'}",
                "ipFamily: ipv6, podSubnet: 'fd00:1::/64'",
                Outcome::Ok,
            ),
        ] {
            assert_eq!(patched(args, fields), outcome, "{args} {fields}");
        }
    }

    #[test]
    fn services_and_pods_have_addresses_of_their_own() {
        for (fields, outcome) in [
            ("", Outcome::Ok),
            ("serviceSubnet: 10.244.0.0/16", Outcome::Error),
            ("serviceSubnet: 10.240.0.0/12", Outcome::Error),
            ("serviceSubnet: 10.244.4.0/24", Outcome::Warning),
            ("serviceSubnet: 10.245.0.0/16", Outcome::Ok),
            ("serviceSubnet: 172.16.0.0/12", Outcome::Ok),
            ("serviceSubnet: 172.16.0.0/11", Outcome::Error),
            ("serviceSubnet: 172.16.0.0/28", Outcome::Ok),
            ("serviceSubnet: 172.16.0.0/29", Outcome::Error),
            ("ipFamily: ipv6, serviceSubnet: 'fd01::/108'", Outcome::Ok),
            ("ipFamily: ipv6, serviceSubnet: 'fd01::/107'", Outcome::Error),
            ("ipFamily: dual, serviceSubnet: '10.96.0.0/16,fd00:10:244::/112'", Outcome::Warning),
        ] {
            let checks = checks(&networking(1, fields));
            assert_eq!(worst(&checks), outcome, "{fields}: {checks:?}");
        }
    }
}
