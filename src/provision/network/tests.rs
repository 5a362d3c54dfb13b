use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::engine::fake::{FakeEngine, Fault, When};
use crate::progress::Progress;

fn context(engine: &FakeEngine) -> Context {
    Context::new(Arc::new(engine.clone()), Progress::silent(), CancellationToken::new())
}

fn without_ipv6() -> FakeEngine {
    // Docker 26.1 on a host that was booted with ipv6.disable=1.
    let words = "Cannot read IPv6 setup for bridge br-1f2e: open /proc/sys/net/ipv6/conf/br-1f2e/disable_ipv6: no such file or directory";
    let when = When::Named { name: "create_network".into(), container: None, nth: Some(1) };
    FakeEngine::default()
        .and_armed(when, Fault::FailsWith(EngineError::other("creating network kind", words)))
}

#[test]
fn the_subnet_is_the_one_kind_uses() {
    assert_eq!(unique_local_subnet("kind", 0), "fc00:f853:ccd:e793::/64");
    assert_ne!(unique_local_subnet("kind", 1), unique_local_subnet("kind", 0));
}

#[test]
fn engines_say_in_several_ways_that_there_is_no_ipv6() {
    for message in [
        "Cannot read IPv6 setup for bridge br-1",
        "cannot read IPv6 setup for bridge br-1",
        "Failed to Setup IP tables: Unable to enable NAT rule:  (iptables failed: ip6tables --wait",
        "setting default policy to DROP in FORWARD chain failed:  (iptables failed: ip6tables",
    ] {
        assert!(lacks_ipv6(message), "{message}");
    }
    assert!(!lacks_ipv6("Pool overlaps with other one on this address space"));
}

#[test]
fn engines_say_in_several_ways_that_subnets_overlap() {
    for message in [
        "Pool overlaps with other one on this address space",
        "networks have overlapping IPv4",
        "subnet fc00:f853:ccd:e793::/64 is already used on the host or by another config",
    ] {
        assert!(overlaps(message), "{message}");
    }
    assert!(!overlaps("network name kind already used: network already exists"));
}

#[tokio::test]
async fn a_network_is_created_once_with_the_default_networks_mtu() {
    let engine = FakeEngine::default();
    engine.put_network(Network { id: "bridge".into(), mtu: Some(1400), ..Network::default() });
    for _ in 0..2 {
        let network = ensure(&context(&engine), "kind", Family::Dual).await.unwrap();
        assert_eq!(network.mtu, Some(1400));
        assert!(network.has_ipv6());
    }
    assert_eq!(engine.calls().iter().filter(|call| *call == "create_network").count(), 1);
}

#[tokio::test]
async fn without_ipv6_only_ipv4_clusters_get_a_network() {
    let engine = without_ipv6();
    assert!(!ensure(&context(&engine), "kind", Family::Ipv4).await.unwrap().has_ipv6());
    for family in [Family::Ipv6, Family::Dual] {
        let engine = without_ipv6();
        let error = ensure(&context(&engine), "kind", family).await.unwrap_err().to_string();
        assert!(error.contains("has no IPv6") && error.contains("br-1f2e"), "{error}");
        assert_eq!(engine.calls().iter().filter(|call| *call == "create_network").count(), 1);
    }
}
