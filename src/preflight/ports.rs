//! Ports of the host that a definition asks for by number.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;

use super::facts::{Facts, TakenPort};
use crate::check::Check;
use crate::cluster::{Cluster, HostPort, Protocol};
use crate::context::{Context, RunError};
use crate::engine::{Container, Publish};
use crate::labels;
use crate::plan;
use crate::provision::ports;

/// Every fixed port, with the field that asks for it.
fn wanted(cluster: &Cluster) -> Vec<(String, Publish)> {
    let networking = &cluster.networking;
    let mappings = cluster.nodes.iter().enumerate().flat_map(|(node, of)| {
        of.port_mappings.iter().enumerate().map(move |(at, mapping)| {
            let field = format!("nodes[{node}].extraPortMappings[{at}].hostPort");
            (field, plan::published(mapping, networking.family))
        })
    });
    let api = ("networking.apiServerPort".to_owned(), plan::published_api(networking));
    let all = mappings.chain([api]);
    all.filter(|(_, publish)| matches!(publish.host_port, HostPort::Fixed(_))).collect()
}

/// Those that another program of this machine has. The containers of a cluster of the same
/// name do not count: it is the one that the definition is about.
///
/// # Errors
/// Returns the engine's error, or [`RunError::Cancelled`].
pub(super) async fn taken(ctx: &Context, cluster: &Cluster) -> Result<Vec<TakenPort>, RunError> {
    let mut wanted = wanted(cluster);
    wanted.retain(|(_, publish)| ports::is_taken(publish));
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let containers = ctx.interruptible(ctx.engine.containers(&[])).await?;
    let taken = wanted.into_iter().filter_map(|(field, publish)| {
        let container = containers.iter().find(|container| has(container, &publish));
        if container.is_some_and(|of| of.labels.get(labels::CLUSTER) == Some(&cluster.name)) {
            return None;
        }
        let holder = match container {
            Some(container) => Some(format!("container {}", container.name)),
            None => process(&publish),
        };
        Some(TakenPort { field, publish, holder })
    });
    Ok(taken.collect())
}

fn has(container: &Container, publish: &Publish) -> bool {
    let wanted = publish.port().map(|port| (publish.protocol, port));
    container.ports.iter().any(|port| Some(*port) == wanted)
}

/// The process that has a port, such as `nginx (process 812)`. Other users' processes are
/// shown to root only.
fn process(publish: &Publish) -> Option<String> {
    let tables = match publish.protocol {
        Protocol::Tcp => ["tcp", "tcp6"],
        Protocol::Udp => ["udp", "udp6"],
        Protocol::Sctp => return None,
    };
    let port = publish.port()?;
    let texts = tables.map(|table| fs::read_to_string(format!("/proc/net/{table}")));
    let inodes: BTreeSet<String> =
        texts.iter().flatten().flat_map(|text| inodes(text, port)).map(str::to_owned).collect();
    let is_one = |link: &str| {
        let inode = link.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        inode.is_some_and(|inode| inodes.contains(inode))
    };
    let processes = fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        entry.file_name().to_str()?.parse::<u32>().ok().filter(|_| !inodes.is_empty())
    });
    let mut holders = processes.filter(|process| {
        let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
        let mut links = files.filter_map(|file| fs::read_link(file.path()).ok());
        links.any(|link| link.to_str().is_some_and(is_one))
    });
    let holder = holders.next()?;
    let name = fs::read_to_string(format!("/proc/{holder}/comm")).ok()?;
    Some(format!("{} (process {holder})", name.trim()))
}

/// Of `/proc/net/tcp` and its like, the inodes of sockets that are bound to a port and
/// connected to nothing: number, local address, remote address, state, four fields, inode.
fn inodes(table: &str, port: u16) -> impl Iterator<Item = &str> {
    let local = format!(":{port:04X}");
    table.lines().skip(1).filter_map(move |line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_it = words.get(1)?.ends_with(&local) && words.get(2)?.ends_with(":0000");
        words.get(9).copied().filter(|_| is_it)
    })
}

pub(super) fn checks(cluster: &Cluster, facts: &Facts) -> Vec<Check> {
    let wanted = wanted(cluster);
    let mut checks: Vec<Check> = facts.taken.iter().map(in_use).collect();
    checks.extend(wanted.iter().filter_map(|(field, publish)| privileged(facts, field, publish)));
    if checks.is_empty() {
        let ports: Vec<String> = wanted.iter().map(|(_, publish)| shown(publish)).collect();
        let found = match (ports.is_empty(), facts.host.local) {
            (true, _) => "none is asked for by its number".to_owned(),
            (false, true) => format!("{} can be used", ports.join(", ")),
            (false, false) => format!("{} on another machine: not known", ports.join(", ")),
        };
        checks.push(Check::ok("ports of the host", found));
    }
    checks
}

