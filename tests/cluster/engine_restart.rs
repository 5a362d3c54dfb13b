//! An engine that is stopped cleanly and started again, as when its host reboots:
//! the API balancer comes back, whatever it ends with.

use serde_json::Value;
use skiff::node_image;

use crate::fake_node;
use crate::harness::{Lab, SecondEngine, check, eventually, stderr};
use crate::images::{api, load_into_engine};

const TWO_PLANES: &str = "kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes: [{role: control-plane}, {role: control-plane}]
";

/// A cluster with an API balancer on a second engine.
struct Balanced {
    lab: Lab,
    name: &'static str,
}

impl Balanced {
    fn create(lab: Lab, name: &'static str, image: &str, wait: &str) -> Balanced {
        let config = lab.write("cluster.yaml", TWO_PLANES);
        let create = ["create", "cluster", "--name", name, "--config", &config];
        let out = lab.run(&[&create[..], &["--image", image, "--wait", wait]].concat());
        assert!(out.status.success(), "{}", stderr(&out));
        Balanced { lab, name }
    }

    fn inspect(&self, role: &str) -> Value {
        let path = format!("/containers/{}-{role}/json", self.name);
        serde_json::from_slice(&api(&self.lab.socket(), "GET", &path, None)).unwrap()
    }

    /// Where the API is published.
    fn ports(&self) -> Value {
        self.inspect("external-load-balancer")["NetworkSettings"]["Ports"].clone()
    }

    /// Restarts the engine, and waits for the balancer.
    fn restart_engine(&self) {
        let before = self.ports();
        assert!(before["6443/tcp"][0]["HostPort"].is_string(), "{before}");
        self.lab.restart_engine();
        eventually("the API balancer runs again", 60, || {
            let state = self.inspect("external-load-balancer")["State"].clone();
            if state["Running"] == true { Ok(()) } else { Err(state.to_string()) }
        });
        assert_eq!(self.ports(), before);
    }
}

/// Envoy ends with 0 on SIGTERM, which is no failure. A program that does so, too,
/// stands in for it.
#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn a_balancer_that_ends_with_0_comes_back() {
    let lab = Lab::on(SecondEngine::start("containerd"), &["skiff-test-ends"]);
    fake_node::make_image_in(
        &lab,
        &["ENTRYPOINT /bin/entrypoint", "LABEL io.skiff.api-balancer=haproxy"],
    );
    let cluster = Balanced::create(lab, "skiff-test-ends", fake_node::IMAGE, "0s");
    cluster.restart_engine();
    check("a balancer that ends with 0 runs again at the same port");
}

#[test]
#[ignore = "needs engine and node image; tests/run.sh runs it"]
fn the_api_comes_back_behind_haproxy() {
    let image = node_image::reference(node_image::DEFAULT_VERSION);
    let saved = api(&Lab::new(&[]).socket(), "GET", &format!("/images/{image}/get"), None);
    let lab = Lab::on(SecondEngine::start("containerd"), &["skiff-test-returns"]);
    load_into_engine(&lab.socket(), lab.folder.path(), &saved);
    drop(saved);
    let cluster = Balanced::create(lab, "skiff-test-returns", &image, "5m");
    cluster.restart_engine();
    check("haproxy runs again at the same port");

    let kubeconfig = cluster.lab.kubeconfig();
    let same = ["--kubeconfig", kubeconfig.to_str().unwrap(), "get", "--raw", "/readyz"];
    eventually("the API with the same kubeconfig", 240, || {
        let kubectl = ["kubectl", "--name", cluster.name, "--"];
        let out = cluster.lab.run(&[&kubectl[..], &same].concat());
        if out.stdout == b"ok" { Ok(()) } else { Err(stderr(&out)) }
    });
    check("the same kubeconfig leads to the API through it");
}
