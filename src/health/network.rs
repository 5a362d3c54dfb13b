//! The ways to the API server, the Service network, and DNS.

use std::net::Ipv6Addr;

use super::finding::{Finding, Topic, count, kubectl, see_why};
use super::report::{Examination, Lookup, Report, Response};
use crate::check::Check;
use crate::inventory::ExistingCluster;

const API_SERVER: Topic = Topic { all: "API server", some: "API server on" };
const BALANCER: Topic = Topic { all: "API balancer", some: "API balancer from" };
const SERVICE: Topic = Topic { all: "Services", some: "Services from" };
const DNS: Topic = Topic { all: "DNS", some: "DNS from" };

/// Where the API server is published.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// As `host:port`; `None` if it is not published, as when the container is stopped.
    pub address: Option<String>,
    /// From this host.
    pub is_reachable: bool,
}

/// An address as it stands in URLs.
pub(super) fn in_url(address: &str) -> String {
    match address.parse::<Ipv6Addr>() {
        Ok(_) => format!("[{address}]"),
        Err(_) => address.to_owned(),
    }
}

/// What nodes reach.
pub(super) fn checks(cluster: &ExistingCluster, nodes: &[Examination]) -> Vec<Check> {
    let name = cluster.name.as_str();
    let balancer_name = cluster.load_balancer().map_or("", |balancer| balancer.name.as_str());
    let reports: Vec<(&str, &Report)> = nodes
        .iter()
        .filter_map(|node| Some((node.node.as_str(), node.report.as_ref().ok()?)))
        .collect();
    let mut checks = Vec::new();
    let mut add = |topic: &Topic,
                   well: &str,
                   ask: &dyn Fn(&str, &Report) -> Option<Option<Finding>>| {
        let asked: Vec<_> =
            reports.iter().filter_map(|(node, report)| Some((*node, ask(node, report)?))).collect();
        if asked.is_empty() {
            return;
        }
        let well = format!("{well} {}", count(asked.len(), "node"));
        let ill = asked.into_iter().filter_map(|(node, found)| Some((node.to_owned(), found?)));
        checks.extend(topic.checks(&well, ill.collect()));
    };
    add(&API_SERVER, "ready on", &|node, report| {
        Some(api_server(node, report.api_server.as_ref()?))
    });
    add(&BALANCER, "answers", &|_, report| {
        Some(balancer(balancer_name, report.balancer.as_ref()?))
    });
    add(&SERVICE, "answer", &|_, report| Some(service(report.service.as_ref()?, name)));
    add(&DNS, "answers", &|_, report| {
        Some(dns(report.dns_server.as_ref()?, &report.lookups, name))
    });
    checks
}

/// The API server as it is published on the engine's host; nothing if it is not.
pub(super) fn entry(entry: &Entry) -> Option<Check> {
    let address = entry.address.as_ref()?;
    let title = "API server from here";
    if entry.is_reachable {
        return Some(Check::ok(title, format!("{address} can be reached")));
    }
    Some(
        Check::warning(title, format!("{address} cannot be reached"))
            .needed("an address of this host")
            .remedy("run this on the engine's host, or forward the port"),
    )
}

/// Whether a server is ready, or at least there: it may not tell everybody.
fn is_well(response: &Response) -> bool {
    matches!(response.status, 200 | 401 | 403)
}

fn api_server(node: &str, response: &Response) -> Option<Finding> {
    if is_well(response) {
        return None;
    }
    // Such as `[-]etcd failed: reason withheld`.
    let failed = response.text.lines().filter_map(|line| line.strip_prefix("[-]"));
    let failed: Vec<&str> = failed.filter_map(|line| line.split(' ').next()).collect();
    let found = match (response.status, &failed[..]) {
        (0, _) => "does not answer".to_owned(),
        (status, []) => format!("answers with HTTP status {status}"),
        (_, failed) => format!("is not ready: {} failed", failed.join(", ")),
    };
    let log = "sh -c 'crictl logs --tail 20 $(crictl ps -a -q --name kube-apiserver | head -n 1)'";
    let remedy = see_why(node, log);
    Some(Finding::error(found, "ready", remedy))
}

fn balancer(name: &str, response: &Response) -> Option<Finding> {
    (!is_well(response)).then(|| {
        let remedy = format!("docker restart {name}");
        Finding::error("leads to no API server", "an API server that answers", remedy)
    })
}

fn service(response: &Response, cluster: &str) -> Option<Finding> {
    (!is_well(response)).then(|| {
        let found = "the Service kubernetes does not answer at its cluster IP";
        let restart = "rollout restart --namespace kube-system daemonset/kube-proxy";
        Finding::error(found, "an API server that answers", kubectl(cluster, restart))
    })
}

fn dns(server: &str, lookups: &[Lookup], cluster: &str) -> Option<Finding> {
    let restart = kubectl(cluster, "rollout restart --namespace kube-system deployment/coredns");
    let (of_pods, of_node): (Vec<&Lookup>, Vec<&Lookup>) =
        lookups.iter().partition(|lookup| lookup.by_pod);
    // The first is for the API server, the other for a name that is passed on.
    match of_node[..] {
        [first, ..] if !first.found => {
            let found = format!("{server} does not resolve {}", first.name);
            return Some(Finding::error(found, "an address", restart));
        }
        [_, other, ..] if !other.found => {
            let found = format!("{server} does not pass on other names, such as {}", other.name);
            return Some(Finding::warning(found, "an answer of the engine's DNS server", restart));
        }
        _ => {}
    }
    let is_deaf = !of_pods.is_empty() && !of_pods.iter().any(|lookup| lookup.found);
    is_deaf.then(|| {
        let found = format!("{server} answers the node, but not its pods");
        let remedy = format!("unless a NetworkPolicy forbids it, restart it: {restart}");
        Finding::error(found, "an answer", remedy)
    })
}
