//! Pods that tests run.

use crate::harness::{Lab, eventually};

/// A web server on a node, answering with its own name on port 8080.
pub(crate) fn web(name: &str, node: &str, extra: &str) -> String {
    format!(
        "apiVersion: v1
kind: Pod
metadata: {{name: {name}, labels: {{app: web}}}}
spec:
  nodeName: {node}
  terminationGracePeriodSeconds: 0
  tolerations: [{{operator: Exists}}]
  containers:
  - name: web
    image: docker.io/skiff/helper:node
    command: [/bin/sh, -c, 'mkdir -p /www; echo {name} >/www/index.html; echo {name} serves; exec busybox httpd -f -p 8080 -h /www']
{extra}---
"
    )
}

pub(crate) fn pod_ips(lab: &Lab, cluster: &str, pod: &str) -> Vec<String> {
    let seen = lab.json(cluster, &["get", "pod", pod]);
    let ips = seen["status"]["podIPs"].as_array().unwrap().iter();
    ips.map(|ip| ip["ip"].as_str().unwrap().to_owned()).collect()
}

/// What answers `GET /` there, asked from inside a pod.
pub(crate) fn ask(lab: &Lab, cluster: &str, from: &str, ip: &str, port: u16) -> String {
    let host = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
    let script = format!("busybox wget -T 3 -qO- http://{host}:{port}/");
    eventually(&format!("{from} asks {ip}"), 30, || match lab.in_pod(cluster, from, &script) {
        (true, text) => Ok(text.trim().to_owned()),
        (false, text) => Err(text),
    })
}