fn in_use(TakenPort { field, publish, holder }: &TakenPort) -> Check {
    let by = holder.as_ref().map(|holder| format!(" by {holder}")).unwrap_or_default();
    Check::error(field, format!("{} is already in use{by}", shown(publish)))
        .needed("a port that is free")
        .remedy("stop what uses it, or change the field (0 picks a free port)")
}

/// Without root an engine may not listen on low ports, unless its helper has been given
/// the capability for it.
fn privileged(facts: &Facts, field: &str, publish: &Publish) -> Option<Check> {
    let first = facts.machine.as_ref()?.first_unprivileged_port?;
    let port = publish.port().filter(|port| facts.host.rootless && *port < first)?;
    Some(
        Check::warning(field, format!("{}, with a rootless engine", shown(publish)))
            .needed(format!(
                "a port from {first} on, or a lower net.ipv4.ip_unprivileged_port_start"
            ))
            .remedy(format!("sudo sysctl net.ipv4.ip_unprivileged_port_start={port}")),
    )
}

/// Such as `127.0.0.1:80/tcp`.
fn shown(publish: &Publish) -> String {
    let port = publish.port().unwrap_or(0);
    let address = match publish.host_address.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => publish.host_address.clone(),
    };
    format!("{address}:{port}/{}", publish.protocol.as_str())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;

    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::check::Outcome;
    use crate::engine::ContainerSpec;
    use crate::engine::fake::FakeEngine;
    use crate::preflight::fixtures::{cluster, facts, with};
    use crate::progress::Progress;

    const TWO: &str = "networking: {apiServerPort: 6443, apiServerAddress: '::1', ipFamily: ipv6}
nodes:
- role: control-plane
- role: worker
  extraPortMappings: [{containerPort: 1}, {containerPort: 80, hostPort: 80, protocol: UDP}]";

    #[test]
    fn ports_by_number_are_known_by_their_fields() {
        let wanted: Vec<_> = wanted(&cluster(TWO))
            .into_iter()
            .map(|(field, publish)| format!("{field} {}", shown(&publish)))
            .collect();
        assert_eq!(
            wanted,
            [
                "nodes[1].extraPortMappings[1].hostPort [::]:80/udp",
                "networking.apiServerPort [::1]:6443/tcp"
            ]
        );
        assert_eq!(super::wanted(&cluster("")), []);
    }

    fn taking(port: u16) -> Cluster {
        cluster(&format!("name: lab\nnetworking: {{apiServerPort: {port}}}"))
    }

    async fn found(engine: &FakeEngine, cluster: &Cluster) -> Vec<TakenPort> {
        let (progress, cancel) = (Progress::silent(), CancellationToken::new());
        taken(&Context::new(Arc::new(engine.clone()), progress, cancel), cluster).await.unwrap()
    }

    #[tokio::test]
    async fn who_has_a_port_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let engine = FakeEngine::default();
        let own = format!("(process {})", std::process::id());
        let [this] = &found(&engine, &taking(port)).await[..] else { panic!() };
        assert!(this.holder.as_ref().is_some_and(|holder| holder.ends_with(&own)), "{this:?}");
        let check = in_use(this);
        assert!(check.found.starts_with(&format!("127.0.0.1:{port}/tcp is already in use by ")));
        assert_eq!((&*check.title, check.outcome), ("networking.apiServerPort", Outcome::Error));

        let container = |name: &str, cluster: &str| ContainerSpec {
            name: name.into(),
            labels: [(labels::CLUSTER.to_owned(), cluster.to_owned())].into(),
            publish: vec![this.publish.clone()],
            ..ContainerSpec::default()
        };
        engine.put(container("web", "other"));
        let [web] = &found(&engine, &taking(port)).await[..] else { panic!() };
        assert_eq!(web.holder.as_deref(), Some("container web"));
        engine.put(container("web", "lab"));
        assert_eq!(found(&engine, &taking(port)).await, [], "the cluster's own");
        drop(listener);
        assert_eq!(found(&FakeEngine::default(), &taking(port)).await, []);
    }

    #[test]
    fn sockets_are_found_by_their_port() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            \x20  0: 0100007F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0\n\
            \x20  1: 0100007F:0050 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 4243 1 0\n\
            \x20  2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4244 1 0\n";
        assert_eq!(inodes(table, 80).collect::<Vec<_>>(), ["4242"]);
        assert_eq!(inodes("", 80).next(), None);
    }

    #[test]
    fn low_ports_are_warned_about_without_root() {
        for (rootless, first, warns) in
            [(true, 81, true), (true, 80, false), (false, 1024, false), (true, 0, false)]
        {
            let mut facts = with(|machine| machine.first_unprivileged_port = Some(first));
            facts.host.rootless = rootless;
            let checks = checks(&cluster(TWO), &facts);
            let expected = if warns { Outcome::Warning } else { Outcome::Ok };
            assert_eq!((checks.len(), checks[0].outcome), (1, expected), "{rootless} {first}");
        }
        assert_eq!(checks(&cluster(""), &facts())[0].outcome, Outcome::Ok);
    }
}
