//! An engine whose host has no IPv6, and whose networks have a small MTU, as on
//! machines booted with `ipv6.disable=1` and behind VPNs.

use serde_json::Value;

use crate::fake_node;
use crate::harness::{Lab, SecondEngine, check, stderr};
use crate::images::api;

const NAME: &str = "skiff-test-no-ipv6";

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn the_network_is_what_the_host_can_do() {
    let lab = Lab::on(SecondEngine::start("no-ipv6"), &[NAME]);
    fake_node::make_image_in(&lab, &["ENTRYPOINT /bin/entrypoint"]);
    let create = ["create", "cluster", "--name", NAME, "--image", fake_node::IMAGE];

    let text = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnetworking: {ipFamily: dual}\n";
    let config = lab.write("dual.yaml", text);
    let out = lab.run(&[&create[..], &["--config", &config]].concat());
    assert_eq!(out.status.code(), Some(4));
    assert!(stderr(&out).contains("IPv6"), "{}", stderr(&out));
    check("a dual-stack cluster is refused where the host has no IPv6");

    let out = lab.run(&[&create[..], &["--wait", "0s"]].concat());
    assert!(out.status.success(), "{}", stderr(&out));
    let network: Value =
        serde_json::from_slice(&api(&lab.socket(), "GET", "/networks/kind", None)).unwrap();
    assert_eq!(network["EnableIPv6"], false, "{network}");
    assert_eq!(network["Options"]["com.docker.network.driver.mtu"], "1400", "{network}");
    check("an IPv4 cluster is made, in a network with the engine's MTU");
}
